/** Values on their way into a statement: what MySQL or MariaDB would silently make another of is refused. */
import { RefusedValueError } from "../../errors.js";
import type { Value } from "../../model.js";
import type { MysqlType } from "./types.js";

type Bind = (value: Value) => Value;

/** What a value needs before it is bound; undefined: it is bound as it is. */
export function binder(type: MysqlType): Bind | undefined {
  switch (type.dataType) {
    case "bit":
      return (value) => (typeof value === "string" ? bits(value) : value);
    case "enum":
    case "set":
      return memberCheck(type);
    case "binary":
      return lengthCheck(type.maxBytes ?? 1);
    case "float":
    case "double":
      return type.scale === undefined ? undefined : scaleCheck(type.columnType, type.scale);
    default:
      return undefined;
  }
}

/** For a column that holds no NULL, but takes it for a wish: MariaDB puts the current time into a TIMESTAMP. */
export function withoutNull(column: string, wish: string, bind: Bind | undefined): Bind {
  return (value) => {
    if (value !== null) return bind ? bind(value) : value;
    throw new RefusedValueError(`column "${column}" is NOT NULL, and takes NULL for ${wish}`, {
      hint: "Give the mapping a default, or let the column be NULL.",
    });
  };
}

/** MySQL takes a text in a BIT column for its bytes, so the number is sent as bytes. */
function bits(text: string): Buffer {
  const hex = BigInt(text).toString(16);
  return Buffer.from(hex.length % 2 === 1 ? `0${hex}` : hex, "hex");
}

/** MySQL takes a number that is no member of an ENUM or SET for a member's number, and would silently store that member. */
function memberCheck(type: MysqlType): Bind {
  const members = new Set(
    [...type.columnType.matchAll(/'((?:[^']|'')*)'/g)].map((match) => match[1]?.replace(/''/g, "'")),
  );
  return (value) => {
    if (typeof value === "string" && /^\s*[+-]?[0-9]+\s*$/.test(value) && !members.has(value)) {
      throw new RefusedValueError(
        `"${value.slice(0, 40)}" is not one of the values of a column of type ${type.dataType}`,
      );
    }
    return value;
  };
}

/** BINARY(n) fills what is shorter with zero bytes, and then does not find it again. */
function lengthCheck(length: number): Bind {
  return (value) => {
    if (value === null || value.length === length) return value;
    throw new RefusedValueError(`a column of type binary(${length}) holds ${length} bytes, and not ${value.length}`, {
      hint: `Make it VARBINARY(${length}).`,
    });
  };
}

/** FLOAT(m,d) and DOUBLE(m,d) round to d digits. */
function scaleCheck(type: string, scale: number): Bind {
  return (value) => {
    if (typeof value !== "string" || fractionDigits(value) <= scale) return value;
    throw new RefusedValueError(`a column of type ${type} holds ${scale} digits after the point, and not "${value}"`, {
      hint: "Correct the value, or map the field to a column that can hold it.",
    });
  };
}

/** Of a number as JavaScript writes it: "1.5e-7" has eight. */
function fractionDigits(number: string): number {
  const [digits = "", power = "0"] = number.split("e");
  return (digits.split(".")[1] ?? "").length - Number(power);
}
