/** The tokens that a server answers with: https://learn.microsoft.com/openspecs/windows_protocols/ms-tds */
import { longText, plp, shortBytes, shortText, u16, u32, u64, u8 } from "./bytes.js";

export const STATUS = { final: 0, more: 1, error: 2, count: 0x10, attention: 0x20 } as const;

/** SQL_Latin1_General_CP1_CI_AS */
const COLLATION = Buffer.from("0904d00034", "hex");

const NONE = Buffer.alloc(0);

function withLength(token: number, ...parts: Buffer[]): Buffer {
  const data = Buffer.concat(parts);
  return Buffer.concat([u8(token), u16(data.length), data]);
}

export const loginAck = (): Buffer =>
  withLength(0xad, u8(1), Buffer.from("74000004", "hex"), shortText("Test server"), Buffer.of(16, 0, 0, 0));

export const collation = (): Buffer => withLength(0xe3, u8(7), shortBytes(COLLATION), shortBytes(NONE));

/** A transaction has begun, was committed, or was rolled back. */
export function transaction(event: "begin" | "commit" | "rollback", descriptor: Buffer): Buffer {
  const values = event === "begin" ? [descriptor, NONE] : [NONE, descriptor];
  return withLength(0xe3, u8({ begin: 8, commit: 9, rollback: 10 }[event]), ...values.map(shortBytes));
}

export const error = (number: number, message: string): Buffer =>
  withLength(0xaa, u32(number), u8(1), u8(16), longText(message.slice(0, 2000)), shortText("test"), u8(0), u32(1));

const end =
  (token: number) =>
  (status: number, rows = 0): Buffer =>
    Buffer.concat([u8(token), u16(status), u16(0), u64(rows)]);

export const done = end(0xfd);
export const doneProc = end(0xfe);
export const doneInProc = end(0xff);

export const returnStatus = (status: number): Buffer => Buffer.concat([u8(0x79), u32(status)]);

/** A column of an answer, by the name that H2 has for its type; what is not here is sent as a text. */
interface TypeOnWire {
  readonly info: Buffer;
  readonly value: (value: string | Buffer | null) => Buffer;
}

const sized = (token: number, size: number, write: (text: string) => Buffer): TypeOnWire => ({
  info: Buffer.of(token, size),
  value: (value) => (value === null ? u8(0) : shortBytes(write(String(value)))),
});

function double(text: string): Buffer {
  const data = Buffer.alloc(8);
  data.writeDoubleLE(Number(text));
  return data;
}

/** The first three groups of a uuid are numbers, and little-endian. */
function guid(text: string): Buffer {
  const data = Buffer.from(text.replaceAll("-", ""), "hex");
  data.subarray(0, 4).swap32();
  data.subarray(4, 8).swap16();
  return data;
}

const TYPES: Readonly<Record<string, TypeOnWire>> = {
  INTEGER: sized(0x26, 4, (text) => u32(Number(text))),
  BIGINT: sized(0x26, 8, (text) => u64(BigInt(text))),
  BOOLEAN: sized(0x68, 1, (text) => u8(Number(/true/i.test(text)))),
  "DOUBLE PRECISION": sized(0x6d, 8, double),
  UUID: sized(0x24, 16, guid),
  "BINARY VARYING": { info: Buffer.of(0xa5, 0xff, 0xff), value: (value) => plp(value as Buffer | null) },
};

const TEXT: TypeOnWire = {
  info: Buffer.concat([Buffer.of(0xe7, 0xff, 0xff), COLLATION]),
  value: (value) => plp(value === null ? null : Buffer.from(String(value), "utf16le")),
};

/** Rows, with their columns. */
export function rowSet(types: readonly string[], rows: readonly (readonly (string | Buffer | null)[])[]): Buffer {
  const columns = types.map((type) => TYPES[type] ?? TEXT);
  const described = columns.map(({ info }, i) => Buffer.concat([u32(0), u16(1), info, shortText(`c${i}`)]));
  const values = rows.map((row) => [u8(0xd1), ...columns.map((column, i) => column.value(row[i] ?? null))]);
  return Buffer.concat([u8(0x81), u16(columns.length), ...described, ...values.flat()]);
}
