/** JSON and uuids. */
import { refuse, showText } from "./refuse.js";

/** Deeper than any document that a person wrote; databases take between 100 and some thousand. */
const MAX_DEPTH = 1000;

/** JSON: it has to parse, and is kept as it is written. */
export function jsonParser(text: string): string {
  if (isDeep(text)) refuse(`JSON of at most ${MAX_DEPTH} lists and objects within one another`, showText(text));
  try {
    JSON.parse(text);
  } catch (error) {
    refuse(`JSON (${error instanceof SyntaxError ? error.message.slice(0, 60) : "unreadable"})`, showText(text));
  }
  return text;
}

/** Brackets within strings do not count. */
function isDeep(text: string): boolean {
  if (text.length <= MAX_DEPTH) return false;
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/gs)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
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
