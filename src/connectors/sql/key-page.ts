/** Reads which rows a table has, in pages, by the primary key. */
import type { Bytes } from "../../model.js";
import { quoteColumn, type CatalogColumn, type Dialect, type Statement, type Target } from "./database.js";

/** The keys after this one, in the database's own order. */
export function keyPage<C extends CatalogColumn>(
  dialect: Pick<Dialect<C>, "quote" | "placeholder" | "firstRows" | "keyText" | "keyValue">,
  target: Target<C>,
  after: readonly unknown[] | undefined,
  count: number,
): Statement {
  const names = target.key.map((column) => quoteColumn(dialect, column));
  const params: unknown[] = [];
  const place = (i: number) => {
    const placeholder = dialect.placeholder(params.push(after?.[i]));
    return dialect.keyValue?.(target.key[i]!, placeholder) ?? placeholder;
  };
  // (a, b) > (x, y), spelled out: not every database compares rows.
  const alternatives = names.map((name, i) => {
    const equal = names.slice(0, i).map((earlier, j) => `${earlier} = ${place(j)}`);
    return `(${[...equal, `${name} > ${place(i)}`].join(" AND ")})`;
  });
  const where = after ? ` WHERE ${alternatives.join(" OR ")}` : "";
  const shown = target.key.map((column, i) => dialect.keyText?.(column, names[i]!) ?? names[i]!);
  const query = `SELECT ${shown.join(", ")} FROM ${target.table}${where} ORDER BY ${names.join(", ")}`;
  const sql = dialect.firstRows?.(query, count) ?? `${query} LIMIT ${count}`;
  return { sql, params: after ? params : [] };
}

/** A key's value as it stands in the name of a key in Redis. */
export function keyText(value: unknown): Bytes {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  return Buffer.from(String(value as string | number | bigint)).toString("latin1");
}
