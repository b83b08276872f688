/** Column types of Oracle, as ALL_TAB_COLS names them. */
import type { Kind, Value } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";
import { doubleOf, momentOf, numberOf, singleOf, unicodeOnly, zonedOf } from "./bind.js";

/** The driver's type of a bind, by the end of its name: DB_TYPE_VARCHAR, … */
export type BindType = "VARCHAR" | "NVARCHAR" | "CLOB" | "NCLOB" | "RAW" | "BLOB" | "BINARY_DOUBLE" | "BINARY_FLOAT";

/** What the driver is given. */
export type Bound = string | number | Buffer | null;

/** A column with the way of its values into a statement. */
export interface OracleColumn extends CatalogColumn {
  readonly bindType: BindType;
  readonly bind: (value: Value) => Bound;
  /** Turns a placeholder into an expression of the column's type. */
  readonly convert: (placeholder: string) => string;
  /** Turns a stored value of a key into a text that its kind takes. */
  readonly show: (name: string) => string;
}

/** What ALL_TAB_COLS says of a column's type. */
export interface OracleType {
  /** "VARCHAR2", "NUMBER", "TIMESTAMP(6) WITH TIME ZONE" */
  readonly dataType: string;
  /** Bytes. */
  readonly length: number | undefined;
  /** Characters. */
  readonly charLength: number | undefined;
  /** The length counts bytes. */
  readonly countsBytes: boolean;
  readonly precision: number | undefined;
  readonly scale: number | undefined;
}

/** What a kind needs beyond itself. */
type Binding = Pick<OracleColumn, "bindType" | "bind" | "convert" | "show">;

/** The kind of a column. */
export function oracleKind(type: OracleType): Kind {
  const { dataType, precision, scale, length, charLength, countsBytes } = type;
  switch (baseType(dataType)) {
    case "NUMBER":
      return numberKind(precision, scale);
    case "FLOAT":
    case "BINARY_DOUBLE":
      return { kind: "float", bits: 64, ...(dataType === "BINARY_DOUBLE" && { special: true }) };
    case "BINARY_FLOAT":
      return { kind: "float", bits: 32, special: true };
    case "VARCHAR2":
    case "CHAR":
      if (countsBytes) return { kind: "text", ...(length !== undefined && { maxBytes: length }) };
      return { kind: "text", ...(charLength !== undefined && { maxChars: charLength }) };
    case "NVARCHAR2":
    case "NCHAR":
      return { kind: "text", ...(charLength !== undefined && { maxChars: charLength }) };
    case "CLOB":
    case "NCLOB":
      return { kind: "text" };
    case "RAW":
      return { kind: "binary", ...(length !== undefined && { maxBytes: length }) };
    case "BLOB":
      return { kind: "binary" };
    case "DATE":
      // Oracle's DATE has a time of day.
      return { kind: "datetime", fraction: 0, zoned: false };
    case "TIMESTAMP":
      return { kind: "datetime", fraction: scale ?? 6, zoned: dataType.includes("TIME ZONE") };
    case "BOOLEAN":
      return { kind: "boolean" };
    case "JSON":
      return { kind: "json" };
    default:
      return { kind: "other" };
  }
}

/** How values of a column travel there and back. `unicode`: the database's character set holds every character. */
export function oracleBinding(type: OracleType, unicode: boolean): Binding {
  return { ...wayIn(type, unicode), show: wayOut(type) };
}

function wayIn(type: OracleType, unicode: boolean): Omit<Binding, "show"> {
  const { dataType, charLength, length, countsBytes } = type;
  const plain = (value: Value): Bound => value;
  const text = unicode ? plain : unicodeOnly(dataType);
  const itself = (placeholder: string) => placeholder;
  switch (baseType(dataType)) {
    case "NUMBER":
    case "FLOAT":
      return { bindType: "VARCHAR", bind: numberOf(type), convert: (mark) => `CAST(${mark} AS NUMBER)` };
    case "BINARY_DOUBLE":
      return { bindType: "BINARY_DOUBLE", bind: doubleOf, convert: itself };
    case "BINARY_FLOAT":
      return { bindType: "BINARY_FLOAT", bind: singleOf, convert: itself };
    case "CHAR":
      // Compared as CHAR: with a VARCHAR2 the blanks at the column's end would count. Never cut: the length has been checked.
      return {
        bindType: "VARCHAR",
        bind: text,
        convert: (mark) => `CAST(${mark} AS CHAR(${countsBytes ? `${length} BYTE` : `${charLength} CHAR`}))`,
      };
    case "NCHAR":
      return { bindType: "NVARCHAR", bind: plain, convert: (mark) => `CAST(${mark} AS NCHAR(${charLength}))` };
    case "NVARCHAR2":
      return { bindType: "NVARCHAR", bind: plain, convert: itself };
    case "CLOB":
      return { bindType: "CLOB", bind: text, convert: itself };
    case "NCLOB":
      return { bindType: "NCLOB", bind: plain, convert: itself };
    case "JSON":
      return { bindType: "CLOB", bind: plain, convert: (mark) => `JSON(${mark})` };
    case "RAW":
    case "BLOB":
      return { bindType: dataType === "RAW" ? "RAW" : "BLOB", bind: plain, convert: itself };
    case "DATE":
      return {
        bindType: "VARCHAR",
        bind: plain,
        convert: (mark) => `TO_DATE(${mark}, 'YYYY-MM-DD HH24:MI:SS')`,
      };
    case "TIMESTAMP":
      return dataType.includes("TIME ZONE")
        ? {
            bindType: "VARCHAR",
            bind: zonedOf,
            convert: (mark) => `TO_TIMESTAMP_TZ(${mark}, 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM')`,
          }
        : {
            bindType: "VARCHAR",
            bind: momentOf,
            convert: (mark) => `TO_TIMESTAMP(${mark}, 'YYYY-MM-DD HH24:MI:SS.FF9')`,
          };
    case "BOOLEAN":
      return {
        bindType: "VARCHAR",
        bind: plain,
        convert: (mark) => `CASE ${mark} WHEN '1' THEN TRUE WHEN '0' THEN FALSE END`,
      };
    default:
      return { bindType: "VARCHAR", bind: text, convert: itself };
  }
}

/** Of moments the driver would make a Date, which has milliseconds; of a CHAR the blanks at its end are no part of the key. */
function wayOut({ dataType }: OracleType): Binding["show"] {
  switch (baseType(dataType)) {
    case "DATE":
      return (name) => `TO_CHAR(${name}, 'YYYY-MM-DD HH24:MI:SS')`;
    case "TIMESTAMP":
      return (name) => `TO_CHAR(${name}, 'YYYY-MM-DD HH24:MI:SS.FF9')`;
    case "CHAR":
    case "NCHAR":
      return (name) => `RTRIM(${name})`;
    default:
      return (name) => name;
  }
}

function numberKind(precision: number | undefined, scale: number | undefined): Kind {
  // NUMBER alone: 38 digits wherever the point is; bind.ts counts them.
  if (scale === undefined) return { kind: "decimal" };
  if (scale > 0) {
    // NUMBER(2, 5) has zeros after the point: the digits before it are none.
    const whole = Math.max(0, (precision ?? 38) - scale);
    return { kind: "decimal", precision: whole + scale, scale };
  }
  const max = 10n ** BigInt((precision ?? 38) - scale) - 1n;
  return { kind: "integer", min: -max, max };
}

/** "TIMESTAMP(6) WITH TIME ZONE" is TIMESTAMP. */
const baseType = (dataType: string): string => /^[A-Z0-9_]+/.exec(dataType)?.[0] ?? dataType;
