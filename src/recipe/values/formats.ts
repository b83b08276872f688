/** JSON and uuids. */
import { refuse, showText } from "./refuse.js";

const [QUOTE, BACKSLASH, LIST, LIST_END, OBJECT, OBJECT_END] = [34, 92, 91, 93, 123, 125];
/** Deeper than any document that a person wrote; databases take between 100 and some thousand. */
const MAX_DEPTH = 1000;

/** JSON: it has to parse, and is kept as it is written. */
export function jsonParser(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    refuse(`JSON (${error instanceof SyntaxError ? error.message.slice(0, 60) : "unreadable"})`, showText(text));
  }
  if (depthOf(text) <= MAX_DEPTH) return text;
  return refuse(`JSON of at most ${MAX_DEPTH} lists and objects within one another`, showText(text));
}

/** How deep valid JSON is nested. By characters, because an expression over a long string needs more stack than there is. */
function depthOf(text: string): number {
  let [depth, deepest] = [0, 0];
  let isString = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) isString = !isString;
    else if (isString && char === BACKSLASH) i++;
    else if (isString) continue;
    else if (char === LIST || char === OBJECT) deepest = Math.max(deepest, ++depth);
    else if (char === LIST_END || char === OBJECT_END) depth--;
  }
  return deepest;
}

const UUID = /^(?:urn:uuid:)?\{?([0-9a-f]{8})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{4})-?([0-9a-f]{12})\}?$/i;

/** A uuid in any of its spellings; canonically lower case with hyphens. */
export function uuidParser(text: string): string {
  const match = UUID.exec(text);
  if (!match || text.includes("{") !== text.includes("}")) return refuse("a uuid", showText(text));
  return match.slice(1).join("-").toLowerCase();
}

/** The sixteen bytes of a canonical uuid, for a BINARY(16) column. */
export function uuidBytes(canonical: string): Buffer {
  return Buffer.from(canonical.replaceAll("-", ""), "hex");
}
