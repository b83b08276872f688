/** What a recipe says about its collection: `db.collection("persons", { primaryKey: "_id" })`. */
import { UserError } from "../../errors.js";
import type { ColumnType } from "../../recipe/recipe.js";
import { unknownOptions } from "../option-refusal.js";

/** The second argument of `collection`. */
export interface CollectionOptions {
  /** The field, or the fields in the order of the key's parts, that identify a document; "_id" where nothing is said. */
  readonly primaryKey?: string | readonly string[];
  /** Types of fields, the primary key's among them; without one a field is a string. A mapping's own type wins. */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** The collection of the same database where checkpoints are stored; "wbsync_checkpoint" where nothing is said. */
  readonly checkpointCollection?: string;
}

/** A collection as a recipe names it, validated. */
export interface CollectionReference {
  readonly name: string;
  readonly primaryKey: readonly string[];
  readonly types: Readonly<Record<string, ColumnType>>;
  readonly checkpointCollection: string;
}

const EXAMPLE = 'Write db.collection("persons", { primaryKey: "_id" }).';

/** Validates what a recipe says about its collection. */
export function collectionReference(name: unknown, options: CollectionOptions): CollectionReference {
  const { primaryKey = "_id", types = {}, checkpointCollection = "wbsync_checkpoint", ...rest } = options;
  const refuse = (what: string, hint = EXAMPLE): never => {
    throw new UserError("RECIPE_INVALID", `collection ${show(name)}: ${what}`, { hint });
  };
  const unknown = unknownOptions(rest, ["primaryKey", "types", "checkpointCollection"]);
  if (unknown !== undefined) {
    refuse(unknown.what, `${unknown.meant}A collection takes primaryKey, types and checkpointCollection.`);
  }
  for (const one of [name, checkpointCollection]) {
    if (!isCollectionName(one)) refuse(`expected the name of a collection, got ${show(one)}`);
  }
  const key: readonly unknown[] = Array.isArray(primaryKey) ? primaryKey : [primaryKey];
  if (key.length === 0 || !key.every((field) => typeof field === "string" && field !== "")) {
    refuse(`primaryKey: expected a field or a list of fields, got ${show(primaryKey)}`);
  }
  if (new Set(key).size !== key.length) refuse(`primaryKey names a field twice: ${show(key)}`);
  const problem = fieldProblem(key as string[]);
  if (problem !== undefined) refuse(`primaryKey: ${problem}`);
  return {
    name: name as string,
    primaryKey: [...(key as string[])],
    types,
    checkpointCollection,
  };
}

/** What is wrong with these names of fields, taken together; undefined: nothing. A dot separates the names of nested fields. */
export function fieldProblem(names: readonly string[]): string | undefined {
  for (const name of names) {
    const parts = name.split(".");
    if (parts.includes("")) return `"${name}" has an empty part between its dots`;
    if (parts.some((part) => part.startsWith("$")))
      return `"${name}": MongoDB keeps names that begin with $ for itself`;
    if (name.includes("\u0000")) return `"${name}" holds a zero character`;
    if (parts[0] === "_id" && parts.length > 1) return `"${name}": fields inside _id cannot be written one by one`;
    const outer = names.find((other) => name.startsWith(`${other}.`));
    if (outer !== undefined) return `"${name}" is a part of "${outer}": both cannot be written`;
  }
  return undefined;
}

const isCollectionName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && !/[$]|\0/.test(value) && !value.startsWith("system.");

const show = (value: unknown): string => JSON.stringify(value) ?? String(value);
