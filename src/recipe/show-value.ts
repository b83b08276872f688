/** Shows in a message what was found. Pure. */

const MAX_CHARS = 60;

/** A short text for any value. Objects are named by their keys only: what they hold may be a password. */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > MAX_CHARS ? `${value.slice(0, MAX_CHARS)}…` : value);
    case "undefined":
      return "nothing";
    case "function":
      return "a function";
    case "object": {
      if (value === null) return "null";
      if (Array.isArray(value)) return `an array of ${value.length}`;
      const keys = Object.keys(value);
      return keys.length === 0 ? "an object without keys" : `an object with ${keys.slice(0, 8).join(", ")}`;
    }
    default:
      return `${String(value)}${typeof value === "bigint" ? "n" : ""}`;
  }
}
