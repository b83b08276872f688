/** Whole numbers, decimals and floats: exactly, or not at all. */
import type { Kind } from "../../model.js";
import { refuse, showText } from "./refuse.js";

type Parser = (text: string) => string;

const FIX = "Correct the value, or map the field to a column that can hold it.";
const NUMBER = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;
/** Digits that a number may have once its exponent is written out. */
const MAX_DIGITS = 2_000;
/** Digits of the largest whole number that any column holds; no more of them are computed with. */
const MAX_INTEGER = 100;

/** A number as sign, digits before and digits after the point, without needless zeros. */
interface Plain {
  readonly negative: boolean;
  readonly whole: string;
  readonly fraction: string;
}

/** Whole numbers of a range; "7", "007", "+7", "7.0" and "7e0" are all 7. */
export function integerParser({ min, max }: Extract<Kind, { kind: "integer" }>): Parser {
  // Limits of nineteen digits and more tell nobody anything.
  const isLong = min === -(2n ** 63n) && max === 2n ** 63n - 1n;
  const what = isLong ? "a whole number of 64 bits" : `a whole number from ${min} to ${max}`;
  const [least, most] = [Number(min), Number(max)];
  return (text) => {
    if (isPlainInteger(text)) {
      // Fifteen digits are exact in a double, and a double is faster.
      const fits = text.length <= 15 ? within(Number(text), least, most) : within(BigInt(text), min, max);
      return fits ? text : refuse(what, text, FIX);
    }
    const plain = plainOf(text);
    if (!plain || plain.fraction !== "" || plain.whole.length > MAX_INTEGER) return refuse(what, showText(text), FIX);
    const canonical = write(plain);
    return within(BigInt(canonical), min, max) ? canonical : refuse(what, showText(text), FIX);
  };
}

const within = <T extends number | bigint>(number: T, min: T, max: T): boolean => number >= min && number <= max;

/** Some twenty digits at most, with no sign but a minus and no leading zero: the canonical form, told without a regex. */
function isPlainInteger(text: string): boolean {
  const { length } = text;
  let i = 0;
  if (length > 1 && text.charCodeAt(0) === 45) i = 1;
  if (length > 21 || length === i) return false;
  const first = text.charCodeAt(i);
  if (first === 48) return length === 1;
  for (; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return true;
}

/** Decimals of a precision and scale, as databases define them. */
export function decimalParser(kind: Extract<Kind, { kind: "decimal" }>): Parser {
  const { precision = Infinity, scale = Infinity, unsigned = false } = kind;
  const before = precision === Infinity ? Infinity : precision - (scale === Infinity ? 0 : scale);
  const limits = precision === Infinity ? "" : ` with at most ${before} digits before and ${scale} after the point`;
  const what = `${unsigned ? "a decimal number that is not negative" : "a decimal number"}${limits}`;
  return (text) => {
    const point = plainDecimalPoint(text);
    if (point >= 0 && point <= before && text.length - point - 1 <= scale) return text;
    const plain = plainOf(text);
    if (!plain) return refuse(what, showText(text), FIX);
    const tooLong = plain.fraction.length > scale || (plain.whole !== "0" && plain.whole.length > before);
    if (tooLong || (unsigned && plain.negative)) refuse(what, showText(text), FIX);
    return write(plain);
  };
}

/**
 * Where the point is in a canonical decimal (its length where there is none), or -1 where it is not canonical. A leading zero
 * counts as a digit before the point here, so "0.5" may take the long way; that is right, only slower.
 */
function plainDecimalPoint(text: string): number {
  const { length } = text;
  let point = -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code === 46 && point < 0 && i > 0) point = i;
    else if (code < 48 || code > 57) return -1;
  }
  const hasFraction = point >= 0;
  if (length === 0 || (hasFraction && (point === length - 1 || text.charCodeAt(length - 1) === 48))) return -1;
  if (text.charCodeAt(0) === 48 && length > 1 && point !== 1) return -1;
  return hasFraction ? point : length;
}

const SPECIAL: Readonly<Record<string, string>> = {
  nan: "NaN",
  inf: "Infinity",
  "+inf": "Infinity",
  "-inf": "-Infinity",
  infinity: "Infinity",
  "+infinity": "Infinity",
  "-infinity": "-Infinity",
};

/**
 * Floats. A float column stands for the nearest number it can hold, and a fraction is taken as that. A whole number that it
 * cannot hold is refused, since counters and ids would silently become others; so is what is too large, or vanishes to zero.
 */
export function floatParser({ bits, special = false }: Extract<Kind, { kind: "float" }>): Parser {
  const what = `a number that a ${bits}-bit float can hold`;
  const max = bits === 32 ? 3.4028234663852886e38 : Number.MAX_VALUE;
  const round = bits === 32 ? Math.fround : (number: number) => number;
  return (text) => {
    if (!NUMBER.test(text) || !/\d/.test(text)) {
      return (special && SPECIAL[text.toLowerCase()]) || refuse(what, showText(text), FIX);
    }
    const number = Number(text);
    const vanished = round(number) === 0 && /[1-9]/.test(text.replace(/[eE].*$/, ""));
    if (!(Math.abs(number) <= max) || vanished || !isWholeAsWritten(text, round(number))) {
      refuse(what, showText(text), FIX);
    }
    return String(number === 0 ? 0 : number);
  };
}

/** Digits alone are a whole number, and must still be the same one. */
function isWholeAsWritten(text: string, number: number): boolean {
  if (text.length <= 7 || !/^[+-]?\d+$/.test(text)) return true;
  return BigInt(number) === BigInt(text.replace("+", ""));
}

const TRUE = new Set(["1", "true", "t", "yes", "y", "on"]);
const FALSE = new Set(["0", "false", "f", "no", "n", "off"]);

/** Truth, canonically "1" or "0", which every database takes. */
export function booleanParser(text: string): string {
  return booleanOf(text) ?? refuse('a truth value ("true" or "false", "1" or "0", "yes" or "no")', showText(text), FIX);
}

/** "1", "0", or undefined where the text says neither. */
export function booleanOf(text: string): string | undefined {
  if (text === "1" || text === "0") return text;
  if (text.length > 5) return undefined;
  const word = text.toLowerCase();
  return TRUE.has(word) ? "1" : FALSE.has(word) ? "0" : undefined;
}

function plainOf(text: string): Plain | undefined {
  const match = NUMBER.exec(text);
  if (!match) return undefined;
  const [, sign, before = "", after = "", exponent] = match;
  if (before === "" && after === "") return undefined;
  const shift = Number(exponent ?? 0);
  if (before.length + after.length + Math.abs(shift) > MAX_DIGITS && shift !== 0) return undefined;
  const digits = before + after;
  const point = before.length + shift;
  const whole = point <= 0 ? "" : digits.slice(0, point).padEnd(point, "0");
  const fraction = point >= digits.length ? "" : point < 0 ? "0".repeat(-point) + digits : digits.slice(point);
  const plain = { whole: whole.replace(/^0+/, "") || "0", fraction: trimZeros(fraction) };
  return { ...plain, negative: sign === "-" && !(plain.whole === "0" && plain.fraction === "") };
}

/** Without the zeros at its end. A regular expression would take quadratic time on zeros that are followed by another digit. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return digits.slice(0, end);
}

function write({ negative, whole, fraction }: Plain): string {
  return `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}
