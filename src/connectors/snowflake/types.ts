/** Column types of Snowflake, as DESCRIBE TABLE names them. */
import type { Kind } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** A column with the conversion of its values. */
export interface SnowflakeColumn extends CatalogColumn {
  /** Turns an expression that is a text into one of the column's type. */
  readonly convert: (text: string) => string;
  /** Turns a stored value of a key into one that the driver shows as its kind has it. */
  readonly show: (name: string) => string;
}

/** A type taken apart: "NUMBER(20,4)" is NUMBER, 20 and 4. */
interface Type {
  readonly name: string;
  readonly first: number | undefined;
  readonly second: number | undefined;
}

/** The kind of a column, by its declared type. */
export function snowflakeKind(declared: string): Kind {
  const { name, first, second } = typeOf(declared);
  switch (name) {
    case "NUMBER": {
      const [precision, scale] = [first ?? 38, second ?? 0];
      if (scale > 0) return { kind: "decimal", precision, scale };
      const max = 10n ** BigInt(precision) - 1n;
      return { kind: "integer", min: -max, max };
    }
    case "FLOAT":
      return { kind: "float", bits: 64, special: true };
    case "BOOLEAN":
      return { kind: "boolean" };
    case "VARCHAR":
      return { kind: "text", ...(first !== undefined && { maxChars: first }) };
    case "BINARY":
      return { kind: "binary", ...(first !== undefined && { maxBytes: first }) };
    case "DATE":
      return { kind: "date" };
    case "TIME":
      return { kind: "time", fraction: first ?? 9 };
    case "TIMESTAMP_NTZ":
      return { kind: "datetime", fraction: first ?? 9, zoned: false };
    case "TIMESTAMP_LTZ":
    case "TIMESTAMP_TZ":
      return { kind: "datetime", fraction: first ?? 9, zoned: true };
    case "VARIANT":
    case "OBJECT":
    case "ARRAY":
      // With types of their own for what is inside, they are written otherwise.
      return declared.includes("(") ? { kind: "other" } : { kind: "json" };
    default:
      return { kind: "other" };
  }
}

/** Turns an expression that is a canonical text into one of the column's type. */
export function snowflakeConversion(declared: string): (text: string) => string {
  const { name } = typeOf(declared);
  switch (snowflakeKind(declared).kind) {
    case "text":
    case "other":
      // A cast to VARCHAR(5) would cut; the assignment to the column refuses.
      return (text) => text;
    case "binary":
      return (text) => `TO_BINARY(${text}, 'HEX')`;
    case "datetime":
      return name === "TIMESTAMP_NTZ"
        ? (text) => `CAST(${text} AS ${name})`
        : (text) => `CAST(${text} || '+00:00' AS ${name})`;
    case "json":
      return name === "VARIANT" ? (text) => `PARSE_JSON(${text})` : (text) => `CAST(PARSE_JSON(${text}) AS ${name})`;
    case "date":
    case "time":
    case "boolean":
    case "float":
      return (text) => `CAST(${text} AS ${name})`;
    default:
      return (text) => `CAST(${text} AS ${declared})`;
  }
}

/** The driver shows a moment with its zone. */
export function snowflakeShow(declared: string): (name: string) => string {
  return /^TIMESTAMP_L?TZ/.test(declared)
    ? (name) => `CAST(CONVERT_TIMEZONE('UTC', ${name}) AS TIMESTAMP_NTZ)`
    : (name) => name;
}

function typeOf(declared: string): Type {
  const [, name = declared, first, second] = /^([A-Z_]+)(?:\((\d+)(?:,\s*(\d+))?\))?/i.exec(declared) ?? [];
  const number = (digits: string | undefined) => (digits === undefined ? undefined : Number(digits));
  return { name: name.toUpperCase(), first: number(first), second: number(second) };
}
