/** SQLite, through a driver with the interface of node:sqlite. */
import type { Connector, Option } from "./connector.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";
import { sqliteOptions, type SqliteOptions } from "./sqlite/options.js";
import { SqliteDatabase } from "./sqlite/session.js";

export type { SqliteOptions };

/**
 * An SQLite file.
 *
 * ```ts
 * const db = sqlite("data/app.db"); // or sqlite({ file: "data/app.db" })
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function sqlite(options: SqliteOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new SqliteDatabase(sqliteOptions(options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
