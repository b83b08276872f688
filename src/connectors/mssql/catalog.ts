/** Reads a table's columns and unique keys from sys. */
import { UserError } from "../../errors.js";
import { flagOf, numberOf, textOf } from "../sql/catalog-values.js";
import type { CatalogTable, Result, Statement, UniqueKey } from "../sql/database.js";
import type { TableName } from "../sql/table.js";
import { mssqlBinding } from "./binding.js";
import { mssqlKind, type MssqlColumn, type MssqlType } from "./types.js";

const TABLE = `SELECT s.name AS schema_name, o.name AS table_name, o.type AS object_type, o.object_id AS object_id
  FROM sys.objects o JOIN sys.schemas s ON s.schema_id = o.schema_id
  WHERE o.name = @p1 AND s.name = COALESCE(@p2, SCHEMA_NAME()) AND o.type IN ('U', 'V', 'SN')`;

// The type behind an alias type has the system's id as its own.
const COLUMNS = `SELECT c.name, t.name AS type_name, c.max_length, c.precision, c.scale, c.is_nullable, c.is_identity, c.is_computed,
    c.generated_always_type, c.default_object_id, c.collation_name,
    CAST(COLLATIONPROPERTY(c.collation_name, 'CodePage') AS int) AS code_page
  FROM sys.columns c LEFT JOIN sys.types t ON t.user_type_id = c.system_type_id
  WHERE c.object_id = CAST(@p1 AS int) ORDER BY c.column_id`;

const KEYS = `SELECT i.name AS index_name, c.name AS column_name
  FROM sys.indexes i
    JOIN sys.index_columns ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
    JOIN sys.columns c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
  WHERE i.object_id = CAST(@p1 AS int) AND i.is_unique = 1 AND i.has_filter = 0 AND i.is_disabled = 0
    AND ic.is_included_column = 0 ORDER BY i.name, ic.key_ordinal`;

export type Run = (statement: Statement) => Promise<Result>;

/** Describes a table; undefined where there is none. */
export async function describeMssql(table: TableName, run: Run): Promise<CatalogTable<MssqlColumn> | undefined> {
  await checkLevel(run);
  const [found] = (await run({ sql: TABLE, params: [table.name, table.schema ?? null] })).rows;
  if (!found) return undefined;
  const [schema, name, type, id] = found.map(textOf);
  if (type?.trim() !== "U") {
    throw new UserError(
      "DATABASE_MISCONFIGURED",
      `"${table.name}" is not a table but a ${type?.trim() === "V" ? "view" : "synonym"}`,
      {
        hint: "Name the table behind it.",
      },
    );
  }
  const columns = (await run({ sql: COLUMNS, params: [id] })).rows.map(columnOf);
  const keys = new Map<string, { name: string; columns: string[]; exact: boolean }>();
  for (const row of (await run({ sql: KEYS, params: [id] })).rows) {
    const [index = "", column = ""] = row.map(textOf);
    const key = keys.get(index) ?? { name: index, columns: [], exact: true };
    keys.set(index, key);
    key.columns.push(column);
  }
  const uniqueKeys: readonly UniqueKey[] = [...keys.values()];
  return { table: { schema, name: name ?? table.name }, columns, uniqueKeys };
}

/** OPENJSON came with SQL Server 2016, and databases that were made before are still as they were. */
async function checkLevel(run: Run): Promise<void> {
  const sql = "SELECT compatibility_level FROM sys.databases WHERE name = DB_NAME()";
  const level = numberOf((await run({ sql, params: [] })).rows[0]?.[0]);
  if (level === undefined || level >= 130) return;
  throw new UserError("DATABASE_MISCONFIGURED", `The database has compatibility level ${level}, and wbsync needs 130`, {
    hint: "On SQL Server 2016 or newer: ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 130;",
  });
}

function columnOf(row: readonly unknown[]): MssqlColumn {
  const [
    name,
    typeName,
    length,
    precision,
    scale,
    nullable,
    identity,
    computed,
    always,
    fallback,
    collation,
    codePage,
  ] = row;
  const type: MssqlType = {
    name: textOf(typeName).toLowerCase(),
    length: numberOf(length) ?? -1,
    precision: numberOf(precision) ?? 0,
    scale: numberOf(scale) ?? 0,
    collation: textOf(collation) || undefined,
    codePage: numberOf(codePage),
  };
  // rowversion is called timestamp, and nobody writes it.
  const isGenerated = flagOf(computed) || (numberOf(always) ?? 0) !== 0 || type.name === "timestamp";
  const isNullable = flagOf(nullable);
  const isIdentity = flagOf(identity);
  return {
    name: textOf(name),
    type: describeType(type),
    kind: mssqlKind(type),
    nullable: isNullable,
    generated: isGenerated,
    required: !isNullable && !isGenerated && !isIdentity && (numberOf(fallback) ?? 0) === 0,
    identity: isIdentity,
    ...mssqlBinding(type),
  };
}

/** As people write it, for messages. */
function describeType({ name, length, precision, scale }: MssqlType): string {
  if (/char|binary/.test(name)) {
    return `${name}(${length < 0 ? "max" : name.startsWith("n") ? length / 2 : length})`;
  }
  return name === "decimal" || name === "numeric" ? `${name}(${precision},${scale})` : name;
}
