/** What stays outside a bundle: it comes from the runner that loads it. */

/** Database drivers: native, or large, or one for the whole process. With all their subpaths. */
export const EXTERNAL_PACKAGES: readonly string[] = [
  "@photostructure/sqlite",
  "cassandra-driver",
  "ioredis",
  "mongodb",
  "mssql",
  "mysql2",
  "oracledb",
  "pg",
  "snowflake-sdk",
];

/** What `import.meta.url` becomes in a bundle: a variable that the loader provides. */
export const MODULE_URL = "__wbsyncModuleUrl";
