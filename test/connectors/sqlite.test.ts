/** SQLite against the connector contract, on a file of its own. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { sqlite } from "../../src/connectors/sqlite.js";
import { quote } from "../../src/connectors/sqlite/dialect.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, type Harness, type PortableType } from "../contract/harness.js";
import { tempDir } from "../support/process.js";

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "INTEGER",
  int64: "INTEGER",
  "decimal(20,4)": "DECIMAL(20,4)",
  double: "DOUBLE",
  boolean: "BOOLEAN",
  "varchar(20)": "VARCHAR(20)",
  text: "TEXT",
  binary: "BLOB",
  date: "DATE",
  "time(3)": "TIME",
  "datetime(3)": "DATETIME",
  "datetime(3) zoned": "TIMESTAMP",
  json: "TEXT",
  uuid: "UUID",
};

const CAPABILITIES = { transactional: true, refusesRows: true, schema: true, credentials: false };

connectorContract("SQLite", { capabilities: CAPABILITIES, mayHarm: false, start: async () => harness() });

function harness(): Harness & { stop(): Promise<void> } {
  const folder = tempDir("wbsync-sqlite");
  const file = join(folder, "test.db");
  const db = new DatabaseSync(file);
  return {
    capabilities: CAPABILITIES,
    prefix: "wbt_",
    connector: (table, options) => sqlite(file).table(table, options),
    async createTable(name, { columns, primaryKey }) {
      const list = columns.map(([column, type, constraint = ""]) => `${quote(column)} ${TYPES[type]} ${constraint}`);
      db.exec(`CREATE TABLE ${quote(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`);
    },
    async rows(name, { columns, primaryKey }) {
      const select = db.prepare(`SELECT * FROM ${quote(name)} ORDER BY ${primaryKey.map(quote).join(", ")}`);
      select.setReadBigInts(true);
      const rows = select.all() as Record<string, unknown>[];
      return rows.map((row) =>
        Object.fromEntries(columns.map(([column, type]) => [column, canonical(type, row[column])])),
      );
    },
    async insert(name, row) {
      const columns = Object.keys(row);
      const marks = columns.map(() => "?").join(", ");
      db.prepare(`INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${marks})`).run(
        ...Object.values(row),
      );
    },
    async drop(name) {
      db.exec(`DROP TABLE IF EXISTS ${quote(name)}`);
    },
    async hold() {
      const other = new DatabaseSync(file);
      other.exec("BEGIN IMMEDIATE");
      let held = true;
      return async () => {
        if (held) other.close();
        held = false;
      };
    },
    async stop() {
      db.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
