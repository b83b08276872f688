/** What is said of options that cannot be right. */
import { redact } from "../config/secret.js";
import { UserError } from "../errors.js";
import { showValue } from "../recipe/show-value.js";
import { suggest } from "../recipe/suggest.js";
import type { OptionRule } from "./option-rules.js";

/** Whose options they are, and the hint where there is no better one: how to write them. */
export interface Refuser {
  readonly kind: string;
  readonly example: string;
}

export function refuse({ kind, example }: Refuser, what: string, hint = example): never {
  throw new UserError("RECIPE_INVALID", `${kind}: ${what}`, { hint });
}

/** Options that nobody knows. */
export interface UnknownOptions {
  /** Which, for the message. */
  readonly what: string;
  /** Which were meant: a sentence for the hint, with a blank behind it; "": nobody can tell. */
  readonly meant: string;
}

/** The unknown among these options, which would be ignored for ever; undefined: none is. */
export function unknownOptions(given: object, known: readonly string[]): UnknownOptions | undefined {
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  const meant = unknown.flatMap((name) => suggest(name, known) ?? []);
  return {
    what: `unknown option "${unknown.join('", "')}"`,
    meant: meant.length === 0 ? "" : `Did you mean "${meant.join('", "')}"? `,
  };
}

/** A value in a message. Where an option is secret, and where the value looks like a URL with a password, it stays out. */
export function showGiven(value: unknown, { isSecret }: Pick<OptionRule, "isSecret">): string {
  if (isSecret) return kindOf(value);
  return showValue(typeof value === "string" ? redact(value) : value);
}

/** What kind of value it is, without it. */
function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (value === undefined) return "nothing";
  if (typeof value === "string") return "a text";
  if (typeof value !== "object") return `a ${typeof value}`;
  return Array.isArray(value) ? "an array" : "an object";
}
