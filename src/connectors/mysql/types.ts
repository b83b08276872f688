/** Column types of MySQL and MariaDB, as information_schema names them. */
import type { Kind, Value } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** A column with what its values need on their way into a statement. */
export interface MysqlColumn extends CatalogColumn {
  /** How a value of this column is compared with the column: "?", or a cast, because MySQL compares unlike types as floats. */
  readonly comparand: string;
  /** Turns a canonical value into what is bound; undefined: it is bound as it is. */
  readonly bind: ((value: Value) => Value) | undefined;
  /** Values that differ in blanks at their end are one to it. */
  readonly pads?: boolean;
}

/** What information_schema.columns says of a column's type. */
export interface MysqlType {
  /** "varchar" */
  readonly dataType: string;
  /** "varchar(20)", "int(10) unsigned", "enum('a','b')" */
  readonly columnType: string;
  readonly maxChars: number | undefined;
  readonly maxBytes: number | undefined;
  readonly precision: number | undefined;
  readonly scale: number | undefined;
  readonly fraction: number | undefined;
  readonly charset: string | undefined;
  readonly collation: string | undefined;
}

const INTEGER_BITS: Readonly<Record<string, bigint>> = {
  tinyint: 8n,
  smallint: 16n,
  mediumint: 24n,
  int: 32n,
  bigint: 64n,
};

/** The kind of a column. */
export function mysqlKind(type: MysqlType): Kind {
  const unsigned = / unsigned/.test(type.columnType);
  const bits = INTEGER_BITS[type.dataType];
  if (bits !== undefined) return integer(bits, unsigned);
  const fraction = type.fraction ?? 0;
  switch (type.dataType) {
    case "decimal":
      return { kind: "decimal", precision: type.precision ?? 10, scale: type.scale ?? 0, unsigned };
    case "float":
      return { kind: "float", bits: 32 };
    case "double":
      return { kind: "float", bits: 64 };
    case "bit":
      return type.precision === 1 ? { kind: "boolean" } : integer(BigInt(type.precision ?? 1), true);
    case "year":
      return { kind: "integer", min: 1901n, max: 2155n };
    case "char":
    case "varchar":
      return { kind: "text", ...(type.maxChars === undefined ? {} : { maxChars: type.maxChars }) };
    case "tinytext":
    case "text":
    case "mediumtext":
    case "longtext":
      // The limit counts bytes of the column's character set: known here only for those that store UTF-8 as it is.
      return {
        kind: "text",
        ...(type.maxBytes !== undefined && /^utf8/.test(type.charset ?? "") ? { maxBytes: type.maxBytes } : {}),
      };
    case "binary":
    case "varbinary":
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return { kind: "binary", ...(type.maxBytes === undefined ? {} : { maxBytes: type.maxBytes }) };
    case "date":
      return { kind: "date" };
    case "time":
      return { kind: "time", fraction };
    case "datetime":
      return { kind: "datetime", fraction, zoned: false };
    case "timestamp":
      return { kind: "datetime", fraction, zoned: true };
    case "json":
      return { kind: "json" };
    case "uuid":
      return { kind: "uuid" };
    default:
      return { kind: "other" };
  }
}

/** How a value is compared with its column. */
export function comparand(type: MysqlType, kind: Kind): string {
  if (type.dataType === "bit") return "CAST(? AS UNSIGNED)";
  switch (kind.kind) {
    case "integer":
      return kind.min < 0n ? "CAST(? AS SIGNED)" : "CAST(? AS UNSIGNED)";
    case "decimal":
      return `CAST(? AS DECIMAL(${kind.precision ?? 65},${kind.scale ?? 30}))`;
    case "float":
      return "(? + 0e0)";
    case "date":
      return "CAST(? AS DATE)";
    case "time":
      return "CAST(? AS TIME(6))";
    case "datetime":
      return "CAST(? AS DATETIME(6))";
    default:
      return "?";
  }
}

function integer(bits: bigint, unsigned: boolean): Kind {
  const span = 1n << bits;
  return unsigned
    ? { kind: "integer", min: 0n, max: span - 1n }
    : { kind: "integer", min: -(span >> 1n), max: (span >> 1n) - 1n };
}
