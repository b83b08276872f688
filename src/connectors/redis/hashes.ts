/** What a recipe says about its hashes: `server.hashes("copy")`. */
import { RefusedValueError, UserError } from "../../errors.js";
import type { Value } from "../../model.js";
import { unknownOptions } from "../option-refusal.js";

/** The second argument of `hashes`. */
export interface HashesOptions {
  /**
   * What the id's parts are called; "id" where nothing is said. With several, `order:7:1` becomes `copy:7:1`. They are part of the
   * key and not of the hash, and no mapping may use their names.
   */
  readonly primaryKey?: string | readonly string[];
}

/** Hashes as a recipe names them, validated. */
export interface HashesReference {
  /** All that comes before the first colon: `<prefix>:<id>`. */
  readonly prefix: string;
  readonly primaryKey: readonly string[];
}

const EXAMPLE = 'Write server.hashes("copy") for keys copy:<id>.';

/** Validates what a recipe says about its hashes. */
export function hashesReference(prefix: unknown, options: HashesOptions): HashesReference {
  const refuse = (what: string, hint = EXAMPLE): never => {
    throw new UserError("RECIPE_INVALID", `hashes: ${what}`, { hint });
  };
  if (typeof prefix !== "string" || prefix === "") return refuse(`expected a prefix, got ${show(prefix)}`);
  if (/[:*]$/.test(prefix)) {
    return refuse(
      `the prefix "${prefix}" must not end with a colon, which is added, or a star: it is no pattern`,
      `Write hashes("${prefix.replace(/[:*]+$/, "")}").`,
    );
  }
  if (prefix === "wbsync" || prefix.startsWith("wbsync:")) return refuse(`the prefix "${prefix}" is wbsync's own`);
  const { primaryKey = "id", ...rest } = options;
  const unknown = unknownOptions(rest, ["primaryKey"]);
  if (unknown !== undefined) return refuse(unknown.what, `${unknown.meant}hashes takes primaryKey.`);
  const names: readonly unknown[] = Array.isArray(primaryKey) ? primaryKey : [primaryKey];
  const isNamed = names.every((name) => typeof name === "string" && name !== "");
  if (names.length === 0 || !isNamed || new Set(names).size !== names.length) {
    return refuse(`primaryKey: expected a name or a list of names, got ${show(primaryKey)}`);
  }
  return { prefix, primaryKey: [...(names as string[])] };
}

/** The key of a row: prefix and id, joined with colons. */
export function keyMaker({ prefix }: HashesReference): (id: readonly Value[]) => string | Buffer {
  const head = `${prefix}:`;
  const headBytes = Buffer.from(head);
  return (id) => {
    const [only] = id;
    if (id.length === 1) return typeof only === "string" ? head + only : Buffer.concat([headBytes, part(only)]);
    const parts = id.map((value) => {
      const bytes = part(value);
      if (!bytes.includes(58)) return bytes;
      throw new RefusedValueError(`"${bytes.toString()}" holds a colon, which is what separates the parts of a key`, {
        hint: "Give the hashes one primaryKey, or keep colons out of its parts.",
      });
    });
    return Buffer.concat([headBytes, ...parts.flatMap((bytes, i) => (i === 0 ? [bytes] : [COLON, bytes]))]);
  };
}

const COLON = Buffer.from(":");

function part(value: Value | undefined): Buffer {
  if (typeof value === "string") return Buffer.from(value);
  if (value) return value;
  throw new RefusedValueError("A primary key cannot be NULL", { hint: "Map the key's columns to values." });
}

const show = (value: unknown): string => JSON.stringify(value) ?? String(value);
