/** A registered version and its bundle as one file, to be carried to another server. Pure. */
import { messageOf, UserError } from "../errors.js";
import { nameRule, versionRule } from "../recipe/rules.js";
import { sha256 } from "../recipe/sha256.js";
import type { NamedVersion } from "./change.js";
import { isVersion } from "./entry.js";

const FORMAT = "wbsync-export/1";

/** What `toPortable` writes and `fromPortable` reads. */
export interface Portable {
  readonly recipe: NamedVersion;
  readonly code: string;
}

/** The text of an export. */
export function toPortable({ recipe, code }: Portable): string {
  return `${JSON.stringify({ format: FORMAT, recipe, code }, undefined, 2)}\n`;
}

/** Reads an export. Throws a `UserError` BUNDLE for anything else, and for a bundle that was changed. */
export function fromPortable(text: string): Portable {
  const { format, recipe, code } = parse(text);
  if (format !== FORMAT) throw invalid(`its format is ${JSON.stringify(format)}, not "${FORMAT}"`);
  if (!isNamedVersion(recipe) || typeof code !== "string") throw invalid("it lacks a recipe or its bundle");
  if (sha256(code) !== recipe.sha256) throw invalid("its bundle is not the one that was exported (SHA-256 differs)");
  return { recipe, code };
}

function parse(text: string): Record<string, unknown> {
  try {
    const value = JSON.parse(text) as unknown;
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (error) {
    throw invalid(`it is not JSON: ${messageOf(error)}`);
  }
  throw invalid("it is not a JSON object");
}

/** By the rules of a recipe: it may come from anywhere. */
function isNamedVersion(value: unknown): value is NamedVersion {
  return (
    isVersion(value) && !nameRule.problem((value as { name?: unknown }).name) && !versionRule.problem(value.version)
  );
}

function invalid(found: string): UserError {
  return new UserError("BUNDLE", `This is no exported recipe: ${found}.`, {
    hint: 'Make one with "wbsync export <name>".',
  });
}
