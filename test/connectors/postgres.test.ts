/**
 * PostgreSQL against the connector contract. Runs on a private server, or on the one that WBSYNC_TEST_POSTGRES_URL names; nobody
 * kills that one.
 */
import { randomBytes } from "node:crypto";
import pg from "pg";
import { postgres } from "../../src/connectors/postgres.js";
import { quote } from "../../src/connectors/postgres/dialect.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, type Harness, type PortableType } from "../contract/harness.js";
import { startPostgres, type PostgresServer } from "../support/postgres.js";
import { waitFor } from "../support/wait.js";

const given = process.env.WBSYNC_TEST_POSTGRES_URL;

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "integer",
  int64: "bigint",
  "decimal(20,4)": "numeric(20,4)",
  double: "double precision",
  boolean: "boolean",
  "varchar(20)": "varchar(20)",
  text: "text",
  binary: "bytea",
  date: "date",
  "time(3)": "time(3)",
  "datetime(3)": "timestamp(3)",
  "datetime(3) zoned": "timestamptz(3)",
  json: "jsonb",
  uuid: "uuid",
};

const CAPABILITIES = { transactional: true, refusesRows: true, schema: true, credentials: true };

connectorContract(given ? "the given PostgreSQL" : "PostgreSQL", {
  capabilities: CAPABILITIES,
  mayHarm: given === undefined,
  async start() {
    const server = given === undefined ? await startPostgres() : undefined;
    return harness(server?.url ?? given!, server);
  },
});

function harness(url: string, server: PostgresServer | undefined): Harness & { stop(): Promise<void> } {
  const { username, password } = new URL(url);
  const connect = async () => {
    const types = {
      getTypeParser: (oid: number) => (oid === 17 ? (hex: string) => Buffer.from(hex.slice(2), "hex") : String),
    };
    const client = new pg.Client({ connectionString: url, types });
    client.on("error", () => undefined);
    await client.connect();
    await client.query("SET TIME ZONE 'UTC'");
    return client;
  };
  const query = async (sql: string, params: readonly unknown[] = []) => {
    const client = await connect();
    try {
      return (await client.query<Record<string, unknown>>(sql, [...params])).rows;
    } finally {
      await client.end();
    }
  };

  return {
    capabilities: CAPABILITIES,
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connector: (table, options, connection = {}) => postgres({ url, ...connection }).table(table, options),
    async createTable(name, { columns, primaryKey }) {
      const list = columns.map(([column, type, constraint = ""]) => `${quote(column)} ${TYPES[type]} ${constraint}`);
      await query(
        `CREATE TABLE ${quote(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`,
      );
    },
    async rows(name, { columns, primaryKey }) {
      const rows = await query(`SELECT * FROM ${quote(name)} ORDER BY ${primaryKey.map(quote).join(", ")}`);
      return rows.map((row) =>
        Object.fromEntries(columns.map(([column, type]) => [column, canonical(type, row[column])])),
      );
    },
    async insert(name, row) {
      const columns = Object.keys(row);
      const marks = columns.map((_, i) => `$${i + 1}`).join(", ");
      await query(
        `INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${marks})`,
        Object.values(row),
      );
    },
    async drop(name) {
      await query(`DROP TABLE IF EXISTS ${quote(name)}`);
    },
    async hold(name) {
      const client = await connect();
      await client.query("BEGIN");
      await client.query(`SELECT * FROM ${quote(name)} FOR UPDATE`);
      return async () => {
        await client.query("ROLLBACK").catch(() => undefined);
        await client.end().catch(() => undefined);
      };
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          await waitFor(async () => {
            const cut = await query(
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE state = 'active' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()`,
            );
            return cut.length > 0;
          });
        },
      },
    }),
    stop: async () => server?.stop(),
  };
}
