/**
 * SQL Server. There is none that the tests could start: the real driver talks TDS to a small server (test/support/tds), which runs
 * the statements on H2 in its SQL Server mode, after what H2 does not understand has been translated (test/support/h2/mssql.ts says
 * what). WBSYNC_TEST_MSSQL_URL runs the whole contract on a real server.
 */
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { mssql } from "../../src/connectors/mssql.js";
import { quote } from "../../src/connectors/mssql/dialect.js";
import { resolveMssql } from "../../src/connectors/mssql/options.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, type Harness, type PortableType } from "../contract/harness.js";
import { missingForH2, startH2, type H2Server } from "../support/h2.js";
import { backendOnH2, imitateCatalog, translate } from "../support/h2/mssql.js";
import { type Lab, queryOn } from "../support/sql-lab.js";
import { startTds, type TdsServer } from "../support/tds/server.js";
import { waitFor } from "../support/wait.js";

const given = process.env.WBSYNC_TEST_MSSQL_URL;
const missing = given === undefined ? await missingForH2() : undefined;

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "int",
  int64: "bigint",
  "decimal(20,4)": "decimal(20,4)",
  double: "float",
  boolean: "bit",
  "varchar(20)": "nvarchar(20)",
  text: "nvarchar(max)",
  binary: "varbinary(max)",
  date: "date",
  "time(3)": "time(3)",
  "datetime(3)": "datetime2(3)",
  "datetime(3) zoned": "datetimeoffset(3)",
  json: "nvarchar(max)",
  uuid: "uniqueidentifier",
};

const CAPABILITIES = { transactional: true, refusesRows: true, schema: true, credentials: true, denormals: false };

const CREDENTIALS = { user: "wbsync", password: "secret" };

if (missing !== undefined) {
  test("SQL Server: the connector contract over TDS, on H2", { skip: missing }, () => undefined);
} else {
  connectorContract(given ? "the given SQL Server" : "SQL Server's driver over TDS, its SQL on H2", {
    capabilities: CAPABILITIES,
    mayHarm: given === undefined,
    async start() {
      if (given !== undefined) return { ...harness(await realLab(given)), stop: async () => undefined };
      const server = await startH2("MSSQLServer");
      await imitateCatalog(server);
      const tds = await startTds(backendOnH2(server), CREDENTIALS);
      const stop = () => Promise.all([tds.down(), server.stop()]);
      return { ...harness(h2Lab(server, tds), { server, tds }), stop: async () => void (await stop()) };
    },
  });
}

function harness(lab: Lab, own?: { readonly server: H2Server; readonly tds: TdsServer }): Harness {
  const query = queryOn(lab);
  return {
    capabilities: CAPABILITIES,
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    ...{ user: lab.user, password: lab.password, connector: lab.connector, demands: { json: "json" } },
    async createTable(name, { columns, primaryKey }) {
      const list = columns.map(([column, type, constraint = ""]) => {
        // SQL Server allows one NULL in a UNIQUE column; the contract needs several, as everywhere else.
        const rule = constraint === "UNIQUE" ? "" : constraint || (primaryKey.includes(column) ? "NOT NULL" : "");
        return `${quote(column)} ${TYPES[type]} ${rule}`;
      });
      await query(
        `CREATE TABLE ${quote(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`,
      );
      for (const [column] of columns.filter(([, , constraint]) => constraint === "UNIQUE")) {
        // A filtered index is none that tells rows apart, so the column that is to be a key has a plain one.
        const filter = given === undefined || column === "code" ? "" : ` WHERE ${quote(column)} IS NOT NULL`;
        const nulls = given === undefined ? "NULLS DISTINCT" : "";
        await query(
          `CREATE UNIQUE ${nulls} INDEX ${quote(`${name}_${column}`)} ON ${quote(name)} (${quote(column)})${filter}`,
        );
      }
    },
    async rows(name, { columns, primaryKey }) {
      const list = columns.map(([column, type]) => shownAs(type, quote(column))).join(", ");
      const rows = await query(`SELECT ${list} FROM ${quote(name)} ORDER BY ${primaryKey.map(quote).join(", ")}`);
      return rows.map((row) =>
        Object.fromEntries(columns.map(([column, type], i) => [column, shown(type, row[i] ?? null)])),
      );
    },
    async insert(name, row) {
      const columns = Object.keys(row);
      await query(
        `INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${columns.map((_, i) => `@p${i + 1}`).join(", ")})`,
        Object.values(row) as (string | null)[],
      );
    },
    async drop(name) {
      await query(`DROP TABLE ${quote(name)}`).catch(() => undefined);
    },
    async hold(name) {
      const session = await lab.open();
      await session.query(`UPDATE ${quote(name)} SET [name] = [name]`);
      return () => session.end(false);
    },
    ...(own && {
      server: {
        async kill() {
          await own.server.kill();
          await own.tds.down();
        },
        async shutdown() {
          await own.server.shutdown();
          await own.tds.down();
        },
        async start() {
          await own.server.start();
          await own.tds.up();
        },
        async cutConnections() {
          await waitFor(async () => {
            const busy = await query(
              "SELECT SESSION_ID, ABORT_SESSION(SESSION_ID) FROM INFORMATION_SCHEMA.SESSIONS WHERE EXECUTING_STATEMENT LIKE 'UPDATE%' OR EXECUTING_STATEMENT LIKE 'MERGE%'",
            );
            return busy.length > 0;
          });
          // H2 ends the session, but lets its statement wait for the lock.
          await own.tds.down();
          await own.tds.up();
        },
      },
    }),
  };
}

