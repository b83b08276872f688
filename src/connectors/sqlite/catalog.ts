/** Reads a table's columns and unique keys from SQLite's pragmas. */
import { UserError } from "../../errors.js";
import { flagOf, numberOf, textOf } from "../sql/catalog-values.js";
import type { CatalogTable, Result, Statement, UniqueKey } from "../sql/database.js";
import type { TableName } from "../sql/table.js";
import { sqliteBinder } from "./bind.js";
import { affinityOf, sqliteKind, type SqliteColumn } from "./types.js";

type Run = (statement: Statement) => Result;

/** Describes a table; undefined where there is none. */
export function describeSqlite(table: TableName, run: Run): CatalogTable<SqliteColumn> | undefined {
  const schema = table.schema ?? "main";
  const params = [table.name, schema];
  const [found] = run({
    sql: "SELECT type, strict FROM pragma_table_list(?) WHERE schema = ? COLLATE NOCASE",
    params,
  }).rows;
  if (!found) return undefined;
  if (textOf(found[0]) !== "table") {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is a ${textOf(found[0])}`, {
      hint: "Name an ordinary table.",
    });
  }
  const { rows } = run({
    sql: 'SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?) ORDER BY cid',
    params,
  });
  const primary = rows
    .filter(([, , , , pk]) => numberOf(pk) !== 0)
    .sort((a, b) => (numberOf(a[4]) ?? 0) - (numberOf(b[4]) ?? 0))
    .map(([name]) => textOf(name));
  const isRowid = ([, type, , , pk]: readonly unknown[]) =>
    primary.length === 1 && numberOf(pk) === 1 && textOf(type).toUpperCase() === "INTEGER";
  return {
    columns: rows.map((row) => columnOf(row, isRowid(row), flagOf(found[1]))),
    uniqueKeys: [
      ...(primary.length > 0 ? [{ name: "PRIMARY KEY", columns: primary, exact: true }] : []),
      ...uniqueIndexes(params, run),
    ],
  };
}

function columnOf(
  [name, type, notNull, fallback, , hidden]: readonly unknown[],
  isRowid: boolean,
  isStrict: boolean,
): SqliteColumn {
  const declared = textOf(type);
  const affinity = affinityOf(declared, isStrict);
  const kind = sqliteKind(declared, affinity);
  return {
    name: textOf(name),
    type: declared || "no declared type",
    kind,
    nullable: !flagOf(notNull),
    generated: ["2", "3"].includes(textOf(hidden)),
    required: flagOf(notNull) && (fallback === null || fallback === undefined) && !isRowid,
    bind: sqliteBinder(declared, kind, affinity),
  };
}

/** Unique indexes beside the primary key's own. */
function uniqueIndexes(params: readonly string[], run: Run): readonly UniqueKey[] {
  const indexes = run({
    sql: "SELECT name, partial FROM pragma_index_list(?, ?) WHERE \"unique\" = 1 AND origin <> 'pk'",
    params,
  }).rows;
  return indexes.map(([index, partial]) => {
    const columns = run({
      sql: "SELECT name FROM pragma_index_xinfo(?, ?) WHERE key = 1 ORDER BY seqno",
      params: [textOf(index), params[1]],
    }).rows;
    return {
      name: textOf(index),
      columns: columns.map(([name]) => textOf(name)),
      // An expression has no name.
      exact: !flagOf(partial) && columns.every(([name]) => name !== null),
    };
  });
}
