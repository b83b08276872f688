/** Runs a bundle in this process and collects its recipes. */
import { createRequire, isBuiltin } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Script } from "node:vm";
import { messageOf, UserError } from "../errors.js";
import * as api from "../index.js";
import { collectRecipes } from "./collect.js";
import { asGuest } from "./guest.js";
import { EXTERNAL_PACKAGES, MODULE_URL } from "./externals.js";
import { placeInBundle } from "./place.js";
import type { Recipe } from "./recipe.js";

export interface LoadOptions {
  /** A bundle that has not finished loading after this is ended. Default: 5000. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
const RUN = Symbol.for("wbsync.load");
const PARAMETERS = `exports, require, module, __filename, __dirname, ${MODULE_URL}`;

type Wrapper = (...args: unknown[]) => void;

/**
 * The recipes that a bundle exports. `label` ("wbsync:PersonsWriteBehind@1.0.0") is its file name in every stack, so that an
 * error can be attributed to it. Throws a `UserError`: BUNDLE where it does not load, RECIPE_INVALID where a recipe is not valid.
 */
export function loadBundle(code: string, label: string, options: LoadOptions = {}): Recipe[] {
  return collectRecipes(run(code, label, options.timeoutMs ?? TIMEOUT_MS), label);
}

function run(code: string, label: string, timeoutMs: number): unknown {
  const module = { exports: {} };
  const url = pathToFileURL(join("/wbsync", `${encodeURIComponent(label)}.cjs`)).href;
  const scope = globalThis as { [RUN]?: (wrapper: Wrapper) => void };
  scope[RUN] = (wrapper) => wrapper.call(module.exports, module.exports, requireFor(label), module, label, ".", url);
  try {
    // The bundle is called by the script itself: the time-out covers a script's run, not functions that it returns.
    const source = `globalThis[Symbol.for("wbsync.load")](function (${PARAMETERS}) {\n${code}\n})`;
    const script = new Script(source, { filename: label, lineOffset: -1 });
    asGuest(label, () => void script.runInThisContext({ timeout: timeoutMs, displayErrors: false }));
  } catch (error) {
    throw explain(error, code, label, timeoutMs);
  } finally {
    delete scope[RUN];
  }
  return module.exports;
}

function explain(error: unknown, code: string, label: string, timeoutMs: number): UserError {
  // `writeBehind` has said all there is to say.
  if (error instanceof UserError) return error;
  if ((error as { code?: unknown } | null)?.code === "ERR_SCRIPT_EXECUTION_TIMEOUT") {
    return new UserError("BUNDLE", `${label} had not finished loading after ${timeoutMs} ms.`, {
      hint: "Look for a loop at the top level of the recipe or of a package that it imports.",
      cause: error,
    });
  }
  const kind = error instanceof Error ? `${error.name}: ` : "";
  const place = placeInBundle(error, code, label);
  return new UserError(
    "BUNDLE",
    `${label} threw while it was loaded: ${kind}${messageOf(error)}${place && ` (${place})`}.`,
    {
      hint: "Run the recipe's top-level code without the error, and deploy it again.",
      cause: error,
    },
  );
}

const fromPackage = createRequire(import.meta.url);

function requireFor(label: string): (id: string) => unknown {
  return (id) => {
    if (id === "wbsync") return api;
    if (isBuiltin(id)) return fromPackage(id) as unknown;
    if (!EXTERNAL_PACKAGES.some((name) => id === name || id.startsWith(`${name}/`))) {
      throw new UserError("BUNDLE", `${label} requires "${id}", which is not in the bundle.`, {
        hint: "Install it beside the recipe and deploy again: packages become part of the bundle then.",
      });
    }
    try {
      return fromPackage(id) as unknown;
    } catch (error) {
      // A driver that the user installed beside the project, not beside wbsync.
      if ((error as { code?: unknown }).code !== "MODULE_NOT_FOUND") throw error;
      return createRequire(join(process.cwd(), "package.json"))(id) as unknown;
    }
  };
}
