/** What a transform returned, as the text (or the bytes) that the same value would have had in the hash. */
import type { Kind } from "../../model.js";
import { refuse, showUnknown } from "./refuse.js";
import { wellFormed } from "./text.js";

/** NULL for null and undefined; bytes for bytes; a text for everything else. `kind` says what the column expects. */
export function plainValue(value: unknown, kind: Kind["kind"]): string | Buffer | null {
  switch (typeof value) {
    case "undefined":
      return null;
    case "string":
      return wellFormed(value, "well-formed text");
    case "bigint":
      return String(value);
    case "boolean":
      // Numbers and truth share 1 and 0; text and JSON spell it out.
      return kind === "text" || kind === "json" || kind === "other" ? String(value) : value ? "1" : "0";
    case "number":
      return numberText(value, kind);
    case "object":
      return value === null ? null : objectValue(value, kind);
    default:
      return refuse("a value", showUnknown(value));
  }
}

function numberText(value: number, kind: Kind["kind"]): string {
  if (kind === "integer" && Number.isInteger(value) && !Number.isSafeInteger(value)) {
    refuse(
      "a whole number without loss",
      showUnknown(value),
      "Return a bigint, or the text as it was: above 2^53 a number is rounded.",
    );
  }
  if (Number.isNaN(value) && kind !== "float") refuse("a value", "NaN");
  return Object.is(value, -0) ? "0" : String(value);
}

function objectValue(value: object, kind: Kind["kind"]): string | Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (value instanceof ArrayBuffer) return Buffer.from(value.slice(0));
  if (value instanceof Date && kind !== "json") {
    return Number.isNaN(value.getTime()) ? refuse("a date", showUnknown(value)) : value.toISOString();
  }
  if (kind !== "json" && kind !== "text" && kind !== "other" && kind !== "binary")
    refuse("a plain value", showUnknown(value));
  let text: string | undefined;
  try {
    text = JSON.stringify(value);
  } catch {
    // A cycle, or a bigint inside.
  }
  return text ?? refuse("a value that JSON can hold", showUnknown(value));
}
