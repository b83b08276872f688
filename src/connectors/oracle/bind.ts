/** Canonical values on their way to Oracle: exactly, or not at all. */
import { RefusedValueError } from "../../errors.js";
import type { Value } from "../../model.js";

/** Digits that NUMBER keeps, and the least and greatest power of ten that it reaches. */
const DIGITS = 38;
const MAX_EXPONENT = 125;
const MIN_EXPONENT = -130;

/** Numbers travel as text, since JavaScript's numbers have fifteen digits; what NUMBER would round is refused. */
export function numberOf({
  precision,
  scale,
}: {
  readonly precision: number | undefined;
  readonly scale: number | undefined;
}): (value: Value) => string | null {
  return (value) => {
    if (typeof value !== "string") return null;
    const { digits, exponent } = magnitude(value);
    const tooFine = scale !== undefined && scale < 0 && digits !== "" && exponent - digits.length + 1 < -scale;
    // NUMBER(2, 5): two digits, behind three zeros.
    const tooLong =
      precision !== undefined && scale !== undefined && scale > precision && exponent >= precision - scale;
    if (digits.length > DIGITS || exponent > MAX_EXPONENT || exponent < MIN_EXPONENT || tooFine || tooLong) {
      throw new RefusedValueError(
        `"${value.slice(0, 60)}" is not held exactly by a column of type NUMBER${precision === undefined ? "" : `(${precision},${scale})`}`,
        { hint: "Map the field to a column that holds all its digits, or to a text column." },
      );
    }
    return value;
  };
}

/** The digits between the zeros at both ends, and the power of ten of the first. */
function magnitude(text: string): { digits: string; exponent: number } {
  const [, whole = "", fraction = "", power = "0"] = /^-?(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const all = whole + fraction;
  const first = all.search(/[1-9]/);
  if (first < 0) return { digits: "", exponent: 0 };
  return { digits: all.slice(first).replace(/0+$/, ""), exponent: whole.length - 1 - first + Number(power) };
}

/** BINARY_DOUBLE is JavaScript's number. */
export const doubleOf = (value: Value): number | null => (typeof value === "string" ? Number(value) : null);

/** BINARY_FLOAT, as near as it gets. */
export const singleOf = (value: Value): number | null =>
  typeof value === "string" ? Math.fround(Number(value)) : null;

/** "2024-02-29 23:59:59.5" with the nine digits that FF9 asks for. */
export function momentOf(value: Value): string | null {
  if (typeof value !== "string") return null;
  const [seconds = value, fraction = ""] = value.split(".");
  return `${seconds}.${fraction.padEnd(9, "0")}`;
}

/** The same, in UTC. */
export function zonedOf(value: Value): string | null {
  const moment = momentOf(value);
  return moment === null ? null : `${moment} +00:00`;
}

/** In another character set than Unicode a character that it lacks would silently become another. */
export function unicodeOnly(dataType: string): (value: Value) => Value {
  return (value) => {
    // eslint-disable-next-line no-control-regex
    if (typeof value === "string" && !/^[\x00-\x7f]*$/.test(value)) {
      throw new RefusedValueError(
        `A column of type ${dataType} keeps only ASCII safely here: the database's character set is not Unicode`,
        { hint: "Make it NVARCHAR2 or NCLOB, which are always Unicode." },
      );
    }
    return value;
  };
}
