/**
 * The SQL of SQL Server. A batch travels as one parameter, an array of arrays in JSON that OPENJSON takes apart: VALUES has room
 * for 2,100 parameters, and would need a statement for every 420 rows of five columns.
 */
import type { Row, Value } from "../../model.js";
import { quoteColumn, type Dialect, type Target } from "../sql/database.js";
import { asText, jsonRows } from "../sql/json-rows.js";
import { keyEquals, mergeText, sourceColumn } from "../sql/merge.js";
import type { MssqlColumn } from "./types.js";

/** Characters of one parameter at most: NVARCHAR(MAX) holds more, but it has to fit into memory here and there. */
const MAX_CHARS = 8 << 20;

export const quote = (identifier: string): string => `[${identifier.replace(/]/g, "]]")}]`;

export const mssqlDialect: Dialect<MssqlColumn> = {
  quote,
  placeholder: (n) => `@p${n}`,
  keyText: (column, name) => column.show(name),
  keyParam: (column, value) => asText(column.bind(value)),
  keyValue: (column, placeholder) => column.convert(placeholder),
  firstRows: (query, count) => `${query} OFFSET 0 ROWS FETCH NEXT ${count} ROWS ONLY`,
  now: "SYSUTCDATETIME()",
  exampleType: "nvarchar(max)",
  exampleKeyType: "nvarchar(200)",
  addColumn: "ADD",
  caseInsensitiveColumns: true,
  // Where the table exists this fails, and it is read again. Names of recipes that differ in case are two.
  createCheckpointTable: (table) =>
    `CREATE TABLE ${table} (\n` +
    "  [recipe] nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL,\n" +
    "  [target] nvarchar(200) COLLATE Latin1_General_BIN2 NOT NULL,\n  [partition_no] int NOT NULL,\n" +
    "  [token] nvarchar(64) COLLATE Latin1_General_BIN2 NOT NULL,\n  [replid] nvarchar(64) NOT NULL,\n" +
    "  [low_offset] bigint NOT NULL,\n  [db] int NOT NULL,\n  [high_offset] bigint NOT NULL,\n" +
    "  [snapshot] nvarchar(16) NOT NULL,\n  [counters] nvarchar(max),\n  [version] nvarchar(255) NOT NULL,\n" +
    "  [updated_at] datetime2(3) NOT NULL,\n  PRIMARY KEY ([recipe], [target], [partition_no])\n)",

  *upsert(target, columns, rows) {
    const all = [...target.key, ...columns];
    const sql = upsertText(target, columns);
    for (const text of jsonRows(rows, MAX_CHARS, binder(all))) yield { sql, params: [text] };
  },

  update(target, columns, row) {
    const assign = (column: MssqlColumn, i: number) => `${name(column)} = ${column.convert(`@p${i + 1}`)}`;
    const sets = columns.map(assign).join(", ");
    const where = target.key.map((column, i) => assign(column, columns.length + i)).join(" AND ");
    const values = [...row.values, ...row.id];
    const params = [...columns, ...target.key].map((column, i) => asText(column.bind(values[i] ?? null)));
    return { sql: `UPDATE ${target.table} SET ${sets} WHERE ${where}`, params };
  },

  *remove(target, rows) {
    const sql = removeText(target);
    for (const text of jsonRows(rows, MAX_CHARS, binder(target.key))) yield { sql, params: [text] };
  },
};

/** MERGE of the rows; HOLDLOCK keeps others from inserting a key between its look and its insert. */
export function upsertText(target: Target<MssqlColumn>, columns: readonly MssqlColumn[]): string {
  const all = [...target.key, ...columns];
  const source = target.key.some(({ ambiguous }) => ambiguous) ? newest(target, all) : rowsSource(all);
  const merge = mergeText({ quote }, target, columns, { source, hint: "WITH (HOLDLOCK) AS ", end: ";" });
  // An id that the server would give is given by Redis.
  if (!all.some(({ identity }) => identity)) return merge;
  return `SET IDENTITY_INSERT ${target.table} ON; ${merge} SET IDENTITY_INSERT ${target.table} OFF;`;
}

/** Deletes the rows that are there; each once, since keys of different texts may be one to the server. */
export function removeText(target: Target<MssqlColumn>): string {
  const source = `(SELECT DISTINCT ${converted(target.key).join(", ")} FROM ${openJson(target.key.length)} j)`;
  return `MERGE INTO ${target.table} AS t USING ${source} s ON (${keyEquals({ quote }, target)}) WHEN MATCHED THEN DELETE;`;
}

/** The rows of the parameter. */
function rowsSource(columns: readonly MssqlColumn[]): string {
  return `(SELECT ${converted(columns).join(", ")} FROM ${openJson(columns.length)} j)`;
}

/** The same, where keys of different texts may be one to the server, which refuses to write a row twice: the newest of them. */
function newest(target: Target<MssqlColumn>, columns: readonly MssqlColumn[]): string {
  const names = columns.map((_, i) => sourceColumn(i)).join(", ");
  const key = target.key.map((column, i) => column.convert(`j.${sourceColumn(i)}`));
  const rank = `ROW_NUMBER() OVER (PARTITION BY ${key.join(", ")} ORDER BY CAST(j.n AS bigint) DESC) AS r`;
  const ranked = `SELECT ${[...converted(columns), rank].join(", ")} FROM ${openJson(columns.length)} j`;
  return `(SELECT ${names} FROM (${ranked}) d WHERE r = 1)`;
}

const converted = (columns: readonly MssqlColumn[]): string[] =>
  columns.map((column, i) => `${column.convert(`j.${sourceColumn(i)}`)} AS ${sourceColumn(i)}`);

/** Every value is a text; the last one is the offset. */
function openJson(width: number): string {
  const columns = Array.from({ length: width }, (_, i) => `${sourceColumn(i)} nvarchar(max) '$[${i}]'`);
  return `OPENJSON(@p1) WITH (${columns.join(", ")}, n nvarchar(20) '$[${width}]')`;
}

const name = (column: MssqlColumn): string => quoteColumn({ quote }, column);

const binder =
  (columns: readonly MssqlColumn[]) =>
  ({ id, values, offset }: Row): readonly Value[] => {
    const all = [...id, ...values];
    return [...columns.map((column, i) => column.bind(all[i] ?? null)), String(offset)];
  };
