/** Column types of Cassandra, by the names of system_schema. */
import type { Kind } from "../../model.js";
import * as encode from "./encode.js";
import type { Encoder } from "./encode.js";

/** What a column's type means for its values. */
export interface CassandraType {
  readonly kind: Kind;
  /** undefined: the driver encodes texts by itself, as UTF-8. */
  readonly encode: Encoder | undefined;
}

/** Bytes of one key column at most: its length travels in sixteen bits. */
export const MAX_KEY_BYTES = 65_535;
/** Digits of a number without limits: more than this is no number that anybody means, and costs the server dearly. */
const MAX_DIGITS = 1_000;

/** How values of this type travel; undefined: wbsync cannot write it. */
export function cassandraType(name: string): CassandraType | undefined {
  switch (name) {
    case "tinyint":
      return { kind: integer(8n), encode: encode.integerEncoder(1) };
    case "smallint":
      return { kind: integer(16n), encode: encode.integerEncoder(2) };
    case "int":
      return { kind: integer(32n), encode: encode.integerEncoder(4) };
    case "bigint":
      return { kind: integer(64n), encode: encode.integerEncoder(8) };
    case "varint":
      return { kind: { kind: "integer", min: -(10n ** 100n), max: 10n ** 100n }, encode: encode.encodeVarint };
    case "decimal":
      return { kind: { kind: "decimal", precision: 2 * MAX_DIGITS, scale: MAX_DIGITS }, encode: encode.encodeDecimal };
    case "float":
      return { kind: { kind: "float", bits: 32, special: true }, encode: encode.encodeFloat };
    case "double":
      return { kind: { kind: "float", bits: 64, special: true }, encode: encode.encodeDouble };
    case "boolean":
      return { kind: { kind: "boolean" }, encode: encode.encodeBoolean };
    case "text":
    case "varchar":
      return { kind: { kind: "text" }, encode: undefined };
    case "ascii":
      return { kind: { kind: "text" }, encode: encode.encodeAscii };
    case "blob":
      return { kind: { kind: "binary" }, encode: undefined };
    case "date":
      return { kind: { kind: "date" }, encode: encode.encodeDate };
    case "time":
      return { kind: { kind: "time", fraction: 9 }, encode: encode.encodeTime };
    case "timestamp":
      return { kind: { kind: "datetime", fraction: 3, zoned: true }, encode: encode.encodeTimestamp };
    case "uuid":
      return { kind: { kind: "uuid" }, encode: encode.encodeUuid };
    case "timeuuid":
      return { kind: { kind: "uuid" }, encode: encode.encodeTimeUuid };
    case "inet":
      return { kind: { kind: "other" }, encode: encode.encodeInet };
    default:
      return undefined;
  }
}

/** In a key, texts and bytes are limited. */
export function keyKind(kind: Kind): Kind {
  return kind.kind === "text" || kind.kind === "binary" ? { ...kind, maxBytes: MAX_KEY_BYTES } : kind;
}

/** Why a type cannot be written, in words; for types that `cassandraType` does not know. */
export function whyNot(name: string): string {
  if (name === "counter") return "counters can only be added to, never set";
  if (/^(frozen<)?(list|set|map|tuple|vector)</.test(name))
    return "collections, tuples and vectors are not written by wbsync";
  return "wbsync cannot write values of this type";
}

const integer = (bits: bigint): Kind => ({ kind: "integer", min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n });
