/** Reads which rows a table has, in pages, by the primary key. */
import type { Bytes, Column, Value } from "../../model.js";
import { converterFor } from "../../recipe/convert.js";
import { quoteColumn, type CatalogColumn, type Dialect, type Statement, type Target } from "./database.js";

/** The keys after this one, in the database's own order. */
export function keyPage<C extends CatalogColumn>(
  dialect: Pick<Dialect<C>, "quote" | "placeholder" | "firstRows" | "keyText" | "keyParam" | "keyValue" | "keyIsOurs">,
  target: Target<C>,
  after: readonly Bytes[] | undefined,
  count: number,
): Statement {
  const names = target.key.map((column) => quoteColumn(dialect, column));
  const last = after?.map((text, i) => {
    const value = valueOf(target.key[i]!, text);
    return dialect.keyParam?.(target.key[i]!, value) ?? value;
  });
  const params: unknown[] = [];
  const place = (i: number) => {
    const placeholder = dialect.placeholder(params.push(last?.[i]));
    return dialect.keyValue?.(target.key[i]!, placeholder) ?? placeholder;
  };
  // (a, b) > (x, y), spelled out: not every database compares rows.
  const alternatives = names.map((name, i) => {
    const equal = names.slice(0, i).map((earlier, j) => `${earlier} = ${place(j)}`);
    return `(${[...equal, `${name} > ${place(i)}`].join(" AND ")})`;
  });
  const ours = target.key.flatMap((column, i) => dialect.keyIsOurs?.(column, names[i]!) ?? []);
  const behind = after ? [alternatives.join(" OR ")] : [];
  const conditions = ours.length > 0 ? [...ours, ...behind.map((one) => `(${one})`)] : behind;
  const where = conditions.length > 0 ? ` WHERE ${conditions.join(" AND ")}` : "";
  const shown = target.key.map((column, i) => dialect.keyText?.(column, names[i]!) ?? names[i]!);
  const query = `SELECT ${shown.join(", ")} FROM ${target.table}${where} ORDER BY ${names.join(", ")}`;
  const sql = dialect.firstRows?.(query, count) ?? `${query} LIMIT ${count}`;
  return { sql, params: after ? params : [] };
}

/** A key's value as it stands in the name of a key in Redis: "1.5", where the database shows 1.5000. */
export function keyText(column: Column, value: unknown): Bytes {
  if (Buffer.isBuffer(value)) return value.toString("latin1");
  const shown = Buffer.from(String(value as string | number | bigint)).toString("latin1");
  const canonical = valueOf(column, shown);
  return Buffer.from(canonical ?? shown).toString("latin1");
}

/** What a recipe makes of this part of a key; the text as it is, where no key in Redis can name the row. */
function valueOf(column: Column, text: Bytes): Value {
  try {
    return converterFor(column).fromBytes(text);
  } catch {
    return Buffer.from(text, "latin1").toString();
  }
}
