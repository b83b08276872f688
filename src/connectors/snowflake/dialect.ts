/**
 * The SQL of Snowflake. A batch travels as one bound text, an array of arrays in JSON, and is written by one MERGE: a statement a
 * row would take a fifth of a second each, and a warehouse bills for all of them.
 */
import { quoteColumn, type Dialect, type Target } from "../sql/database.js";
import { fold } from "../sql/folded-names.js";
import { asText, jsonRows } from "../sql/json-rows.js";
import { keyEquals, mergeText, sourceColumn } from "../sql/merge.js";
import type { SnowflakeColumn } from "./types.js";

/** Characters of one bound text at most: a VARIANT holds 16 MB on every account. */
const MAX_CHARS = 6 << 20;

export const quote = (identifier: string): string => `"${identifier.replace(/"/g, '""')}"`;

export const snowflakeDialect: Dialect<SnowflakeColumn> = {
  quote,
  quoteOwn: (identifier) => quote(fold(identifier)),
  placeholder: () => "?",
  keyText: (column, name) => column.show(name),
  keyParam: (_, value) => asText(value),
  keyValue: (column, placeholder) => column.convert(asVarchar(placeholder)),
  now: "SYSDATE()",
  exampleType: "VARCHAR",
  exampleKeyType: "VARCHAR",
  addKey: (table, _name, columns) => `ALTER TABLE ${table} ADD UNIQUE (${columns})`,
  caseInsensitiveColumns: true,
  createCheckpointTable: (table) =>
    `CREATE TABLE IF NOT EXISTS ${table} (\n` +
    '  "RECIPE" VARCHAR(200) NOT NULL,\n  "TARGET" VARCHAR(200) NOT NULL,\n  "PARTITION_NO" NUMBER(10,0) NOT NULL,\n' +
    '  "TOKEN" VARCHAR(64) NOT NULL,\n  "REPLID" VARCHAR(64) NOT NULL,\n  "LOW_OFFSET" NUMBER(19,0) NOT NULL,\n' +
    '  "DB" NUMBER(10,0) NOT NULL,\n  "HIGH_OFFSET" NUMBER(19,0) NOT NULL,\n  "SNAPSHOT" VARCHAR(16) NOT NULL,\n' +
    '  "COUNTERS" VARCHAR,\n  "VERSION" VARCHAR(255) NOT NULL,\n  "UPDATED_AT" TIMESTAMP_NTZ(3) NOT NULL,\n' +
    '  PRIMARY KEY ("RECIPE", "TARGET", "PARTITION_NO")\n)',

  // Keys are not enforced here: a MERGE locks the table against other writers, looks, and inserts only where there is no row.
  insertCheckpoint({ table, columns, values, keyLength }) {
    const source = values.map((value, i) => `${value === "?" ? asVarchar(value) : value} AS ${sourceColumn(i)}`);
    const on = columns.slice(0, keyLength).map((column, i) => `t.${column} = s.${sourceColumn(i)}`);
    return (
      `MERGE INTO ${table} t USING (SELECT ${source.join(", ")}) s ON (${on.join(" AND ")}) ` +
      `WHEN NOT MATCHED THEN INSERT (${columns.join(", ")}) VALUES (${columns.map((_, i) => `s.${sourceColumn(i)}`).join(", ")})`
    );
  },

  *upsert(target, columns, rows) {
    const sql = mergeText({ quote }, target, columns, { source: rowsSource([...target.key, ...columns]) });
    for (const text of jsonRows(rows, MAX_CHARS)) yield { sql, params: [text] };
  },

  update(target, columns, row) {
    const assign = (column: SnowflakeColumn) => `${quoteColumn({ quote }, column)} = ${column.convert(asVarchar("?"))}`;
    return {
      sql: `UPDATE ${target.table} SET ${columns.map(assign).join(", ")} WHERE ${target.key.map(assign).join(" AND ")}`,
      params: [...row.values, ...row.id].map(asText),
    };
  },

  *remove(target, rows) {
    const sql = removeText(target);
    for (const text of jsonRows(rows, MAX_CHARS)) yield { sql, params: [text] };
  },
};

/** A parameter that is a text: its type has to be said where it could be another. */
const asVarchar = (placeholder: string): string => `CAST(${placeholder} AS VARCHAR)`;

const removeText = (target: Target<SnowflakeColumn>): string =>
  `DELETE FROM ${target.table} t USING ${rowsSource(target.key)} s WHERE ${keyEquals({ quote }, target)}`;

/** The rows of the bound text. A null in JSON becomes NULL by the cast to VARCHAR. */
function rowsSource(columns: readonly SnowflakeColumn[]): string {
  const list = columns.map((column, i) => `${column.convert(`f.value[${i}]::VARCHAR`)} AS ${sourceColumn(i)}`);
  return `(SELECT ${list.join(", ")} FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) f)`;
}
