/**
 * MySQL and MariaDB against the connector contract. Runs on a private MariaDB, or on the server that WBSYNC_TEST_MYSQL_URL
 * names; nobody kills that one.
 */
import { connectorContract } from "../contract/connector-contract.js";
import { startMariadb } from "../support/mariadb.js";
import { CAPABILITIES, harness } from "./mysql/harness.js";

const given = process.env.WBSYNC_TEST_MYSQL_URL;

connectorContract(given ? "the given MySQL" : "MariaDB", {
  capabilities: CAPABILITIES,
  mayHarm: given === undefined,
  async start() {
    const server = given === undefined ? await startMariadb() : undefined;
    return harness(server?.url ?? given!, server);
  },
});
