/** Finds the recipes among what a bundle exports. */
import { UserError } from "../errors.js";
import { isRecipe } from "./define.js";
import type { Recipe } from "./recipe.js";
import { showValue } from "./show-value.js";

const HOW =
  "Export what writeBehind(…) or writeThrough(…) returns: one recipe, an array of them, or several named exports.";

/** The recipes of a default export, an array, and named exports, each once. Throws a `UserError` BUNDLE where there are none. */
export function collectRecipes(exported: unknown, label: string): Recipe[] {
  const found = new Set<Recipe>();
  for (const value of candidates(exported)) {
    if (isRecipe(value)) found.add(value);
    else if (Array.isArray(value)) addArray(value, found, label);
  }
  if (found.size === 0)
    throw new UserError("BUNDLE", `${label} exports no recipe${describe(exported)}.`, { hint: HOW });
  const names = new Set<string>();
  for (const { name } of found) {
    if (names.has(name)) {
      throw new UserError("BUNDLE", `${label} exports two recipes of the name "${name}".`, {
        hint: "Give each its own name.",
      });
    }
    names.add(name);
  }
  return [...found];
}

/** A CommonJS module may be the recipe itself; an ES module has it as default, which may be a module again. */
function* candidates(exported: unknown): Generator {
  yield exported;
  if (typeof exported !== "object" || exported === null || isRecipe(exported) || Array.isArray(exported)) return;
  for (const [name, value] of Object.entries(exported)) {
    yield value;
    if (name === "default" && isModule(value)) yield* Object.values(value);
  }
}

function isModule(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && (value as { __esModule?: unknown }).__esModule === true;
}

function addArray(values: readonly unknown[], found: Set<Recipe>, label: string): void {
  // An array of something else is the recipe's own business.
  if (!values.some(isRecipe)) return;
  for (const value of values) {
    if (!isRecipe(value)) {
      throw new UserError("BUNDLE", `${label} exports an array with ${showValue(value)} among its recipes.`, {
        hint: HOW,
      });
    }
    found.add(value);
  }
}

function describe(exported: unknown): string {
  if (typeof exported !== "object" || exported === null) return "";
  if ("default" in exported) return `: its default export is ${showValue(exported.default)}`;
  const names = Object.keys(exported);
  return names.length === 0 ? ": it exports nothing" : `: it exports ${names.join(", ")}`;
}
