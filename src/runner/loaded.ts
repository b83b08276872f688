/**
 * The bundles that this runner has loaded. A bundle is run once, however often its recipes are opened: what it keeps in variables, a
 * list of hosts and whose turn it is, outlives a lost connection. And a registry that lost the bundle gets it back from here.
 */
import type { Recipe } from "../recipe/recipe.js";
import type { Registration } from "../registry/types.js";

type Which = Pick<Registration, "name" | "version" | "sha256">;

interface Loaded {
  readonly code: string;
  readonly recipe: Recipe;
}

export class LoadedRecipes {
  readonly #byName = new Map<string, Map<string, Loaded>>();

  get(which: Which): Loaded | undefined {
    return this.#byName.get(which.name)?.get(idOf(which));
  }

  set(which: Which, loaded: Loaded): void {
    const versions = this.#byName.get(which.name) ?? new Map<string, Loaded>();
    this.#byName.set(which.name, versions.set(idOf(which), loaded));
  }

  /** Forgets all versions of a recipe but these. */
  keep(name: string, wanted: readonly Which[]): void {
    const versions = this.#byName.get(name);
    const ids = new Set(wanted.map(idOf));
    for (const id of versions?.keys() ?? []) if (!ids.has(id)) versions?.delete(id);
    if (versions?.size === 0) this.#byName.delete(name);
  }
}

const idOf = ({ version, sha256 }: Which): string => `${version} ${sha256}`;
