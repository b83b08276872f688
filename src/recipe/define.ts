/** `writeBehind` and `writeThrough`: what a user exports from a recipe, validated once so that everything after can trust it. */
import type { Connector } from "../connectors/connector.js";
import { UserError } from "../errors.js";
import { readMappings } from "./mappings.js";
import type { WriteBehindOptions, WriteThroughOptions } from "./options.js";
import type { Recipe, WriteBehindRecipe, WriteThroughRecipe } from "./recipe.js";
import {
  connectorRule,
  deletePolicy,
  integer,
  maxDeletesRule,
  nameRule,
  oneOf,
  prefixRule,
  throughPrefixRule,
  transformRule,
  versionRule,
  type Rule,
} from "./rules.js";
import { showValue } from "./show-value.js";
import { suggest } from "./suggest.js";

const BRAND = Symbol.for("wbsync.recipe");

type Rules<R extends Recipe> = { readonly [K in keyof Omit<R, "mode" | "mappings">]: Rule<R[K]> };

const COMMON = { name: nameRule, version: versionRule, connector: connectorRule, transform: transformRule };

const WRITE_BEHIND: Rules<WriteBehindRecipe> = {
  ...COMMON,
  keysPrefix: prefixRule,
  batch: integer(1, 100_000, 1_000),
  duration: integer(0, 60_000, 10),
  partitions: integer(1, 64, 4),
  snapshot: oneOf("initial", "never"),
  onError: oneOf("dead-letter", "halt"),
  onDelete: deletePolicy("delete"),
  onExpire: deletePolicy("keep"),
  onEvict: deletePolicy("keep"),
  onFlush: deletePolicy("keep"),
  onUncertainDelete: deletePolicy("keep"),
  maxDeletesPerMinute: maxDeletesRule,
};

const WRITE_THROUGH: Rules<WriteThroughRecipe> = {
  ...COMMON,
  keysPrefix: throughPrefixRule,
  timeout: integer(1, 600_000, 5_000),
};

/**
 * A recipe that carries changes of hashes to a table, in the background and in batches.
 *
 * ```ts
 * const db = mysql({ host: "127.0.0.1", user: "app", password: () => configGet("MySqlPassword"), database: "test" });
 *
 * export default writeBehind({
 *   name: "PersonsWriteBehind",
 *   version: "1.0.0",
 *   keysPrefix: "person", // person:<id>
 *   connector: db.table("persons", { primaryKey: "id" }),
 *   mappings: { first_name: "first", last_name: "last", age: "age" },
 * });
 * ```
 *
 * Throws a `UserError` RECIPE_INVALID that names every option that is wrong, what was given, and what is allowed.
 */
export function writeBehind(options: WriteBehindOptions): WriteBehindRecipe {
  return brand(read("write-behind", "writeBehind", WRITE_BEHIND, options));
}

/**
 * A recipe for writes that must be in the database before they are in the cache: a client writes
 * `HSET __{person:1} first_name foo # =<id>`, and `person:1` becomes that hash once the row is committed.
 *
 * Throws a `UserError` RECIPE_INVALID like `writeBehind`.
 */
export function writeThrough(options: WriteThroughOptions): WriteThroughRecipe {
  return brand(read("write-through", "writeThrough", WRITE_THROUGH, options));
}

/** Whether a value was made by `writeBehind` or `writeThrough`. */
export function isRecipe(value: unknown): value is Recipe {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}

function brand<R extends Recipe>(recipe: R): R {
  return Object.freeze(Object.defineProperty(recipe, BRAND, { value: true }));
}

function read<R extends Recipe>(mode: R["mode"], made: string, rules: Rules<R>, given: unknown): R {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new UserError("RECIPE_INVALID", `${made}(…) expects an object of options, got ${showValue(given)}.`);
  }
  const options = given as Readonly<Record<string, unknown>>;
  const known = [...Object.keys(rules), "mappings"];
  const problems = Object.entries(options).flatMap(([option, value]) => unknownOption(option, value, known) ?? []);
  const usual = defaultsOf(options["connector"]);
  const recipe: Record<string, unknown> = { mode };
  for (const [option, rule] of Object.entries<Rule<unknown>>(rules)) {
    const value = options[option] === undefined ? usual[option] : options[option];
    if (value === undefined && rule.fallback !== undefined) {
      recipe[option] = rule.fallback.value;
      continue;
    }
    const problem = rule.problem(value);
    if (problem !== undefined) problems.push(`option "${option}" ${problem}, got ${showValue(value)}`);
    recipe[option] = value;
  }
  recipe["mappings"] = readMappings(options["mappings"], primaryKeyOf(options["connector"]), (problem) =>
    problems.push(problem),
  );
  if (problems.length > 0) throw invalid(options["name"], made, problems);
  return recipe as unknown as R;
}

/** A connection's options in the wrong place: their values stay out of messages. */
const SECRETS = /pass|pwd|secret|token/i;

function unknownOption(option: string, value: unknown, known: readonly string[]): string | undefined {
  if (known.includes(option)) return undefined;
  const meant = suggest(option, known);
  const advice = meant === undefined ? `the options are ${known.join(", ")}` : `did you mean "${meant}"?`;
  return `option "${option}" is unknown, got ${SECRETS.test(option) ? "[secret]" : showValue(value)}: ${advice}`;
}

/** What the connector would rather have than the usual defaults. */
function defaultsOf(connector: unknown): Readonly<Record<string, unknown>> {
  return connectorRule.problem(connector) === undefined ? { ...(connector as Connector).defaults } : {};
}

function primaryKeyOf(connector: unknown): readonly string[] {
  return connectorRule.problem(connector) === undefined
    ? (connector as { primaryKey: readonly string[] }).primaryKey
    : [];
}

function invalid(name: unknown, made: string, problems: readonly string[]): UserError {
  const recipe = typeof name === "string" && name !== "" ? `Recipe ${JSON.stringify(name)}` : `${made}(…)`;
  const message =
    problems.length === 1
      ? `${recipe}: ${problems[0]}${problems[0]!.endsWith("?") ? "" : "."}`
      : `${recipe} has ${problems.length} problems:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`;
  return new UserError("RECIPE_INVALID", message, { hint: "Correct the recipe and deploy it again." });
}
