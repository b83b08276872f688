/** The user's own code, kept from doing harm: it may throw, or never return. */
import { isUtf8 } from "node:buffer";
import vm from "node:vm";
import { HaltedError } from "../errors.js";
import type { Bytes } from "../model.js";
import { asGuest } from "../recipe/guest.js";
import type { Transform } from "../recipe/recipe.js";

export type Transformed =
  | { readonly index: number; /** null: the recipe skips this key. */ readonly record: Record<string, unknown> | null }
  | { readonly index: number; readonly error: string };

/** What stands for bytes that are no text. */
const REPLACEMENT = "\ufffd";
/** A batch has this long; a transform that loops is stopped by then, and its recipe with it. */
const TIMEOUT_MS = 10_000;

const HOOK = Symbol.for("wbsync.transform");
const script = new vm.Script(`globalThis[Symbol.for("wbsync.transform")]()`);

/** Applies the transform to hashes, one after the other. Throws `UserError` where it does not return. */
export function applyTransforms(
  transform: Transform,
  hashes: readonly (readonly [key: Bytes, record: ReadonlyMap<Bytes, Bytes>])[],
): Transformed[] {
  const results: Transformed[] = [];
  const run = () => {
    hashes.forEach(([key, record], index) => {
      try {
        const shown = showHash(record);
        const returned: unknown = transform(shown.record, text(key));
        if (returned === null) results.push({ index, record: null });
        else if (isRecord(returned)) results.push({ index, record: withBytes(returned, shown.binary) });
        else results.push({ index, error: `transform returned ${describe(returned)}; expected an object or null` });
      } catch (error) {
        results.push({ index, error: `transform threw: ${error instanceof Error ? error.message : String(error)}` });
      }
    });
  };
  const global = globalThis as Record<symbol, unknown>;
  global[HOOK] = run;
  try {
    asGuest("transform", () => void script.runInThisContext({ timeout: TIMEOUT_MS }));
  } catch (cause) {
    throw new HaltedError("ask", `transform did not return within ${TIMEOUT_MS / 1000} s for ${hashes.length} keys`, {
      hint: "Mend the recipe and deploy it with a newer version.",
      cause,
    });
  } finally {
    delete global[HOOK];
  }
  return results;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && !Array.isArray(value);
}

function describe(value: unknown): string {
  if (value instanceof Promise) return "a promise";
  return Array.isArray(value) ? "an array" : typeof value;
}

/** Values that may be no text, by the text that is shown in their place. */
type Binary = ReadonlyMap<string, readonly Bytes[]>;

/** A hash as the text it encodes; a prototype-less object, so that a field may have any name. */
function showHash(hash: ReadonlyMap<Bytes, Bytes>): { record: Record<string, string>; binary: Binary } {
  const record = Object.create(null) as Record<string, string>;
  const binary = new Map<string, Bytes[]>();
  for (const [field, value] of hash) {
    const shown = text(value);
    record[text(field)] = shown;
    if (shown.includes(REPLACEMENT)) binary.set(shown, [...(binary.get(shown) ?? []), value]);
  }
  return { record, binary };
}

/** Where bytes that are no text come back as they were shown, they are meant themselves. */
function withBytes(record: Record<string, unknown>, binary: Binary): Record<string, unknown> {
  if (binary.size === 0) return record;
  const meant = (value: unknown): unknown => {
    const originals = typeof value === "string" ? binary.get(value) : undefined;
    if (!originals) return value;
    if (new Set(originals).size > 1)
      throw new Error("two of its fields are no UTF-8 and look the same as text: nobody can tell which one it means");
    const bytes = Buffer.from(originals[0] as Bytes, "latin1");
    return isUtf8(bytes) ? value : bytes;
  };
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, meant(value)]));
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
