/** Array literals, as PostgreSQL reads them: one parameter carries a whole column of a batch. */
import { RefusedValueError } from "../../errors.js";
import type { Value } from "../../model.js";

/** `{"a","b",NULL}`. Every value is quoted: whatever it holds, it stays one element. */
export function arrayLiteral(values: readonly Value[]): string {
  let text = "{";
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (i > 0) text += ",";
    if (value === null) text += "NULL";
    else if (typeof value !== "string") text += `"\\\\x${value.toString("hex")}"`;
    else text += quoted(value);
  }
  return `${text}}`;
}

function quoted(value: string): string {
  if (value.includes("\u0000")) {
    throw new RefusedValueError("PostgreSQL cannot store the character U+0000 in a text", {
      hint: "Remove it in the recipe's transform, or map the field to a bytea column.",
    });
  }
  return /["\\]/.test(value) ? `"${value.replace(/["\\]/g, "\\$&")}"` : `"${value}"`;
}
