/** Snowflake, through the driver snowflake-sdk. */
import type { Connector, Option, RecipeDefaults } from "./connector.js";
import { snowflakeOptions, type SnowflakeOptions } from "./snowflake/options.js";
import { SnowflakeDatabase } from "./snowflake/session.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

export type { SnowflakeOptions } from "./snowflake/options.js";

/**
 * Few large batches: a warehouse bills by the second, and a MERGE of 50,000 rows takes it little longer than one of 50. One
 * partition: writers of one table wait for each other. A warehouse that sleeps takes a few seconds to start.
 */
const DEFAULTS: RecipeDefaults = { batch: 50_000, duration: 10_000, partitions: 1, timeout: 60_000 };

/**
 * A Snowflake account. Recipes write at most 50,000 rows every ten seconds from one partition, unless they say otherwise.
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
  const database = new SnowflakeDatabase(snowflakeOptions(options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions, DEFAULTS) };
}
