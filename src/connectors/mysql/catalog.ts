/** Reads a table's columns and unique keys from information_schema. */
import { UserError } from "../../errors.js";
import { numberOf, textOf } from "../sql/catalog-values.js";
import type { CatalogTable, Result, Statement, UniqueKey } from "../sql/database.js";
import type { TableName } from "../sql/table.js";
import { binder, withoutNull } from "./bind.js";
import { pads } from "./blanks.js";
import { comparand, mysqlKind, type MysqlColumn, type MysqlType } from "./types.js";

const TABLE = `SELECT t.table_schema AS table_schema, t.table_type AS table_type, t.engine AS engine, e.transactions AS transactions
  FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine
  WHERE t.table_schema = COALESCE(?, DATABASE()) AND t.table_name = ?`;

const COLUMNS = `SELECT column_name, data_type, column_type, is_nullable, column_default, extra, character_maximum_length,
    character_octet_length, numeric_precision, numeric_scale, datetime_precision, character_set_name, collation_name
  FROM information_schema.columns WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? ORDER BY ordinal_position`;

const KEYS = `SELECT index_name, column_name, sub_part FROM information_schema.statistics
  WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ? AND non_unique = 0 ORDER BY index_name, seq_in_index`;

/** Describes a table; undefined where there is none. */
export async function describeMysql(
  table: TableName,
  run: (statement: Statement) => Promise<Result>,
): Promise<CatalogTable<MysqlColumn> | undefined> {
  const params = [table.schema ?? null, table.name];
  const [found] = (await run({ sql: TABLE, params })).rows;
  if (!found) return undefined;
  refuseUnfit(table, found);
  const columns = (await run({ sql: COLUMNS, params })).rows.map(columnOf);
  const keys = (await run({ sql: KEYS, params })).rows;
  return { columns, uniqueKeys: uniqueKeys(keys) };
}

/** Views have no key; MyISAM and its like cannot keep rows and checkpoint together. */
function refuseUnfit(table: TableName, [, type, engine, transactions]: readonly unknown[]): void {
  if (textOf(type) === "VIEW") {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is a view`, { hint: "Name the table behind it." });
  }
  if (textOf(transactions) === "NO") {
    throw new UserError(
      "DATABASE_MISCONFIGURED",
      `Table "${table.name}" is stored by ${textOf(engine)}, which has no transactions`,
      { hint: `Run: ALTER TABLE \`${table.name}\` ENGINE = InnoDB;` },
    );
  }
}

function columnOf(row: readonly unknown[]): MysqlColumn {
  const [name, dataType, columnType, nullable, fallback, extra, chars, bytes, precision, scale, fraction] = row;
  const [charset, collation] = row.slice(11);
  const type: MysqlType = {
    dataType: textOf(dataType).toLowerCase(),
    columnType: textOf(columnType),
    maxChars: numberOf(chars),
    maxBytes: numberOf(bytes),
    precision: numberOf(precision),
    scale: numberOf(scale),
    fraction: numberOf(fraction),
    charset: charset === null ? undefined : textOf(charset),
    collation: collation === null ? undefined : textOf(collation),
  };
  const kind = mysqlKind(type);
  const extras = textOf(extra).toLowerCase();
  const isNullable = textOf(nullable) === "YES";
  const wish = wishOf(type, extras);
  return {
    name: textOf(name),
    type: type.columnType,
    kind,
    nullable: isNullable,
    // MySQL says DEFAULT_GENERATED where the default is an expression; that is no generated column.
    generated: /\b(virtual|stored|persistent)\b/.test(extras) || / generated/.test(extras),
    required: !isNullable && fallback === null && !/auto_increment|default_generated|generated/.test(extras),
    comparand: comparand(type, kind),
    bind: isNullable || wish === undefined ? binder(type) : withoutNull(textOf(name), wish, binder(type)),
    pads: pads(type),
  };
}

/** What a column that holds no NULL takes it for. */
function wishOf({ dataType }: MysqlType, extras: string): string | undefined {
  if (extras.includes("auto_increment")) return "the next number";
  return dataType === "timestamp" ? "the current time" : undefined;
}

function uniqueKeys(rows: readonly (readonly unknown[])[]): readonly UniqueKey[] {
  const keys = new Map<string, { name: string; columns: string[]; exact: boolean }>();
  for (const [index, column, prefix] of rows) {
    const name = textOf(index);
    const key = keys.get(name) ?? { name, columns: [], exact: true };
    keys.set(name, key);
    key.columns.push(column === null ? "" : textOf(column));
    // A prefix (sub_part) or an expression (no column) is not the whole value.
    if (prefix !== null || column === null) key.exact = false;
  }
  return [...keys.values()];
}
