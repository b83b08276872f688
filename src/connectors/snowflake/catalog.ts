/** Reads a table's columns and keys with DESCRIBE and SHOW: INFORMATION_SCHEMA does not tell the columns of a key here. */
import { UserError } from "../../errors.js";
import { textOf } from "../sql/catalog-values.js";
import { quoteTable, type CatalogTable, type UniqueKey } from "../sql/database.js";
import { spellings } from "../sql/folded-names.js";
import type { TableName } from "../sql/table.js";
import { quote } from "./dialect.js";
import { snowflakeConversion, snowflakeKind, snowflakeShow, type SnowflakeColumn } from "./types.js";

/** Answers of a statement by the names of their columns, in lower case. */
export type Records = (
  sql: string,
  params?: readonly unknown[],
) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** Describes a table; undefined where there is none. */
export async function describeSnowflake(
  table: TableName,
  records: Records,
): Promise<CatalogTable<SnowflakeColumn> | undefined> {
  const stored = await find(table, records);
  if (!stored) return undefined;
  const name = quoteTable({ quote }, stored);
  const columns = (await records(`DESCRIBE TABLE ${name}`)).map(columnOf);
  // A promise that nobody enforces, but a promise: what the recipe calls its key is one in the eyes of the table's owner too.
  const keys = [
    ...uniqueKeys(await records(`SHOW PRIMARY KEYS IN TABLE ${name}`)),
    ...uniqueKeys(await records(`SHOW UNIQUE KEYS IN TABLE ${name}`)),
  ];
  return { table: stored, columns, uniqueKeys: keys };
}

/** The table under the name that the catalog has for it: as it is written first, then in upper case. */
async function find(table: TableName, records: Records): Promise<TableName | undefined> {
  const names = spellings(table.name);
  const schemas = table.schema === undefined ? [] : spellings(table.schema);
  const marks = (list: readonly string[]) => list.map(() => "?").join(", ");
  const found = await records(
    "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM INFORMATION_SCHEMA.TABLES " +
      `WHERE TABLE_SCHEMA ${schemas.length === 0 ? "= CURRENT_SCHEMA()" : `IN (${marks(schemas)})`} ` +
      `AND TABLE_NAME IN (${marks(names)})`,
    [...schemas, ...names],
  );
  const ranked = found.map((row) => ({
    schema: textOf(row.table_schema),
    name: textOf(row.table_name),
    type: textOf(row.table_type),
  }));
  const rank = (row: { schema: string; name: string }) => schemas.indexOf(row.schema) * 2 + names.indexOf(row.name);
  const [best] = ranked.sort((a, b) => rank(a) - rank(b));
  if (best && /VIEW|EXTERNAL|EVENT/.test(best.type)) {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is not a table but ${best.type.toLowerCase()}`, {
      hint: "Name the table behind it.",
    });
  }
  return best && { schema: best.schema, name: best.name };
}

function columnOf(row: Readonly<Record<string, unknown>>): SnowflakeColumn {
  const type = textOf(row.type);
  const nullable = textOf(row["null?"]) === "Y";
  const isGenerated = textOf(row.expression) !== "" || textOf(row.kind) === "VIRTUAL_COLUMN";
  return {
    name: textOf(row.name),
    type,
    kind: snowflakeKind(type),
    nullable,
    generated: isGenerated,
    // An IDENTITY column shows its sequence as its default.
    required: !nullable && !isGenerated && textOf(row.default) === "",
    convert: snowflakeConversion(type),
    show: snowflakeShow(type),
  };
}

function uniqueKeys(rows: readonly Readonly<Record<string, unknown>>[]): readonly UniqueKey[] {
  const keys = new Map<string, { name: string; columns: string[]; exact: boolean }>();
  for (const row of rows) {
    const name = textOf(row.constraint_name);
    const key = keys.get(name) ?? { name, columns: [], exact: true };
    keys.set(name, key);
    key.columns.push(textOf(row.column_name));
  }
  return [...keys.values()];
}
