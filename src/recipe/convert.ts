/**
 * Values on their way into a column: converted exactly or refused, never truncated, never rounded (invariant 6). Pure. A
 * converter is made once a column and called for every row, so all decisions about the column are taken when it is made.
 */
import type { Bytes, Column, Kind, Value } from "../model.js";
import type { ColumnType } from "./recipe.js";
import { dateParser, dateTimeParser, timeParser } from "./values/dates.js";
import { jsonParser, uuidBytes, uuidParser } from "./values/formats.js";
import { booleanOf, booleanParser, decimalParser, floatParser, integerParser } from "./values/numbers.js";
import { refuse, showBytes, showText, showUnknown } from "./values/refuse.js";
import { decode, isAscii, textParser } from "./values/text.js";
import { plainValue } from "./values/unknown.js";

/** The two ways into a column. Both throw `RefusedValueError`. */
export interface Converter {
  /** A field of a hash, or a part of a key. */
  readonly fromBytes: (raw: Bytes) => Value;
  /** What a transform returned: text, number, bigint, boolean, Date, bytes, object or array (as JSON), null or undefined (NULL). */
  readonly fromUnknown: (value: unknown) => Value;
}

export interface ConvertOptions {
  /** What the mapping demands of the value, where the column's own type is not enough. */
  readonly type?: ColumnType;
  /**
   * The value is part of a key. It must be written in the one canonical way, so that no two keys claim one row: "007" is not 7.
   * A uuid may still be written as people write it.
   */
  readonly isKey?: boolean;
}

type Parser = (text: string) => Value;

/** Makes the converter of a column. */
export function converterFor(column: Column, options: ConvertOptions = {}): Converter {
  const kinds =
    options.type && options.type !== column.kind.kind ? [demanded(options.type), column.kind] : [column.kind];
  const parsers = kinds.map((kind) => parserOf(kind, column.type));
  const first = kinds[0]!;
  const parse = options.type === "uuid" && column.kind.kind === "binary" ? uuidToBinary : chain(parsers);
  const checked = options.isKey ? canonicalOnly(parse, column.kind) : parse;
  return column.kind.kind === "binary" && first.kind === "binary"
    ? binaryConverter(column.kind, options)
    : textConverter(first, checked, options);
}

/** Columns whose values are texts in UTF-8. */
function textConverter(first: Kind, parse: Parser, { isKey }: ConvertOptions): Converter {
  const what = first.kind === "json" ? "JSON" : "text";
  const isText = first.kind === "text" || first.kind === "json" || first.kind === "other" || first.kind === "binary";
  return {
    // Everything but text is ASCII: what is not is refused by its grammar, and needs no decoding.
    fromBytes: isText
      ? (raw) => parse(decode(raw, what))
      : (raw) => (isAscii(raw) ? parse(raw) : refuse(NAMES[first.kind], showBytes(raw))),
    fromUnknown(value) {
      const plain = plainValue(value, first.kind);
      if (plain === null) return isKey ? refuse("a value, since it is part of the primary key", "NULL") : null;
      return parse(typeof plain === "string" ? plain : decode(plain.toString("latin1"), what));
    },
  };
}

/** Columns that take any bytes. */
function binaryConverter(kind: Extract<Kind, { kind: "binary" }>, { isKey }: ConvertOptions): Converter {
  const { maxBytes = Infinity } = kind;
  const check = (bytes: Buffer): Buffer =>
    bytes.length <= maxBytes
      ? bytes
      : refuse(`at most ${maxBytes} bytes`, `${bytes.length}`, "Make the column longer.");
  return {
    fromBytes: (raw) => check(Buffer.from(raw, "latin1")),
    fromUnknown(value) {
      const plain = plainValue(value, "binary");
      if (plain === null) return isKey ? refuse("a value, since it is part of the primary key", "NULL") : null;
      return check(typeof plain === "string" ? Buffer.from(plain) : plain);
    },
  };
}

function parserOf(kind: Kind, type: string): Parser {
  switch (kind.kind) {
    case "integer":
      return type.startsWith("tinyint(1)") ? truthOr(integerParser(kind)) : integerParser(kind);
    case "decimal":
      return decimalParser(kind);
    case "float":
      return floatParser(kind);
    case "boolean":
      return booleanParser;
    case "text":
      return textParser(kind);
    case "date":
      return dateParser();
    case "time":
      return timeParser(kind);
    case "datetime":
      return dateTimeParser(kind);
    case "json":
      return jsonParser;
    case "uuid":
      return uuidParser;
    case "binary": {
      const { maxBytes } = kind;
      const check = textParser({ kind: "text", ...(maxBytes === undefined ? {} : { maxBytes }) });
      return (text) => Buffer.from(check(text));
    }
    case "other":
      return (text) => text;
  }
}

/** MySQL's BOOLEAN is TINYINT(1): words for true and false mean 1 and 0 there. */
function truthOr(parse: (text: string) => string): Parser {
  return (text) => (/^[a-z]/i.test(text) ? (booleanOf(text) ?? parse(text)) : parse(text));
}

/** What a mapping's type asks for, with no more limits than the type itself has. */
function demanded(type: ColumnType): Kind {
  switch (type) {
    case "integer":
      return { kind: "integer", min: -(10n ** 100n), max: 10n ** 100n };
    case "float":
      return { kind: "float", bits: 64 };
    case "time":
      return { kind: "time", fraction: 9 };
    case "datetime":
      return { kind: "datetime", fraction: 9, zoned: false };
    default:
      return { kind: type };
  }
}

function chain(parsers: readonly Parser[]): Parser {
  const [first, second] = parsers;
  if (!second) return first!;
  return (text) => {
    const value = first!(text);
    return typeof value === "string" ? second(value) : value;
  };
}

const uuidToBinary: Parser = (text) => uuidBytes(uuidParser(text));

/** Kinds of which one value has many spellings. */
const SPELLINGS: ReadonlySet<Kind["kind"]> = new Set([
  "integer",
  "decimal",
  "float",
  "boolean",
  "date",
  "time",
  "datetime",
]);

function canonicalOnly(parse: Parser, kind: Kind): Parser {
  if (!SPELLINGS.has(kind.kind)) return parse;
  return (text) => {
    const value = parse(text);
    if (value === text) return value;
    return refuse(
      `the canonical spelling ${showUnknown(value)} in a key`,
      showText(text),
      "Two spellings of one key would claim one row. Correct the key in Redis.",
    );
  };
}

const NAMES: Readonly<Record<Kind["kind"], string>> = {
  integer: "a whole number",
  decimal: "a decimal number",
  float: "a number",
  boolean: "a truth value",
  text: "text",
  binary: "bytes",
  date: "a date",
  time: "a time",
  datetime: "a date and time",
  json: "JSON",
  uuid: "a uuid",
  other: "text",
};
