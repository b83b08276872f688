/** Reads and changes registrations so that nobody's change is lost. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { WbsyncError } from "../errors.js";
import { BUNDLES, CHANGED, RECIPES, UNDEPLOYED } from "../redis/keys.js";
import { runScript } from "../redis/scripts.js";
import { parseEntry } from "./entry.js";
import type { Registration } from "./types.js";

/** How often a change is tried again when somebody else was faster each time. */
const MAX_ATTEMPTS = 50;
const EMPTY = Buffer.alloc(0);

/** What is stored under a name now: the text to compare with, and what it means. */
export interface Stored {
  /** Empty: there is nothing. */
  readonly text: Buffer;
  readonly registration: Registration | undefined;
  readonly lastRevision: number;
}

/** A change to one registration; `to` undefined removes it. */
export interface Move {
  readonly name: string;
  readonly from: Stored;
  readonly to: Registration | undefined;
}

/** What to write, and what to tell the caller once it is written. */
export interface Decision<T> {
  readonly moves: readonly Move[];
  readonly result: T;
}

/**
 * Registrations are read, changed in memory, and written by one script that compares them with what was read: several change as
 * a whole or not at all, and of two changes at the same time the second sees the first.
 */
export class Store {
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Reads, decides, and writes if nothing has moved meanwhile; otherwise all of it again. */
  async change<T>(
    names: readonly string[],
    bundle: { readonly code: string; readonly sha256: string } | undefined,
    decide: (stored: readonly Stored[]) => Decision<T> | Promise<Decision<T>>,
  ): Promise<T> {
    const keys = [RECIPES, BUNDLES, UNDEPLOYED];
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
      const { moves, result } = await decide(await this.read(names));
      const head = [CHANGED, names.length === 1 ? names[0]! : "*", bundle?.sha256 ?? "", bundle?.code ?? ""];
      const done = await runScript(this.#redis, "registry-change", keys, [...head, ...moves.flatMap(moveArguments)]);
      if (done === 1) return result;
      await sleep(Math.random() * 20);
    }
    throw new WbsyncError(
      "TIMEOUT",
      `The registry changed ${MAX_ATTEMPTS} times while ${names.join(", ")} was to be changed.`,
    );
  }

  /** What is stored under these names, in their order. */
  async read(names: readonly string[]): Promise<readonly Stored[]> {
    // As bytes: a text that is not valid UTF-8 would never compare equal to itself.
    const replies = await this.#redis
      .multi()
      .hmgetBuffer(RECIPES, ...names)
      .hmgetBuffer(UNDEPLOYED, ...names)
      .exec();
    const [texts, revisions] = (replies ?? []).map(([error, reply]) => {
      if (error) throw error;
      return reply as readonly (Buffer | null)[];
    });
    return names.map((name, at) => {
      const text = texts![at] ?? EMPTY;
      const registration = text.length === 0 ? undefined : parseEntry(name, text.toString()).registration;
      return { text, registration, lastRevision: Number(revisions![at]?.toString() ?? 0) || 0 };
    });
  }
}

function moveArguments({ name, from, to }: Move): readonly (string | Buffer)[] {
  if (to !== undefined) return [name, from.text, JSON.stringify(to), ""];
  return [name, from.text, "", String(from.registration?.revision ?? from.lastRevision)];
}
