/** How the contract suite deals with MySQL and MariaDB. */
import { randomBytes } from "node:crypto";
import { createConnection, type Connection, type RowDataPacket } from "mysql2/promise";
import { mysql } from "../../../src/connectors/mysql.js";
import { quote } from "../../../src/connectors/mysql/dialect.js";
import { canonical, type Harness, type PortableType } from "../../contract/harness.js";
import type { MariadbServer } from "../../support/mariadb.js";
import { waitFor } from "../../support/wait.js";

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "INT",
  int64: "BIGINT",
  "decimal(20,4)": "DECIMAL(20,4)",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  "varchar(20)": "VARCHAR(20) CHARACTER SET utf8mb4",
  text: "LONGTEXT CHARACTER SET utf8mb4",
  binary: "LONGBLOB",
  date: "DATE",
  "time(3)": "TIME(3)",
  "datetime(3)": "DATETIME(3)",
  "datetime(3) zoned": "TIMESTAMP(3) NULL DEFAULT NULL",
  json: "JSON",
  uuid: "CHAR(36)",
};

export const CAPABILITIES = { transactional: true, refusesRows: true, schema: true, credentials: true };

/** `server`: one that may be harmed. */
export function harness(url: string, server: MariadbServer | undefined): Harness & { stop(): Promise<void> } {
  const { username, password } = new URL(url);
  const connect = () =>
    createConnection({
      uri: url,
      timezone: "Z",
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      jsonStrings: true,
    });
  const query = async (sql: string, params: unknown[] = []): Promise<RowDataPacket[]> => {
    const connection = await connect();
    try {
      await connection.query("SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES'");
      return (await connection.query<RowDataPacket[]>(sql, params))[0];
    } finally {
      connection.destroy();
    }
  };

  return {
    capabilities: CAPABILITIES,
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connector: (table, options, connection = {}) => mysql({ url, ...connection }).table(table, options),
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
      const marks = columns.map(() => "?").join(", ");
      await query(
        `INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${marks})`,
        Object.values(row),
      );
    },
    async drop(name) {
      await query(`DROP TABLE IF EXISTS ${quote(name)}`);
    },
    async hold(name) {
      const connection: Connection = await connect();
      connection.on("error", () => undefined);
      await connection.query("BEGIN");
      await connection.query(`SELECT * FROM ${quote(name)} FOR UPDATE`);
      return async () => {
        await connection.query("ROLLBACK").catch(() => undefined);
        connection.destroy();
      };
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          const waiting = await waitFor(async () => {
            const rows = await query("SELECT id FROM information_schema.processlist WHERE command = 'Execute'");
            return rows.length > 0 && rows;
          });
          for (const { id } of waiting) await query(`KILL ${Number(id)}`);
        },
      },
    }),
    stop: async () => server?.stop(),
  };
}
