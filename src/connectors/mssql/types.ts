/** Column types of SQL Server, as sys.columns and sys.types name them. */
import type { Kind, Value } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** A column with the way of its values into a statement. */
export interface MssqlColumn extends CatalogColumn {
  readonly bind: (value: Value) => Value;
  /** Turns an expression that is a text into one of the column's type. */
  readonly convert: (text: string) => string;
  /** Two different texts may be one value to the server: most collations ignore case, all of them blanks at the end. */
  readonly ambiguous: boolean;
  /** Turns a stored value into the text that it has in the name of a key. */
  readonly show: (name: string) => string;
  readonly identity: boolean;
}

/** What the catalog says of a column's type. */
export interface MssqlType {
  /** "nvarchar", "decimal"; of an alias the type behind it. */
  readonly name: string;
  /** Bytes; -1: max. */
  readonly length: number;
  readonly precision: number;
  readonly scale: number;
  /** undefined: not a text. */
  readonly collation: string | undefined;
  /** Of the collation. */
  readonly codePage: number | undefined;
}

const INTEGERS: Readonly<Record<string, readonly [bigint, bigint]>> = {
  tinyint: [0n, 255n],
  smallint: [-(2n ** 15n), 2n ** 15n - 1n],
  int: [-(2n ** 31n), 2n ** 31n - 1n],
  bigint: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** The kind of a column. */
export function mssqlKind({ name, length, precision, scale, codePage }: MssqlType): Kind {
  const range = INTEGERS[name];
  if (range) return { kind: "integer", min: range[0], max: range[1] };
  switch (name) {
    case "decimal":
    case "numeric":
      return { kind: "decimal", precision, scale };
    case "money":
      return { kind: "decimal", precision: 19, scale: 4 };
    case "smallmoney":
      return { kind: "decimal", precision: 10, scale: 4 };
    case "float":
      return { kind: "float", bits: 64 };
    case "real":
      return { kind: "float", bits: 32 };
    case "bit":
      return { kind: "boolean" };
    case "nchar":
    case "nvarchar":
      return { kind: "text", ...(length > 0 && { maxChars: length / 2 }) };
    case "char":
    case "varchar":
      if (length <= 0) return { kind: "text" };
      return { kind: "text", ...(codePage === 65001 ? { maxBytes: length } : { maxChars: length }) };
    case "text":
    case "ntext":
      return { kind: "text" };
    case "binary":
    case "varbinary":
      return { kind: "binary", ...(length > 0 && { maxBytes: length }) };
    case "image":
      return { kind: "binary" };
    case "date":
      return { kind: "date" };
    case "time":
      return { kind: "time", fraction: scale };
    case "datetime2":
      return { kind: "datetime", fraction: scale, zoned: false };
    case "datetimeoffset":
      return { kind: "datetime", fraction: scale, zoned: true };
    case "datetime":
      return { kind: "datetime", fraction: 3, zoned: false };
    case "smalldatetime":
      return { kind: "datetime", fraction: 0, zoned: false };
    case "uniqueidentifier":
      return { kind: "uuid" };
    case "json":
      return { kind: "json" };
    default:
      return { kind: "other" };
  }
}
