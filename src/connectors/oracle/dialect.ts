/** The SQL of Oracle. Rows travel by executeMany: one MERGE, prepared once, and one round trip for all of them. */
import { UserError } from "../../errors.js";
import { quoteColumn, type Dialect, type Steps, type Target } from "../sql/database.js";
import { fold } from "../sql/folded-names.js";
import { mergeText, sourceColumn } from "../sql/merge.js";
import { isDuplicate } from "./errors.js";
import { executeMany, type Many } from "./statement.js";
import type { OracleColumn } from "./types.js";

/** Quotes a name. */
export function quote(identifier: string): string {
  if (!/["\0]/.test(identifier)) return `"${identifier}"`;
  throw new UserError("RECIPE_INVALID", `oracle: a name cannot hold a double quote: ${identifier}`, {
    hint: "Oracle has no way to write it. Correct the name in the recipe.",
  });
}

export const oracleDialect: Dialect<OracleColumn> = {
  quote,
  quoteOwn: (identifier) => quote(fold(identifier)),
  placeholder: (n) => `:${n}`,
  firstRows: (query, count) => `${query} FETCH FIRST ${count} ROWS ONLY`,
  keyText: (column, name) => column.show(name),
  keyParam: (column, value) => column.bind(value),
  keyValue: (column, placeholder) => column.convert(placeholder),
  now: "CAST(SYSTIMESTAMP AT TIME ZONE 'UTC' AS TIMESTAMP(3))",
  exampleType: "VARCHAR2(4000)",
  exampleKeyType: "VARCHAR2(200)",
  addColumn: "ADD",
  caseInsensitiveColumns: true,
  // Without IF NOT EXISTS, which came with 23ai: where the table exists this fails, and it is read again.
  createCheckpointTable: (table) =>
    `CREATE TABLE ${table} (\n` +
    '  "RECIPE" VARCHAR2(200) NOT NULL,\n  "TARGET" VARCHAR2(200) NOT NULL,\n  "PARTITION_NO" NUMBER(10) NOT NULL,\n' +
    '  "TOKEN" VARCHAR2(64) NOT NULL,\n  "REPLID" VARCHAR2(64) NOT NULL,\n  "LOW_OFFSET" NUMBER(19) NOT NULL,\n' +
    '  "DB" NUMBER(10) NOT NULL,\n  "HIGH_OFFSET" NUMBER(19) NOT NULL,\n  "SNAPSHOT" VARCHAR2(16) NOT NULL,\n' +
    '  "COUNTERS" VARCHAR2(4000),\n  "VERSION" VARCHAR2(255) NOT NULL,\n  "UPDATED_AT" TIMESTAMP(3) NOT NULL,\n' +
    '  PRIMARY KEY ("RECIPE", "TARGET", "PARTITION_NO")\n)',

  *upsert(target, columns, rows) {
    const all = [...target.key, ...columns];
    const sql = upsertText(target, columns);
    for (const many of executeMany(sql, all, rows, (row) => [...row.id, ...row.values])) yield* merge(many);
  },

  update(target, columns, row): Many {
    const all = [...columns, ...target.key];
    const sets = columns.map((column, i) => `${name(column)} = ${column.convert(`:${i + 1}`)}`).join(", ");
    const sql = `UPDATE ${target.table} SET ${sets} WHERE ${whereKey(target, columns.length)}`;
    const [many] = executeMany(sql, all, [row], ({ id, values }) => [...values, ...id]);
    return many!;
  },

  *remove(target, rows) {
    const sql = `DELETE FROM ${target.table} WHERE ${whereKey(target, 0)}`;
    yield* executeMany(sql, target.key, rows, (row) => row.id);
  },
};

/** MERGE of one row. */
export function upsertText(target: Target<OracleColumn>, columns: readonly OracleColumn[]): string {
  const all = [...target.key, ...columns];
  const list = all.map((column, i) => `${column.convert(`:${i + 1}`)} AS ${sourceColumn(i)}`);
  return mergeText({ quote }, target, columns, { source: `(SELECT ${list.join(", ")} FROM DUAL)` });
}

/**
 * MERGE looks first and inserts then: somebody else may insert the key in between. Once more, and the row is there to be updated;
 * if it is refused again, its value belongs to another row.
 */
function* merge(many: Many): Steps {
  try {
    yield many;
  } catch (error) {
    if (!isDuplicate(error)) throw error;
    yield many;
  }
}

function whereKey(target: Target<OracleColumn>, before: number): string {
  return target.key.map((column, i) => `${name(column)} = ${column.convert(`:${before + i + 1}`)}`).join(" AND ");
}

const name = (column: OracleColumn): string => quoteColumn({ quote }, column);
