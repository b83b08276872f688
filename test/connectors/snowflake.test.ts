/**
 * Snowflake against the connector contract, through the real driver. Runs on fakesnow, an emulator (what it cannot show is in
 * docs/connectors/snowflake.md), or on the account that WBSYNC_TEST_SNOWFLAKE_URL names.
 */
import { test } from "node:test";
import { connectorContract } from "../contract/connector-contract.js";
import { startFakesnow } from "../support/fakesnow.js";
import { CAPABILITIES, given, missing, optionsOf, PASSWORD, snowflakeHarness, USER } from "../support/snowflake.js";

if (missing !== undefined) {
  test("Snowflake: the connector contract on fakesnow", { skip: missing }, () => undefined);
} else {
  connectorContract(given ? "the given Snowflake account" : "Snowflake, emulated by fakesnow", {
    capabilities: CAPABILITIES,
    // With a time limit of its own: see snowflake-harm.test.ts.
    mayHarm: false,
    async start() {
      if (given !== undefined) return { ...(await snowflakeHarness({ url: given })), stop: async () => undefined };
      const server = await startFakesnow({ user: USER, password: PASSWORD });
      return { ...(await snowflakeHarness(optionsOf(server), server)), stop: () => server.stop() };
    },
  });
}
