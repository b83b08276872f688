/** MERGE as Snowflake, Oracle and SQL Server know it. */
import { quoteColumn, type CatalogColumn, type Dialect, type Target } from "./database.js";

/** The parts of a MERGE that databases write differently. */
export interface MergeParts {
  /** The rows, in parentheses or as a table, with columns c0, c1, … : those of the key, then the others. */
  readonly source: string;
  /** Between the target and USING: a lock hint. */
  readonly hint?: string;
  readonly end?: string;
}

/** The name of the n-th column of the rows. */
export const sourceColumn = (n: number): string => `c${n}`;

/** MERGE INTO target t USING rows s ON (…): updates what is there, inserts what is not. */
export function mergeText<C extends CatalogColumn>(
  dialect: Pick<Dialect<C>, "quote">,
  target: Target<C>,
  columns: readonly C[],
  { source, hint = "", end = "" }: MergeParts,
): string {
  const names = [...target.key, ...columns].map((column) => quoteColumn(dialect, column));
  const values = names.map((_, i) => `s.${sourceColumn(i)}`);
  const keys = target.key.length;
  const sets = names.slice(keys).map((name, i) => `${name} = ${values[keys + i]}`);
  return (
    `MERGE INTO ${target.table} ${hint}t USING ${source} s ON (${keyEquals(dialect, target)}) ` +
    (sets.length > 0 ? `WHEN MATCHED THEN UPDATE SET ${sets.join(", ")} ` : "") +
    `WHEN NOT MATCHED THEN INSERT (${names.join(", ")}) VALUES (${values.join(", ")})${end}`
  );
}

/** t."id" = s.c0 AND … */
export function keyEquals<C extends CatalogColumn>(dialect: Pick<Dialect<C>, "quote">, target: Target<C>): string {
  return target.key.map((column, i) => `t.${quoteColumn(dialect, column)} = s.${sourceColumn(i)}`).join(" AND ");
}
