/** Reads a database's tables, as `wbsync init --from` needs them. */
import { UserError } from "../../errors.js";
import type { CatalogTable, Session, Statement } from "../../connectors/sql/database.js";
import { textOf } from "../../connectors/sql/catalog-values.js";
import type { DatabaseName } from "./databases.js";

/** A table, and its name as a recipe writes it. */
export interface FoundTable extends Omit<CatalogTable, "table"> {
  readonly table: string;
}

/** Tables of the connection's own schema, and in PostgreSQL of the others that are no system's. */
const LISTS = {
  mysql: `SELECT NULL, table_name FROM information_schema.tables
    WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' ORDER BY table_name`,
  postgres: `SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN NULL ELSE n.nspname END, c.relname
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema$)'
    ORDER BY n.nspname, c.relname`,
  sqlite: `SELECT NULL, name FROM pragma_table_list
    WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name`,
  mssql: `SELECT CASE WHEN s.name = SCHEMA_NAME() THEN NULL ELSE s.name END, o.name
    FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
    WHERE o.type = 'U' AND o.is_ms_shipped = 0 ORDER BY s.name, o.name`,
  oracle: `SELECT NULL, OBJECT_NAME FROM ALL_OBJECTS
    WHERE OWNER = SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') AND OBJECT_TYPE = 'TABLE' ORDER BY OBJECT_NAME`,
  snowflake: `SELECT NULL, TABLE_NAME FROM INFORMATION_SCHEMA.TABLES
    WHERE TABLE_SCHEMA = CURRENT_SCHEMA() AND TABLE_TYPE = 'BASE TABLE' ORDER BY TABLE_NAME`,
} as const satisfies Partial<Record<DatabaseName, string>>;

/** Databases whose tables can be read. */
export type CatalogName = keyof typeof LISTS;

/** Whether `readCatalog` can read this one. */
export const hasCatalog = (database: DatabaseName): database is CatalogName => database in LISTS;

/** wbsync's own. */
const CHECKPOINTS = "wbsync_checkpoint";

/** All tables, or those that are named. Throws DATABASE_UNREACHABLE, or NOT_FOUND where one is not there. */
export async function readCatalog(
  database: CatalogName,
  url: string,
  only: readonly string[] | undefined,
): Promise<readonly FoundTable[]> {
  const session = await connect(database, url);
  try {
    return await readTables(database, session, only);
  } finally {
    await session.close();
  }
}

/** The same over a connection that is there. */
export async function readTables(
  database: CatalogName,
  session: Session,
  only: readonly string[] | undefined,
): Promise<readonly FoundTable[]> {
  const names = await listTables(session, { sql: LISTS[database], params: [] });
  const missing = only?.find((name) => !names.some(({ table }) => table === name));
  if (missing !== undefined) {
    throw new UserError("NOT_FOUND", `There is no table "${missing}".`, {
      hint: `There are ${names.map(({ table }) => table).join(", ") || "none"}.`,
    });
  }
  const chosen = names.filter(({ table }) => only === undefined || only.includes(table));
  const found: FoundTable[] = [];
  for (const { table, schema, name } of chosen) {
    const described = await session.describe({ schema, name });
    if (described !== undefined) found.push({ ...described, table });
  }
  return found;
}

async function listTables(session: Session, statement: Statement) {
  const { rows } = await session.run(statement);
  return rows
    .map(([schema, name]) => ({ schema: textOf(schema) || undefined, name: textOf(name) }))
    .filter(({ name }) => name.toLowerCase() !== CHECKPOINTS)
    .map(({ schema, name }) => ({ schema, name, table: schema === undefined ? name : `${schema}.${name}` }));
}

/** Each database's own code is loaded for itself. */
async function connect(database: CatalogName, url: string): Promise<Session> {
  const { signal } = new AbortController();
  const { serverOptions } = await import("../../connectors/sql/server-options.js");
  switch (database) {
    case "mysql": {
      const { MYSQL, MysqlDatabase } = await import("../../connectors/mysql/session.js");
      return await new MysqlDatabase(serverOptions(MYSQL, url)).connect(signal);
    }
    case "postgres": {
      const { POSTGRES, PostgresDatabase } = await import("../../connectors/postgres/session.js");
      return await new PostgresDatabase(serverOptions(POSTGRES, url)).connect(signal);
    }
    case "sqlite": {
      const { SqliteDatabase } = await import("../../connectors/sqlite/session.js");
      return await new SqliteDatabase({ file: url.replace(/^sqlite:(\/\/)?/, "") }).connect(signal);
    }
    case "mssql": {
      const { MssqlDatabase } = await import("../../connectors/mssql/session.js");
      return await new MssqlDatabase({ url }).connect(signal);
    }
    case "oracle": {
      const { OracleDatabase } = await import("../../connectors/oracle/session.js");
      return await new OracleDatabase({ url }).connect(signal);
    }
    case "snowflake": {
      const { SnowflakeDatabase } = await import("../../connectors/snowflake/session.js");
      return await new SnowflakeDatabase({ url }).connect(signal);
    }
  }
}
