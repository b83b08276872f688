/** The user's own code, kept from doing harm: it may throw, or never return. */
import vm from "node:vm";
import { HaltedError } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Transform } from "../recipe/recipe.js";

export type Transformed =
  | { readonly index: number; /** null: the recipe skips this key. */ readonly record: Record<string, unknown> | null }
  | { readonly index: number; readonly error: string };

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
        const returned: unknown = transform(textRecord(record), text(key));
        if (returned === null || isRecord(returned)) results.push({ index, record: returned });
        else results.push({ index, error: `transform returned ${describe(returned)}; expected an object or null` });
      } catch (error) {
        results.push({ index, error: `transform threw: ${error instanceof Error ? error.message : String(error)}` });
      }
    });
  };
  const global = globalThis as Record<symbol, unknown>;
  global[HOOK] = run;
  try {
    script.runInThisContext({ timeout: TIMEOUT_MS });
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

/** Bytes as the text they encode; a prototype-less object, so that a field may have any name. */
function textRecord(record: ReadonlyMap<Bytes, Bytes>): Record<string, string> {
  const result = Object.create(null) as Record<string, string>;
  for (const [field, value] of record) result[text(field)] = text(value);
  return result;
}

function text(bytes: Bytes): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}
