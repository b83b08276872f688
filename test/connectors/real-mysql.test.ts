/** MySQL itself against the connector contract, on a private server (see test/support/mysql.ts). */
import { describe, test } from "node:test";
import { connectorContract } from "../contract/connector-contract.js";
import { missingForMysql, startMysql } from "../support/mysql.js";
import { CAPABILITIES, harness } from "./mysql/harness.js";
import { types } from "./mysql/types.js";

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
  describe("MySQL: what is peculiar to it", () => types(startMysql));
} else {
  test("MySQL: the connector contract", { skip: missing }, () => undefined);
}
