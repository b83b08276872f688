/** The registry in Redis: which recipes there are, in which version, and how they fare. */
import type { Redis } from "ioredis";
import { UserError, WbsyncError } from "../errors.js";
import { sha256 } from "../recipe/sha256.js";
import { suggest } from "../recipe/suggest.js";
import { BUNDLES, CHANGED, RECIPES, STATUS, UNDEPLOYED } from "../redis/keys.js";
import { runScript } from "../redis/scripts.js";
import { bump, judge, refusal, replace, rollBack, type DeployOutcome, type NamedVersion } from "./change.js";
import { parseEntry, parseStatus, type Entry } from "./entry.js";
import { fromPortable, toPortable } from "./portable.js";
import { Store, type Move, type Stored } from "./store.js";
import type { Registration, Status, Version } from "./types.js";
import { watchChanges } from "./watch.js";

/**
 * What people and runners do with the registry. Every change is one atomic step, told on the channel `wbsync:changed`. Errors of
 * the connection come as ioredis throws them.
 */
export class Registry {
  readonly #redis: Redis;
  readonly #store: Store;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#store = new Store(redis);
  }

  /** All entries, by name. What cannot be read comes with a `problem`. */
  async list(): Promise<readonly Entry[]> {
    const texts = Object.entries(await this.#redis.hgetall(RECIPES));
    return texts.map(([name, text]) => parseEntry(name, text)).sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A registration; `UserError` NOT_FOUND where there is none, or none that can be read. */
  async get(name: string): Promise<Registration> {
    const text = await this.#redis.hget(RECIPES, name);
    if (text === null) throw await this.#notFound(name);
    const { registration, problem } = parseEntry(name, text);
    if (registration !== undefined) return registration;
    throw new UserError("NOT_FOUND", `Recipe "${name}" cannot be read: ${problem}.`, {
      hint: "Deploy it again, or undeploy it.",
    });
  }

  /** A bundle's text, after its hash was checked. `UserError` BUNDLE where it is missing or another. */
  async bundle(hash: string): Promise<string> {
    const code = await this.#redis.hget(BUNDLES, hash);
    const hint = "Deploy the recipe again.";
    if (code === null) throw new UserError("BUNDLE", `Bundle ${hash} is not in Redis any more.`, { hint });
    if (sha256(code) !== hash) {
      throw new UserError("BUNDLE", `Bundle ${hash} was changed in Redis: its SHA-256 is ${sha256(code)}.`, { hint });
    }
    return code;
  }

  /** The SHA-256 of every bundle that is stored. */
  async bundles(): Promise<ReadonlySet<string>> {
    return new Set(await this.#redis.hkeys(BUNDLES));
  }

  /** What `deploy` would do. Changes nothing. */
  async plan(
    recipes: readonly NamedVersion[],
    options: { readonly force?: boolean } = {},
  ): Promise<readonly DeployOutcome[]> {
    const stored = await this.#store.read(recipes.map(({ name }) => name));
    return recipes.map((recipe, at) => outcome(stored[at]!, recipe, options.force ?? false));
  }

  /** Registers all recipes of a bundle, or none. `UserError` VERSION where one is not newer than what is registered. */
  async deploy(
    bundle: { readonly code: string; readonly sha256: string },
    recipes: readonly NamedVersion[],
    options: { readonly force?: boolean } = {},
  ): Promise<readonly DeployOutcome[]> {
    if (
      recipes.length === 0 ||
      sha256(bundle.code) !== bundle.sha256 ||
      recipes.some((recipe) => recipe.sha256 !== bundle.sha256)
    ) {
      throw new WbsyncError("BUNDLE", "The bundle to deploy is not the one that its recipes name.");
    }
    const names = recipes.map(({ name }) => name);
    return await this.#store.change(names, bundle, (stored) => {
      const outcomes = recipes.map((recipe, at) => outcome(stored[at]!, recipe, options.force ?? false));
      if (outcomes.some(({ action }) => action === "refused")) throw refusal(outcomes);
      return { moves: recipes.map((recipe, at) => deployMove(stored[at]!, recipe, outcomes[at]!)), result: outcomes };
    });
  }

  /** Removes a registration (also one that cannot be read) and returns it. Its status and dead letters stay. */
  async undeploy(name: string): Promise<Registration | undefined> {
    return await this.#store.change([name], undefined, async ([from]) => {
      if (from!.text.length === 0) throw await this.#notFound(name);
      return { moves: [{ name, from: from!, to: undefined }], result: from!.registration };
    });
  }

  /** Pauses or resumes; a recipe that has stopped itself is told to go on, too. */
  async setDesired(name: string, desired: Registration["desired"]): Promise<Registration> {
    const more = desired === "active" ? 1 : 0;
    return await this.#update(name, (registration) =>
      bump({ ...registration, desired, resumes: registration.resumes + more }),
    );
  }

  /** Makes an earlier version the active one: the one before, or the one that is named. */
  async rollback(name: string, version?: string): Promise<Registration> {
    const target = rollBack(await this.get(name), version);
    // What cannot be loaded must not become active.
    await this.bundle(target.sha256);
    return await this.#update(name, (registration) => rollBack(registration, version));
  }

  /** The active version and those before it, newest first. */
  async versions(name: string): Promise<readonly Version[]> {
    const { history, ...active } = await this.get(name);
    return [active, ...history];
  }

  /** Asks running recipes (all of them where no names are given) to connect afresh. Returns their names. */
  async requestReconnect(names?: readonly string[]): Promise<readonly string[]> {
    const chosen = names ?? (await this.list()).flatMap(({ name, registration }) => (registration ? [name] : []));
    for (const name of chosen) {
      await this.#update(name, (registration) => bump({ ...registration, reconnects: registration.reconnects + 1 }));
    }
    return chosen;
  }

  /** The active version and its bundle as one text. */
  async export(name: string): Promise<string> {
    const { revision: _r, desired: _d, reconnects: _n, resumes: _s, history: _h, ...recipe } = await this.get(name);
    return toPortable({ recipe, code: await this.bundle(recipe.sha256) });
  }

  /** Registers what `export` wrote, by the rules of `deploy`. */
  async import(text: string, options: { readonly force?: boolean } = {}): Promise<readonly DeployOutcome[]> {
    const { recipe, code } = fromPortable(text);
    const deployed = { ...recipe, deployedAt: new Date().toISOString() };
    return await this.deploy({ code, sha256: recipe.sha256 }, [deployed], options);
  }

  /**
   * Puts back a registration and its bundle that vanished from Redis, only where they are absent. "undeployed": somebody wanted
   * it gone, and it was not put back. Called by the runner that still executes it.
   */
  async restore(registration: Registration, code: string): Promise<"restored" | "present" | "undeployed"> {
    const keys = [RECIPES, BUNDLES, UNDEPLOYED];
    const args = [CHANGED, registration.name, JSON.stringify(registration), registration.sha256, code];
    return (await runScript(this.#redis, "registry-restore", keys, args)) as "restored" | "present" | "undeployed";
  }

  /** Stores what a runner says of a recipe. */
  async report(name: string, status: Status): Promise<void> {
    await this.#redis.hset(STATUS, name, JSON.stringify(status));
  }

  /** What runners said last, by recipe. */
  async statuses(): Promise<Map<string, Status>> {
    const statuses = new Map<string, Status>();
    for (const [name, text] of Object.entries(await this.#redis.hgetall(STATUS))) {
      const status = parseStatus(text);
      if (status !== undefined) statuses.set(name, status);
    }
    return statuses;
  }

  /** Removes a recipe's status. */
  async forget(name: string): Promise<void> {
    await this.#redis.hdel(STATUS, name);
  }

  /** Yields at once, on every change, and every second at least, until the signal is aborted. */
  watch(signal: AbortSignal): AsyncIterable<void> {
    return watchChanges(this.#redis, signal);
  }

  async #update(name: string, step: (registration: Registration) => Registration): Promise<Registration> {
    return await this.#store.change([name], undefined, async ([from]) => {
      // `get` says why there is nothing to update.
      const to = step(from!.registration ?? (await this.get(name)));
      return { moves: [{ name, from: from!, to }], result: to };
    });
  }

  async #notFound(name: string): Promise<UserError> {
    const names = await this.#redis.hkeys(RECIPES);
    const meant = suggest(name, names);
    const hint =
      meant !== undefined
        ? `Did you mean "${meant}"?`
        : names.length === 0
          ? "None is deployed."
          : '"wbsync list" shows all.';
    return new UserError("NOT_FOUND", `There is no recipe "${name}".`, { hint });
  }
}

function outcome({ registration, lastRevision }: Stored, recipe: NamedVersion, force: boolean): DeployOutcome {
  const action = judge(registration, recipe, force);
  const before = registration?.revision ?? lastRevision;
  const revision = action === "new" || action === "replaced" ? before + 1 : before;
  return {
    name: recipe.name,
    version: recipe.version,
    action,
    ...(registration && { from: registration.version }),
    revision,
  };
}

function deployMove(from: Stored, recipe: NamedVersion, { action }: DeployOutcome): Move {
  const to = action === "unchanged" ? from.registration : replace(from.registration, recipe, from.lastRevision);
  return { name: recipe.name, from, to };
}
