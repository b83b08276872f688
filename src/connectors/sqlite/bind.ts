/** Canonical values as they are bound, so that SQLite stores each in the class of its column's affinity and loses nothing of it. */
import { RefusedValueError } from "../../errors.js";
import type { Kind, Value } from "../../model.js";
import { showText } from "../../recipe/values/refuse.js";
import { type Affinity, NUL, type SqliteValue } from "./types.js";

type Bind = (value: Value) => SqliteValue;

/** Makes the conversion of a column; what it cannot store exactly is refused. */
export function sqliteBinder(declared: string, kind: Kind, affinity: Affinity): Bind {
  switch (kind.kind) {
    case "integer":
    case "boolean":
      return ofText(integer);
    case "float":
      return ofText(real);
    case "decimal":
      return ofText((text) => numeric(text, declared));
    case "text":
      return ofText(whole);
    case "json":
    case "other":
      return ofText(affinity === "NUMERIC" ? (text) => plain(whole(text), declared) : whole);
    default:
      return (value) => value;
  }
}

const ofText =
  (bind: (text: string) => SqliteValue): Bind =>
  (value) =>
    typeof value === "string" ? bind(value) : value;

/** The driver takes a number next to zero for the integer 0; as text SQLite itself turns it into the float. */
const real = (text: string): number | string => (Math.abs(Number(text)) < 1e-9 && text !== "0" ? text : Number(text));

const integer = (text: string): number | bigint => (text.length <= 15 ? Number(text) : BigInt(text));

/** What a NUMERIC column keeps exactly: integers of 64 bits and floats, which hold fifteen digits. undefined: not this number. */
function exact(text: string): number | bigint | undefined {
  const number = Number(text);
  if (text.length <= 15 && Number.isFinite(number)) return number;
  if (/^-?\d{1,19}$/.test(text)) {
    const long = BigInt(text);
    if (BigInt.asIntN(64, long) === long) return long;
  }
  return digitsOf(text) <= 15 && Number.isFinite(number) ? number : undefined;
}

const digitsOf = (number: string): number =>
  number
    .replace(/[eE].*$/, "")
    .replace(/\D/g, "")
    .replace(/^0+/, "").length;

function numeric(text: string, declared: string): SqliteValue {
  const number = exact(text);
  if (number !== undefined) return typeof number === "number" ? real(text) : number;
  throw new RefusedValueError(
    `A column of type ${declared} keeps fifteen digits in SQLite, and "${text.slice(0, 40)}" has ${digitsOf(text)}`,
    { hint: "Declare the column TEXT, which keeps all of them." },
  );
}

/** What SQLite takes for a number. Written so that a long text that is none is told from one in linear time. */
const NUMBER = /^[ \t\n\v\f\r]*[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?[ \t\n\v\f\r]*$/i;

/** A NUMERIC column makes a number of a text that looks like one: only where it is spelt as that number is. */
function plain(text: string, declared: string): string {
  if (!NUMBER.test(text)) return text;
  const number = exact(text.trim());
  if (String(number) === text) return text;
  const kept = number === undefined ? "a float, which holds fifteen digits" : `the number ${number}`;
  throw new RefusedValueError(`A column of type ${declared} keeps ${showText(text)} as ${kept}`, {
    hint: "Declare the column TEXT, which keeps it as it is written.",
  });
}

/** The driver ends a text at U+0000, and SQLite's own functions do not look behind it. */
function whole(text: string): string {
  if (!text.includes(NUL)) return text;
  throw new RefusedValueError(`SQLite's driver cannot hold U+0000 in a text, got ${showText(text)}`, {
    hint: "Correct it in Redis, or declare the column BLOB.",
  });
}
