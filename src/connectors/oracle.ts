/** Oracle Database, through the driver oracledb in its thin mode, which needs no client libraries. */
import type { Connector, Option } from "./connector.js";
import { oracleOptions, type OracleOptions } from "./oracle/options.js";
import { OracleDatabase } from "./oracle/session.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

export type { OracleOptions } from "./oracle/options.js";

/**
 * An Oracle Database, 12.1 or newer.
 *
 * ```ts
 * const db = oracle({ connectString: "db.example.com:1521/FREEPDB1", user: "app", password: configGet("OraclePassword") });
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function oracle(options: OracleOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new OracleDatabase(oracleOptions(options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
