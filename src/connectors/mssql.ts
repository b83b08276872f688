/** Microsoft SQL Server and Azure SQL, through the driver mssql. */
import type { Connector, Option } from "./connector.js";
import { mssqlOptions, type MssqlOptions } from "./mssql/options.js";
import { MssqlDatabase } from "./mssql/session.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

export type { MssqlOptions } from "./mssql/options.js";

/**
 * A SQL Server, 2016 or newer, or an Azure SQL database.
 *
 * ```ts
 * const db = mssql({ server: "db.example.com", user: "app", password: configGet("MssqlPassword"), database: "shop" });
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function mssql(options: MssqlOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new MssqlDatabase(mssqlOptions(options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
