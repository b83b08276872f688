/**
 * Ids with a blank at their end. Most collations compare as if both values were filled up with blanks, utf8mb4_bin among them: "ada "
 * is "ada". So that the two do not share a row, the one with the blank has none.
 */
import { RefusedValueError } from "../../errors.js";
import type { Row, Value } from "../../model.js";
import { showText } from "../../recipe/values/refuse.js";
import type { MysqlColumn, MysqlType } from "./types.js";

/** Whether a column takes values for one that differ in blanks at their end. */
export function pads({ dataType, collation }: MysqlType): boolean {
  // What is no text has no collation.
  if (collation === undefined) return false;
  // These cut the blanks off before they compare.
  if (dataType === "char" || dataType === "enum" || dataType === "set") return true;
  // MariaDB names the collations that do not pad; in MySQL they are those of Unicode 9.
  return !/_nopad_|_0900_/.test(collation);
}

/** Refuses a key's value that the column would take for another. */
export function distinctEnd(column: MysqlColumn, value: Value): Value {
  if (!column.pads || !isBlankAtEnd(value)) return value;
  throw new RefusedValueError(
    `primary key "${column.name}": the column takes ${showText(value)} for ${showText(value.replace(/ +$/, ""))}`,
    {
      hint:
        "Correct the key in Redis, or make the column a VARCHAR of a collation that does not pad " +
        "(utf8mb4_nopad_bin in MariaDB, utf8mb4_0900_bin in MySQL).",
    },
  );
}

/** Whether a part of the id would be taken for another. */
export function isPadded(key: readonly MysqlColumn[], { id }: Row): boolean {
  return key.some((column, i) => column.pads && isBlankAtEnd(id[i] as Value));
}

const isBlankAtEnd = (value: Value): value is string => typeof value === "string" && value.endsWith(" ");
