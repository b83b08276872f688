/** Finds where in a recipe's own source an error came from. */
import { SourceMap, type SourceMapPayload } from "node:module";

const INLINE_MAP = /^\/\/# sourceMappingURL=data:application\/json;base64,([A-Za-z0-9+/=]+)\s*$/m;

/** "persons.ts:12:5" (by the bundle's inline source map, where it has one), "<label>:34:5", or "" where nothing is known. */
export function placeInBundle(error: unknown, code: string, label: string): string {
  const stack = error instanceof Error ? error.stack : undefined;
  const at = stack === undefined ? -1 : stack.indexOf(`${label}:`);
  const numbers = at === -1 ? null : /^(\d+)(?::(\d+))?/.exec(stack!.slice(at + label.length + 1));
  if (numbers === null) return "";
  const line = Number(numbers[1]);
  const column = Number(numbers[2] ?? 1);
  const map = readMap(code);
  const entry = map?.findEntry(line - 1, column - 1);
  if (entry === undefined || !("originalSource" in entry)) return `${label}:${line}:${column}`;
  return `${entry.originalSource}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
}

function readMap(code: string): SourceMap | undefined {
  const encoded = INLINE_MAP.exec(code)?.[1];
  if (encoded === undefined) return undefined;
  try {
    return new SourceMap(JSON.parse(Buffer.from(encoded, "base64").toString("utf8")) as SourceMapPayload);
  } catch {
    // A map that cannot be read is no reason to hide the error that it was asked about.
    return undefined;
  }
}
