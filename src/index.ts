/** What a recipe may import from "wbsync". Loads no driver and nothing heavy. */
export { configGet } from "./config/config-get.js";
export { cassandra } from "./connectors/cassandra.js";
export { mongodb } from "./connectors/mongodb.js";
export { mssql } from "./connectors/mssql.js";
export { mysql } from "./connectors/mysql.js";
export { oracle } from "./connectors/oracle.js";
export { postgres } from "./connectors/postgres.js";
export { redis } from "./connectors/redis.js";
export { snowflake } from "./connectors/snowflake.js";
export { sqlite } from "./connectors/sqlite.js";
export { writeBehind, writeThrough } from "./recipe/define.js";
export type { Connector, Option } from "./connectors/connector.js";
export type {
  ColumnMapping,
  Mappings,
  RecipeOptions,
  WriteBehindOptions,
  WriteThroughOptions,
} from "./recipe/options.js";
export type {
  ColumnType,
  DeletePolicy,
  Mapping,
  Recipe,
  Transform,
  WriteBehindRecipe,
  WriteThroughRecipe,
} from "./recipe/recipe.js";
