/** Column types of PostgreSQL, by the names of pg_type. */
import type { Kind } from "../../model.js";
import type { CatalogColumn } from "../sql/database.js";

/** A column with what its values need on their way into a statement. */
export interface PostgresColumn extends CatalogColumn {
  /**
   * The type that parameters of this column are cast to: without length, precision or scale, and for a domain its base type,
   * because an explicit cast to varchar(5) or numeric(4,2) cuts and rounds, where the assignment to the column refuses.
   */
  readonly cast: string;
  /** An array type: a list of its values is sent as a list of texts, since arrays of arrays do not unnest. */
  readonly isArray: boolean;
  /** Two different texts may be one value to the server (citext, padded char): see DISTINCT ON in dialect.ts. */
  readonly ambiguous: boolean;
  /** The quoted name of the collation under which different texts may be equal; undefined for every other. */
  readonly collation: string | undefined;
  /** GENERATED ALWAYS AS IDENTITY: an INSERT has to insist on its value. */
  readonly identityAlways: boolean;
}

/** What the catalog says of a type; for a domain, of the type behind it. */
export interface PostgresType {
  /** pg_type.typname: "int4", "varchar", … */
  readonly name: string;
  /** pg_attribute.atttypmod, or the domain's; -1: none. */
  readonly modifier: number;
  readonly isArray: boolean;
  /** Equal texts are the same bytes. */
  readonly deterministic: boolean;
}

const INTEGER_BITS: Readonly<Record<string, bigint>> = { int2: 16n, int4: 32n, int8: 64n };

/** The kind of a column. */
export function postgresKind({ name, modifier, isArray }: PostgresType): Kind {
  if (isArray) return { kind: "other" };
  const bits = INTEGER_BITS[name];
  if (bits !== undefined) return { kind: "integer", min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n };
  const fraction = modifier < 0 ? 6 : modifier;
  switch (name) {
    case "numeric":
      return numericKind(modifier);
    case "float4":
      return { kind: "float", bits: 32, special: true };
    case "float8":
      return { kind: "float", bits: 64, special: true };
    case "bool":
      return { kind: "boolean" };
    case "text":
    case "citext":
      return { kind: "text" };
    case "varchar":
    case "bpchar":
      // The modifier counts the four bytes of the value's own length.
      return modifier < 0 ? { kind: "text" } : { kind: "text", maxChars: modifier - 4 };
    case "bytea":
      return { kind: "binary" };
    case "date":
      return { kind: "date" };
    case "time":
      return { kind: "time", fraction };
    case "timestamp":
      return { kind: "datetime", fraction, zoned: false };
    case "timestamptz":
      return { kind: "datetime", fraction, zoned: true };
    case "json":
    case "jsonb":
      return { kind: "json" };
    case "uuid":
      return { kind: "uuid" };
    default:
      return { kind: "other" };
  }
}

function numericKind(modifier: number): Kind {
  if (modifier < 0) return { kind: "decimal" };
  const packed = modifier - 4;
  const precision = (packed >> 16) & 0xffff;
  // Eleven bits with a sign, since PostgreSQL 15.
  const scale = ((packed & 0x7ff) ^ 1024) - 1024;
  // A negative scale, or one above the precision, rounds in ways that "decimal" does not say: the server decides.
  return scale < 0 || scale > precision ? { kind: "other" } : { kind: "decimal", precision, scale };
}

const PLAIN = new Set(["integer", "decimal", "boolean", "binary", "date", "time", "datetime", "uuid"]);

/** Whether different canonical texts of this type can be equal to the server. */
export function isAmbiguous(type: PostgresType, kind: Kind): boolean {
  if (PLAIN.has(kind.kind)) return false;
  return !(type.deterministic && (type.name === "text" || type.name === "varchar"));
}
