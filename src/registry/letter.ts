/** A dead letter: a row that the database refused, as it is kept in Redis. Pure. */
import type { Bytes } from "../model.js";

/** What was to be written, and why it could not be. */
export interface Letter {
  readonly key: Bytes;
  readonly operation: "upsert" | "delete";
  /** By column or field. A Buffer holds what is not text. */
  readonly values: Readonly<Record<string, string | Buffer | null>>;
  readonly error: string;
  /** The database's or wbsync's own code for the error. */
  readonly code: string;
  /** ISO 8601. */
  readonly time: string;
  /** The recipe's version that tried. */
  readonly version: string;
  /** The position of the change in the replication stream. */
  readonly offset: number;
}

/** A letter that is in the stream, under its id there. */
export interface StoredLetter extends Letter {
  readonly id: string;
}

/** The letter as fields of a stream entry. */
export function encodeLetter(letter: Letter): readonly (string | Buffer)[] {
  const { key, operation, values, error, code, time, version, offset } = letter;
  const fields = { operation, values: encodeValues(values), error, code, time, version, offset: String(offset) };
  return ["key", Buffer.from(key, "latin1"), ...Object.entries(fields).flat()];
}

/** Reads a stream entry. What is missing in it becomes empty: a letter of unknown make is still shown. */
export function decodeLetter(id: string, entry: readonly Buffer[]): StoredLetter {
  const fields = new Map<string, Buffer>();
  for (let at = 0; at + 1 < entry.length; at += 2) fields.set(entry[at]!.toString(), entry[at + 1]!);
  const text = (name: string): string => fields.get(name)?.toString() ?? "";
  return {
    id,
    key: fields.get("key")?.toString("latin1") ?? "",
    operation: text("operation") === "delete" ? "delete" : "upsert",
    values: decodeValues(text("values")),
    error: text("error"),
    code: text("code"),
    time: text("time"),
    version: text("version"),
    offset: Number(text("offset")),
  };
}

/** JSON; bytes that are not text are written as `{"base64":"…"}`. */
export function encodeValues(values: Letter["values"]): string {
  const plain = Object.entries(values).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? { base64: value.toString("base64") } : value,
  ]);
  return JSON.stringify(Object.fromEntries(plain));
}

/** What `encodeValues` wrote. */
export function decodeValues(text: string): Letter["values"] {
  try {
    const plain = JSON.parse(text) as Record<string, unknown>;
    const values = Object.entries(plain).map(([name, value]) => [name, decodeValue(value)]);
    return Object.fromEntries(values) as Letter["values"];
  } catch {
    return {};
  }
}

function decodeValue(value: unknown): string | Buffer | null {
  if (value === null || typeof value === "string") return value;
  const base64 = (value as { base64?: unknown }).base64;
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : JSON.stringify(value);
}
