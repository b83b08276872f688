/** Refusals, and how a value is shown in one: never long, never binary. */
import { isUtf8 } from "node:buffer";
import { RefusedValueError } from "../../errors.js";
import type { Bytes } from "../../model.js";

const MAX_SHOWN = 40;

/** Throws: the column expects something else. `what` completes "expects …". */
export function refuse(what: string, got: string, hint?: string): never {
  throw new RefusedValueError(`expects ${what}, got ${got}`, hint === undefined ? {} : { hint });
}

/** A text in quotes, cut where it is long. */
export function showText(text: string): string {
  const characters = [...text.slice(0, MAX_SHOWN * 2)];
  if (characters.length <= MAX_SHOWN && text.length <= MAX_SHOWN * 2) return JSON.stringify(text);
  return `${JSON.stringify(characters.slice(0, MAX_SHOWN).join(""))}… (${text.length} characters)`;
}

/** Bytes as text where they are that. */
export function showBytes(raw: Bytes): string {
  const bytes = Buffer.from(raw, "latin1");
  // eslint-disable-next-line no-control-regex
  if (!isUtf8(bytes) || /[\x00-\x08\x0e-\x1f]/.test(raw)) return `${bytes.length} bytes that are not text`;
  return showText(bytes.toString());
}

/** Whatever a transform returned. */
export function showUnknown(value: unknown): string {
  if (typeof value === "string") return showText(value);
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "an invalid Date" : showText(value.toISOString());
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  if (typeof value === "function") return "a function";
  return String(value);
}
