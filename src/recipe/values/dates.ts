/**
 * Dates and times, canonically "2024-02-29", "23:59:59.5" and "2024-02-29 23:59:59.5": always UTC, without a zone, and without
 * zeros at the end of the fraction. A value that names a zone is turned into UTC; one that names none is taken as UTC.
 */
import type { Kind } from "../../model.js";
import { refuse, showText } from "./refuse.js";

type Parser = (text: string) => string;

const DATE_TIME =
  /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?: ?(?:(Z|z)|([+-])(\d\d)(?::?(\d\d))?))?)?$/;
const TIME = /^(-?)(\d{1,3}):([0-5]\d)(?::([0-5]\d)(?:\.(\d+))?)?(?:Z|z|[+-]00(?::?00)?)?$/;
const HINT =
  "Write it as 2024-02-29T23:59:59Z. For seconds since 1970, return new Date(seconds * 1000) from the recipe's transform.";

/** A day. A time of day may follow where it is midnight. */
export function dateParser(): Parser {
  return (text) => {
    const canonical = parseDateTime(text, 0);
    if (canonical === undefined) return refuse("a date", showText(text), HINT);
    if (!canonical.endsWith(" 00:00:00")) refuse("a date without a time of day", showText(text), HINT);
    return canonical.slice(0, 10);
  };
}

/** A moment. */
export function dateTimeParser({ fraction }: Extract<Kind, { kind: "datetime" }>): Parser {
  const what = `a date and time with at most ${fraction} digits after the seconds`;
  return (text) => parseDateTime(text, fraction) ?? refuse(what, showText(text), HINT);
}

/** A time of day; or, since MySQL's TIME is one, a span of hours. */
export function timeParser({ fraction }: Extract<Kind, { kind: "time" }>): Parser {
  const what = `a time with at most ${fraction} digits after the seconds`;
  return (text) => {
    const [, sign, hours = "", minutes = "", seconds = "00", digits = ""] = TIME.exec(text) ?? [];
    const rest = trimZeros(digits);
    if (hours === "" || rest.length > fraction) return refuse(what, showText(text), "Write it as 23:59:59.");
    return `${sign}${hours.padStart(2, "0")}:${minutes}:${seconds}${rest && `.${rest}`}`;
  };
}

/** The canonical text, or undefined: not a moment, not in the calendar, or finer than so many digits. */
function parseDateTime(text: string, maxFraction: number): string | undefined {
  const match = DATE_TIME.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = "00", minute = "00", second = "00", digits = "", , sign, zoneHour, zoneMinute] =
    match;
  const fraction = trimZeros(digits);
  if (fraction.length > maxFraction || !inCalendar(Number(year), Number(month), Number(day))) return undefined;
  if (hour > "23" || minute > "59" || second > "59") return undefined;
  const tail = fraction && `.${fraction}`;
  const offset = sign === undefined ? 0 : Number(zoneHour) * 60 + Number(zoneMinute ?? 0);
  if (offset === 0) return `${year}-${month}-${day} ${hour}:${minute}:${second}${tail}`;
  if (offset > 18 * 60 || Number(zoneMinute ?? 0) > 59) return undefined;
  // Not the constructor: it takes the years 0 to 99 for 1900 to 1999.
  const moment = new Date(0);
  moment.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  moment.setUTCHours(Number(hour), Number(minute) + (sign === "+" ? -offset : offset), Number(second));
  const utc = moment.toISOString();
  // Beyond the years 1 to 9999 the text has another form.
  if (!/^\d{4}-/.test(utc) || utc.startsWith("0000")) return undefined;
  return `${utc.slice(0, 10)} ${utc.slice(11, 19)}${tail}`;
}

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

function inCalendar(year: number, month: number, day: number): boolean {
  const leap = month === 2 && year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  return year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1]! + (leap ? 1 : 0);
}

function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits.charCodeAt(end - 1) === 48) end--;
  return digits.slice(0, end);
}
