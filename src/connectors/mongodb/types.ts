/** Fields as columns, and canonical values as the BSON types that stand for them exactly. */
import type { Binary } from "mongodb";
import { RefusedValueError } from "../../errors.js";
import type { Column, Kind, Value } from "../../model.js";
import { converterFor } from "../../recipe/convert.js";
import type { ColumnType } from "../../recipe/recipe.js";
import type { Bson } from "./driver.js";
import { parseJson } from "./json.js";

/** A column with the conversion to what is stored. */
export interface MongodbColumn extends Column {
  readonly encode: (value: Exclude<Value, null>) => unknown;
  /** The way back, for parts of a key: the text, or the bytes, that stood in the key's name. */
  readonly decode: (stored: unknown) => string | Buffer;
  /** What `$type` calls it. */
  readonly bsonTypes: readonly string[];
}

/** A collection has no catalog: what a field holds is what the recipe says; a string where it says nothing. */
export function columnOf(bson: Bson, name: string, type: ColumnType = "text"): MongodbColumn {
  const bsonTypes = BSON_TYPES[type];
  const kind = kindOf(type);
  const column = { name, type: type === "uuid" ? "uuid" : bsonTypes.join(" or "), kind, nullable: true };
  return { ...column, bsonTypes, encode: encoderOf(bson, type), decode: decoderOf(column, type) };
}

const BSON_TYPES: Readonly<Record<ColumnType, readonly string[]>> = {
  ...{ integer: ["int", "long"], decimal: ["decimal"], float: ["double"], boolean: ["bool"], text: ["string"] },
  ...{ time: ["string"], binary: ["binData"], date: ["date"], datetime: ["date"], json: ["object"], uuid: ["binData"] },
};

function decoderOf(column: Column, type: ColumnType): MongodbColumn["decode"] {
  const { fromBytes } = converterFor(column);
  const text = (stored: unknown): string => {
    if (stored instanceof Date) return type === "date" ? stored.toISOString().slice(0, 10) : stored.toISOString();
    return type === "uuid" ? (stored as Binary).toUUID().toString() : String(stored);
  };
  if (type === "binary") return (stored) => Buffer.from((stored as Binary).buffer);
  return (stored) => String(fromBytes(Buffer.from(text(stored)).toString("latin1")));
}

function kindOf(type: ColumnType): Kind {
  switch (type) {
    case "integer":
      return { kind: "integer", min: -(2n ** 63n), max: 2n ** 63n - 1n };
    case "float":
      return { kind: "float", bits: 64, special: true };
    case "time":
      return { kind: "time", fraction: 9 };
    case "datetime":
      // A BSON date counts milliseconds.
      return { kind: "datetime", fraction: 3, zoned: true };
    default:
      return { kind: type };
  }
}

function encoderOf(bson: Bson, type: ColumnType): MongodbColumn["encode"] {
  switch (type) {
    case "integer":
      return (value) => integerOf(bson, String(value));
    case "decimal":
      return (value) => decimalOf(bson, String(value));
    case "float":
      return (value) => new bson.Double(Number(value));
    case "boolean":
      return (value) => value === "1";
    case "binary":
      return (value) => new bson.Binary(Buffer.from(value as Buffer));
    case "date":
      return (value) => new Date(`${String(value)}T00:00:00Z`);
    case "datetime":
      return (value) => new Date(`${String(value).replace(" ", "T")}Z`);
    case "uuid":
      return (value) => new bson.UUID(String(value));
    case "json":
      return (value) => parseJson(String(value), (literal) => numberOf(bson, literal));
    case "text":
    case "time":
      return (value) => String(value);
  }
}

/** 32 bits where they hold it, as the server's own shell and most drivers write whole numbers; 64 else. */
function integerOf(bson: Bson, text: string): unknown {
  const value = BigInt(text);
  return BigInt.asIntN(32, value) === value ? new bson.Int32(Number(value)) : bson.Long.fromBigInt(value);
}

function decimalOf(bson: Bson, text: string): unknown {
  try {
    return bson.Decimal128.fromString(text);
  } catch (cause) {
    throw new RefusedValueError(`A decimal of MongoDB has 34 digits, and "${text.slice(0, 50)}" has more`, {
      hint: "Map the field as text, which keeps all of them.",
      cause,
    });
  }
}

/** A number inside JSON: whole ones as such, others as a double where that is the very same number, and as a decimal else. */
function numberOf(bson: Bson, literal: string): unknown {
  if (/^-?\d+$/.test(literal) && literal !== "-0") {
    const value = BigInt(literal);
    return BigInt.asIntN(64, value) === value ? integerOf(bson, literal) : decimalOf(bson, literal);
  }
  const number = Number(literal);
  const isSame = Number.isFinite(number) && significand(String(number)) === significand(literal);
  return isSame ? new bson.Double(number) : decimalOf(bson, literal);
}

/** One spelling for equal numbers: "1.50" and "15e-1" are both "15e-1". A double is spelt with as many digits as tell it from its neighbours. */
function significand(literal: string): string {
  const [, sign, whole = "", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(literal) ?? [];
  const digits = (whole + fraction).replace(/^0+/, "");
  const significant = digits.replace(/0+$/, "");
  if (significant === "") return `${sign}0`;
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`;
}
