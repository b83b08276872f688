/** MySQL itself against the connector contract, on a private server (see test/support/mysql.ts). */
import { test } from "node:test";
import { connectorContract } from "../contract/connector-contract.js";
import { missingForMysql, startMysql } from "../support/mysql.js";
import { CAPABILITIES, harness } from "./mysql/harness.js";

const missing = await missingForMysql();

if (missing === undefined) {
  connectorContract("MySQL", {
    capabilities: CAPABILITIES,
    mayHarm: true,
    async start() {
      const server = await startMysql();
      return harness(server.url, server);
    },
  });
} else {
  test("MySQL: the connector contract", { skip: missing }, () => undefined);
}
