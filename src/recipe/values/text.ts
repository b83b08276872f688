/** Texts: UTF-8 within the column's length. */
import { isUtf8 } from "node:buffer";
import type { Bytes, Kind } from "../../model.js";
import { refuse, showBytes, showText } from "./refuse.js";

/** Whether every character is below 0x80, so that bytes and characters are the same. The fastest way that Node has. */
export const isAscii = (text: string): boolean => Buffer.byteLength(text) === text.length;

/** The text that the bytes spell; `what` says what the column expects. */
export function decode(raw: Bytes, what: string): string {
  if (isAscii(raw)) return raw;
  const bytes = Buffer.from(raw, "latin1");
  if (!isUtf8(bytes)) refuse(`${what} in UTF-8`, showBytes(raw), "Map the field to a binary column.");
  return bytes.toString("utf8");
}

/** A text that a transform made. */
export function wellFormed(text: string, what: string): string {
  if (!isAscii(text) && /\p{Surrogate}/u.test(text))
    refuse(what, `${showText(text)}, which holds half a surrogate pair`);
  return text;
}

/** Checks a text's length. */
export function textParser(kind: Extract<Kind, { kind: "text" }>): (text: string) => string {
  const { maxChars = Infinity, maxBytes = Infinity } = kind;
  if (maxChars === Infinity && maxBytes === Infinity) return (text) => text;
  return (text) => {
    // A character has at least one UTF-16 unit, and a unit at most three bytes of UTF-8.
    if (text.length <= maxChars && text.length * 3 <= maxBytes) return text;
    const characters = maxChars === Infinity ? 0 : countCharacters(text);
    if (characters > maxChars) {
      refuse(`at most ${maxChars} characters`, `${characters}: ${showText(text)}`, "Make the column longer.");
    }
    const bytes = maxBytes === Infinity ? 0 : Buffer.byteLength(text);
    if (bytes > maxBytes) refuse(`at most ${maxBytes} bytes`, `${bytes}: ${showText(text)}`, "Make the column longer.");
    return text;
  };
}

/** Databases count code points. */
function countCharacters(text: string): number {
  let count = text.length;
  for (let i = 0; i < text.length - 1; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0xd800 && unit < 0xdc00) {
      count--;
      i++;
    }
  }
  return count;
}