/** H2 as it is, and the connector before the TDS server. */
function h2Lab(server: H2Server, { port }: TdsServer): Lab {
  return {
    ...CREDENTIALS,
    async open() {
      const connection = await server.connect();
      return {
        async query(text, params = []) {
          const inputs = new Map(params.map((value, i) => [`p${i + 1}`, value]));
          const translated = translate(text, inputs);
          return (await connection.execute(translated.sql, [translated.params])).rows ?? [];
        },
        async end(commit) {
          await (commit ? connection.commit() : connection.rollback()).catch(() => undefined);
          connection.destroy();
        },
      };
    },
    connector(table, options, connection = {}) {
      const database = mssql({ server: "127.0.0.1", port, encrypt: false, ...CREDENTIALS, ...connection });
      return database.table(table, options);
    },
  };
}

/** A real server. */
async function realLab(url: string): Promise<Lab> {
  const { default: driver } = await import("mssql");
  const {
    server,
    port,
    user = "",
    password = "",
    database = "",
    encrypt,
    trustServerCertificate,
  } = await resolveMssql({ url });
  return {
    ...{ user, password },
    async open() {
      const options = { encrypt, trustServerCertificate };
      const pool = new driver.ConnectionPool({ server, port, user, password, database, options, pool: { max: 1 } });
      await pool.connect();
      const transaction = new driver.Transaction(pool);
      await transaction.begin();
      return {
        async query(text, params = []) {
          const request = new driver.Request(transaction);
          request.arrayRowMode = true;
          params.forEach((value, i) => request.input(`p${i + 1}`, driver.NVarChar(driver.MAX), value));
          return (await request.query(text)).recordset ?? [];
        },
        async end(commit) {
          await (commit ? transaction.commit() : transaction.rollback()).catch(() => undefined);
          await pool.close().catch(() => undefined);
        },
      };
    },
    connector: (table, options, connection = {}) => mssql({ url, ...connection }).table(table, options),
  };
}

/** A real driver makes numbers and dates of values; as texts they are what they are. */
function shownAs(type: PortableType, column: string): string {
  if (given === undefined || type === "binary") return column;
  switch (type) {
    case "double":
      return `CONVERT(nvarchar(60), ${column}, 3)`;
    case "uuid":
      return `LOWER(CAST(${column} AS nvarchar(60)))`;
    case "datetime(3) zoned":
      return `CONVERT(nvarchar(60), CAST(${column} AT TIME ZONE 'UTC' AS datetime2(3)), 121)`;
    case "varchar(20)":
    case "text":
    case "json":
      return column;
    default:
      return `CAST(${column} AS nvarchar(60))`;
  }
}

function shown(type: PortableType, value: string | Buffer | null) {
  if (value === null || type === "binary") return value;
  return canonical(type, type === "boolean" ? String(value).toLowerCase() : value);
}
