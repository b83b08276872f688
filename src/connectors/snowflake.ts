/** Snowflake, through the driver snowflake-sdk. */
import type { Connector, Option } from "./connector.js";
import { SNOWFLAKE, type SnowflakeOptions } from "./snowflake/options.js";
import { SnowflakeDatabase } from "./snowflake/session.js";
import { checkNames } from "./sql/named-options.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

export type { SnowflakeOptions } from "./snowflake/options.js";

/**
 * A Snowflake account. A warehouse bills by the second: let the recipe say `batch: 10_000, duration: 1000`, or more.
 *
 * ```ts
 * const db = snowflake({
 *   account: "myorg-myaccount",
 *   user: "WBSYNC",
 *   privateKey: configGet("SnowflakeKey"), // or password
 *   database: "SHOP",
 *   schema: "PUBLIC",
 *   warehouse: "LOAD_WH",
 *   role: "LOADER",
 * });
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function snowflake(options: SnowflakeOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new SnowflakeDatabase(checkNames(SNOWFLAKE, options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
