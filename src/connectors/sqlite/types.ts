/** Column types of SQLite: a declared type has an affinity, which decides how a value is stored. */
import { RefusedValueError } from "../../errors.js";
import type { Kind, Value } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** What is bound: SQLite's five storage classes. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

/** A column with the conversion to what is stored. */
export interface SqliteColumn extends CatalogColumn {
  readonly bind: (value: Value) => SqliteValue;
}

type Affinity = "INTEGER" | "TEXT" | "BLOB" | "REAL" | "NUMERIC";

/** The rules of https://sqlite.org/datatype3.html, in their order. */
export function affinityOf(declared: string): Affinity {
  const type = declared.toUpperCase();
  if (type.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(type)) return "TEXT";
  if (type === "" || type === "ANY" || type.includes("BLOB")) return "BLOB";
  if (/REAL|FLOA|DOUB/.test(type)) return "REAL";
  return "NUMERIC";
}

/** The kind of a column, by its declared type. */
export function sqliteKind(declared: string): Kind {
  switch (affinityOf(declared)) {
    case "INTEGER":
      return { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n };
    case "REAL":
      return { kind: "float", bits: 64 };
    case "TEXT":
      return { kind: "text" };
    case "BLOB":
      return declared.toUpperCase().includes("BLOB") ? { kind: "binary" } : { kind: "other" };
    default:
      return numericKind(declared);
  }
}

/** Types that only their name makes dates, truths or numbers. */
function numericKind(declared: string): Kind {
  const [, name = "", precision, scale] =
    /^\s*([A-Z ]*[A-Z])\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?/i.exec(declared) ?? [];
  switch (name.toUpperCase()) {
    case "BOOL":
    case "BOOLEAN":
      return { kind: "boolean" };
    case "DATE":
      return { kind: "date" };
    case "TIME":
      return { kind: "time", fraction: 9 };
    case "DATETIME":
    case "TIMESTAMP":
      return { kind: "datetime", fraction: 9, zoned: false };
    case "JSON":
      return { kind: "json" };
    case "UUID":
      return { kind: "uuid" };
    case "BINARY":
    case "VARBINARY":
      return { kind: "binary" };
    case "NUMERIC":
    case "DECIMAL":
    case "DEC":
      return precision === undefined
        ? { kind: "decimal" }
        : { kind: "decimal", precision: Number(precision), scale: Number(scale ?? 0) };
    default:
      return { kind: "other" };
  }
}

/** How a canonical value is bound, so that it is stored in the class of the column's affinity and loses nothing. */
export function sqliteBinder(declared: string, kind: Kind): (value: Value) => SqliteValue {
  switch (kind.kind) {
    case "integer":
    case "boolean":
      return (value) => (typeof value === "string" ? integer(value) : value);
    case "float":
      return (value) => (typeof value === "string" ? real(value) : value);
    case "decimal":
      return (value) => (typeof value === "string" ? numeric(value, declared) : value);
    case "other":
      return affinityOf(declared) === "NUMERIC" ? (value) => checkedText(value, declared) : (value) => value;
    default:
      return (value) => value;
  }
}

/** The driver takes a number next to zero for the integer 0; as text SQLite itself turns it into the float. */
const real = (text: string): number | string => (Math.abs(Number(text)) < 1e-9 && text !== "0" ? text : Number(text));

const integer = (text: string): number | bigint => (text.length <= 15 ? Number(text) : BigInt(text));

/** A NUMERIC column keeps integers of 64 bits and floats, which hold fifteen digits. */
function numeric(text: string, declared: string): SqliteValue {
  if (text.length <= 15 && Number.isFinite(Number(text))) return Number(text);
  if (/^-?\d+$/.test(text)) {
    const whole = BigInt(text);
    if (BigInt.asIntN(64, whole) === whole) return whole;
  }
  const digits = text
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+/, "");
  if (digits.length <= 15 && Number.isFinite(Number(text))) return real(text);
  throw new RefusedValueError(
    `A column of type ${declared || "NUMERIC"} keeps fifteen digits in SQLite, and "${text.slice(0, 40)}" has ${digits.length}`,
    { hint: "Declare the column TEXT, which keeps all of them." },
  );
}

/** Text that looks like a number is turned into one by the affinity: only where nothing is lost. */
function checkedText(value: Value, declared: string): Value {
  if (typeof value === "string" && /^\s*[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*$/i.test(value))
    numeric(value.trim(), declared);
  return value;
}
