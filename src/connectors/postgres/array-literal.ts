/** Array literals, as PostgreSQL reads them: one parameter carries a whole column of a batch. */
import { RefusedValueError } from "../../errors.js";
import type { Row } from "../../model.js";

// eslint-disable-next-line no-control-regex -- U+0000 is what is looked for
const SPECIAL = /["\\\u0000]/;

/**
 * `{"a","b",NULL}`: the n-th value of every row, where the id's values come first. Every value is quoted: whatever it holds, it
 * stays one element. On the hot path, hence the plain loop.
 */
export function arrayLiteral(rows: readonly Row[], n: number): string {
  let text = "";
  for (const row of rows) {
    const value = n < row.id.length ? row.id[n] : row.values[n - row.id.length];
    if (value === null || value === undefined) text += ",NULL";
    else if (typeof value !== "string") text += `,"\\\\x${value.toString("hex")}"`;
    else text += SPECIAL.test(value) ? `,"${escaped(value)}"` : `,"${value}"`;
  }
  return `{${text.slice(1)}}`;
}

function escaped(value: string): string {
  if (value.includes("\u0000")) {
    throw new RefusedValueError("PostgreSQL cannot store the character U+0000 in a text", {
      hint: "Remove it in the recipe's transform, or map the field to a bytea column.",
    });
  }
  return value.replace(/["\\]/g, "\\$&");
}
