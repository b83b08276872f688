/** Canonical values on their way to SQL Server: what it would cut, round or replace is refused. */
import { RefusedValueError } from "../../errors.js";
import type { Value } from "../../model.js";
import { fitsCodePage } from "./code-page.js";

type Bind = (value: Value) => Value;

/** The least number above zero that a float holds: SQL Server has no denormal ones, and makes zero of them. */
const MIN_DOUBLE = 2.2250738585072014e-308;
const MIN_SINGLE = 1.1754943508222875e-38;

const refuse = (message: string, hint: string): never => {
  throw new RefusedValueError(message, { hint });
};

/** Lengths of NVARCHAR count UTF-16 units, two for a character beyond the basic plane. */
export function textOf(units: number | undefined): Bind {
  return (value) =>
    units === undefined || typeof value !== "string" || value.length <= units
      ? value
      : refuse(
          `expected at most ${units} UTF-16 units, found ${value.length}`,
          "Make the column longer: characters such as emoji take two.",
        );
}

/** VARCHAR has a code page, and "?" for what is not in it. */
export function varcharOf(type: string, codePage: number): Bind {
  return (value) =>
    typeof value !== "string" || fitsCodePage(codePage, value)
      ? value
      : refuse(
          `A column of type ${type} with code page ${codePage} cannot hold a character of "${value.slice(0, 40)}"`,
          "Make it nvarchar, or give it a collation whose name ends in _UTF8.",
        );
}

/** FLOAT */
export const doubleOf: Bind = (value) => checked(value, MIN_DOUBLE);

/** REAL */
export const singleOf: Bind = (value) => checked(value, MIN_SINGLE);

function checked(value: Value, least: number): Value {
  if (typeof value !== "string") return value;
  const size = Math.abs(Number(value));
  return size === 0 || size >= least
    ? value
    : refuse(
        `"${value}" is nearer to zero than a float of SQL Server gets`,
        "Map the field to a decimal or text column.",
      );
}

/** DATETIME counts 1/300 of a second: milliseconds that end in 0, 3 or 7. With a "T", or the day may be taken for the month. */
export const dateTimeOf: Bind = (value) => {
  if (typeof value !== "string") return value;
  const [, fraction = ""] = value.split(".");
  if (!/[037]$/.test(fraction.padEnd(3, "0"))) {
    refuse(`"${value}" is not held exactly by a column of type datetime`, "Make it datetime2(3).");
  }
  return value.replace(" ", "T");
};

/** SMALLDATETIME counts minutes. */
export const smallDateTimeOf: Bind = (value) => {
  if (typeof value !== "string") return value;
  if (!value.endsWith(":00")) {
    refuse(`"${value}" is not held exactly by a column of type smalldatetime`, "Make it datetime2(0).");
  }
  return value.replace(" ", "T");
};

/** DATETIMEOFFSET, in UTC. */
export const zonedOf: Bind = (value) => (typeof value === "string" ? `${value} +00:00` : value);
