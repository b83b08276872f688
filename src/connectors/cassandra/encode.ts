/**
 * From canonical text to the bytes that CQL defines for each type. Pure, and exact: no value passes through a double on its way,
 * except into a column that is one. The driver sends bytes as they are.
 */
import { isIP } from "node:net";
import { RefusedValueError } from "../../errors.js";

/** Makes the bytes of one value; throws `RefusedValueError` where its column cannot hold it. */
export type Encoder = (text: string) => Buffer;

/** Days between 1970-01-01 and the least date that CQL knows. */
const DATE_ORIGIN = 2 ** 31;
const DAY_MS = 86_400_000;
const DAY_NANOS = 86_400_000_000_000n;

/** Two's complement of so many bytes; the value is known to be in range. */
export function integerEncoder(bytes: 1 | 2 | 4 | 8): Encoder {
  return (text) => {
    const buffer = Buffer.allocUnsafe(bytes);
    if (bytes === 8) buffer.writeBigInt64BE(BigInt(text));
    else buffer.writeIntBE(Number(text), 0, bytes);
    return buffer;
  };
}

/** Two's complement, as short as it can be. */
export const encodeVarint: Encoder = (text) => varint(BigInt(text));

/** The digits after the point as 32 bits, then all digits as a varint. */
export const encodeDecimal: Encoder = (text) => {
  const point = text.indexOf(".");
  const digits = point < 0 ? text : text.slice(0, point) + text.slice(point + 1);
  const scale = Buffer.alloc(4);
  scale.writeInt32BE(point < 0 ? 0 : text.length - point - 1);
  return Buffer.concat([scale, varint(BigInt(digits))]);
};

export const encodeFloat: Encoder = (text) => {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeFloatBE(Number(text));
  return buffer;
};

export const encodeDouble: Encoder = (text) => {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeDoubleBE(Number(text));
  return buffer;
};

export const encodeBoolean: Encoder = (text) => Buffer.of(text === "1" ? 1 : 0);

/** Only characters below 0x80; the driver would cut the eighth bit off. */
export const encodeAscii: Encoder = (text) => {
  const buffer = Buffer.from(text);
  if (buffer.length !== text.length || buffer.some((byte) => byte > 0x7f)) refuse("ASCII text", text);
  return buffer;
};

export const encodeDate: Encoder = (text) => {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeUInt32BE(utcMs(`${text}T00:00:00`) / DAY_MS + DATE_ORIGIN);
  return buffer;
};

/** Milliseconds since 1970. */
export const encodeTimestamp: Encoder = (text) => {
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigInt64BE(BigInt(utcMs(text.replace(" ", "T"))));
  return buffer;
};

/** Nanoseconds since midnight. */
export const encodeTime: Encoder = (text) => {
  const [, hours, minutes, seconds, fraction = ""] = /^(\d+):(\d\d):(\d\d)(?:\.(\d{1,9}))?$/.exec(text) ?? [];
  if (hours === undefined) return refuse("a time of day", text);
  const whole = BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds));
  const nanos = whole * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
  if (nanos >= DAY_NANOS) refuse("a time of day, from 00:00:00 to 23:59:59.999999999", text);
  const buffer = Buffer.allocUnsafe(8);
  buffer.writeBigInt64BE(nanos);
  return buffer;
};

export const encodeUuid: Encoder = (text) => Buffer.from(text.replaceAll("-", ""), "hex");

/** A uuid of version 1: the only ones that hold a time. */
export const encodeTimeUuid: Encoder = (text) =>
  text[14] === "1" ? encodeUuid(text) : refuse("a uuid of version 1", text);

export const encodeInet: Encoder = (text) => {
  switch (isIP(text)) {
    case 4:
      return Buffer.from(text.split(".").map(Number));
    case 6:
      return text.includes("%") ? refuse("an IP address without a zone", text) : ipv6(text);
    default:
      return refuse("an IP address", text);
  }
};

/** Eight groups of sixteen bits; "::" stands for those that are missing, and the last two may be written as an IPv4 address. */
function ipv6(text: string): Buffer {
  const groups = (part: string): number[] =>
    part === ""
      ? []
      : part.split(":").flatMap((group) => (group.includes(".") ? ipv4Groups(group) : [parseInt(group, 16)]));
  const [before = "", after] = text.split("::");
  const head = groups(before);
  const tail = after === undefined ? [] : groups(after);
  const all = [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  const buffer = Buffer.allocUnsafe(16);
  all.forEach((group, i) => buffer.writeUInt16BE(group, i * 2));
  return buffer;
}

function ipv4Groups(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [a * 256 + b, c * 256 + d];
}

function varint(value: bigint): Buffer {
  // The bits of the value itself, and one for the sign.
  const magnitude = value < 0n ? -value - 1n : value;
  const bytes = Math.floor((magnitude === 0n ? 0 : magnitude.toString(16).length * 4) / 8) + 1;
  const hex = BigInt.asUintN(bytes * 8, value)
    .toString(16)
    .padStart(bytes * 2, "0");
  const buffer = Buffer.from(hex, "hex");
  return canDropFirst(buffer) ? buffer.subarray(1) : buffer;
}

/** The first byte says nothing but the sign, and the second says that too. */
function canDropFirst(buffer: Buffer): boolean {
  const [first, second] = buffer;
  return second !== undefined && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
}

/** The canonical text names no zone, and means UTC. */
function utcMs(text: string): number {
  const ms = Date.parse(`${text}Z`);
  return Number.isSafeInteger(ms) ? ms : refuse("a date of the calendar", text);
}

function refuse(expected: string, text: string): never {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text;
  throw new RefusedValueError(`expected ${expected}, got ${JSON.stringify(shown)}`);
}
