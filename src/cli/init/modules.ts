/** Names of the files that several recipes are written to, and of what they export: valid, and each there once. Pure. */

/** One recipe's module. */
export interface ModuleName {
  /** Without ".ts". */
  readonly file: string;
  readonly identifier: string;
}

/** Taken by the file that exports them all. */
const INDEX = "recipe";

/** Names for recipes, in their order. */
export function moduleNames(
  recipes: readonly { readonly name: string; readonly table: string }[],
): readonly ModuleName[] {
  const files = makeUnique(
    recipes.map(({ table }) => fileName(table)),
    "-",
  );
  const identifiers = makeUnique(
    recipes.map(({ name }) => identifierOf(name)),
    "",
  );
  return files.map((file, at) => ({ file, identifier: identifiers[at]! }));
}

/** Adds 2, 3, … to names that are there already; some file systems do not tell case apart, nor how an accent is written. */
export function makeUnique(names: readonly string[], joint: string): readonly string[] {
  const same = (name: string): string => name.normalize("NFC").toLowerCase();
  const wanted = new Set(names.map(same));
  const taken = new Set<string>();
  return names.map((name) => {
    let free = name;
    // A name that another one asked for is left to that one.
    for (let at = 2; taken.has(same(free)) || (free !== name && wanted.has(same(free))); at += 1) {
      free = `${name}${joint}${at}`;
    }
    taken.add(same(free));
    return free;
  });
}

/** Letters and digits of any script, with their marks. */
function fileName(table: string): string {
  const name = table.replace(/[^\p{L}\p{M}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
  if (name === "") return "table";
  if (name.toLowerCase() === INDEX) return `${name}-table`;
  // "x.d.ts" would be a declaration.
  return name.replace(/\.d$/i, "-d");
}

function identifierOf(name: string): string {
  const valid = name.replace(/[^\p{ID_Continue}]/gu, "_");
  return /^[\p{ID_Start}_]/u.test(valid) ? valid : `_${valid}`;
}
