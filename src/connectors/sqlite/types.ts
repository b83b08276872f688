/** Column types of SQLite: a declared type has an affinity, which decides how a value is stored. */
import type { Kind, Value } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** What is bound: SQLite's five storage classes. */
export type SqliteValue = string | number | bigint | Uint8Array | null;

/** A column with the conversion to what is stored. */
export interface SqliteColumn extends CatalogColumn {
  readonly bind: (value: Value) => SqliteValue;
}

export type Affinity = "INTEGER" | "TEXT" | "BLOB" | "REAL" | "NUMERIC";

/** The driver ends a text here, also one that it reads. */
export const NUL = "\u0000";

/** The rules of https://sqlite.org/datatype3.html, in their order. In a STRICT table ANY takes values as they come. */
export function affinityOf(declared: string, isStrict = false): Affinity {
  const type = declared.toUpperCase();
  if (type.includes("INT")) return "INTEGER";
  if (/CHAR|CLOB|TEXT/.test(type)) return "TEXT";
  if (type === "" || type.includes("BLOB") || (isStrict && type === "ANY")) return "BLOB";
  if (/REAL|FLOA|DOUB/.test(type)) return "REAL";
  return "NUMERIC";
}

/** The kind of a column, by its declared type. */
export function sqliteKind(declared: string, affinity: Affinity): Kind {
  switch (affinity) {
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
