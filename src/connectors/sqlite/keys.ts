/**
 * Ids that hold U+0000. wbsync writes none, but another program may have: listed cut, as the driver reads them, each would begin the
 * page that it ends. So they travel as bytes.
 */
import { RefusedValueError } from "../../errors.js";
import type { Row, Value } from "../../model.js";
import type { Target } from "../sql/database.js";
import { NUL, type SqliteColumn, type SqliteValue } from "./types.js";

/** A stored id as it is listed. */
export const keyText = (column: SqliteColumn, name: string): string =>
  isText(column) ? `CASE instr(${name}, char(0)) WHEN 0 THEN ${name} ELSE CAST(${name} AS BLOB) END` : name;

/** An id with which others are compared. */
export const keyParam = (_: SqliteColumn, value: Value): Value =>
  typeof value === "string" && value.includes(NUL) ? Buffer.from(value) : value;

/** The plus takes the affinity away again that CAST gives, so that a column without one compares as it sorts. */
export const keyValue = (column: SqliteColumn, placeholder: string): string =>
  isText(column) ? `+CAST(${placeholder} AS TEXT)` : placeholder;

const isText = ({ kind }: SqliteColumn): boolean => ["text", "json", "other"].includes(kind.kind);

/**
 * A column holds values of any class, whatever its type. Bytes among texts and numbers, or the other way round, are of other programs:
 * no key in Redis names them, and compared with a key of its own class they would be in every page.
 */
export const keyIsOurs = ({ kind }: SqliteColumn, name: string): string =>
  `typeof(${name}) ${kind.kind === "binary" ? "=" : "<>"} 'blob'`;

/**
 * The id of a row to delete. undefined: its columns cannot hold it, so there is no such row, and what they would make of it is the id
 * of another.
 */
export function heldId({ key }: Target<SqliteColumn>, { id }: Row): readonly SqliteValue[] | undefined {
  try {
    return key.map((column, i) => column.bind(id[i] ?? null));
  } catch (error) {
    if (error instanceof RefusedValueError) return undefined;
    throw error;
  }
}
