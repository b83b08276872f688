/** JSON and uuids. */
import { refuse, showText } from "./refuse.js";

/** JSON: it has to parse, and is kept as it is written. */
export function jsonParser(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    refuse(`JSON (${error instanceof SyntaxError ? error.message.slice(0, 60) : "unreadable"})`, showText(text));
  }
  return text;
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
