/** The simulated Redis: hashes, the stream of what happened to them, and what each row should have been at each moment. */
import type { Change } from "../../../src/model.js";
import type { ReadBack } from "../../../src/pipeline/read.js";
import type { Chance } from "./chance.js";

export const FIELDS = ["a", "b"] as const;
export type Field = (typeof FIELDS)[number];
export type Cells = Record<Field, string | null>;

/** What a row should be after an event; undefined: there should be none. */
export type Wanted = Cells | undefined;

/** What a change makes of a key. */
export interface Moment {
  /** Where it ends in the stream. */
  readonly end: number;
  /** The row from then on. */
  readonly row: Wanted;
  /** The hash lost its last field. */
  readonly wasEmptied: boolean;
  /** The hash went, and the row stays as it is. */
  readonly hasExpired: boolean;
}

/** Values that the simulated database refuses. */
export const BAD = "bad";

type What<C> = C extends Change ? Omit<C, "start" | "startDb" | "end" | "own"> : never;

export class Cache {
  readonly #chance: Chance;
  readonly keys: readonly string[];
  readonly #hashes = new Map<string, Map<string, string>>();
  /** By offset: the changes that end there, all of them one transaction. */
  readonly stream: (readonly Change[])[] = [];
  /** By key, from the beginning. */
  readonly history = new Map<string, Moment[]>();
  /** Keys that went while their rows stay: of their last values some may never have been seen. */
  readonly expired = new Set<string>();

  constructor(chance: Chance, keys: readonly string[]) {
    this.#chance = chance;
    this.keys = keys;
    for (const key of keys) this.history.set(key, [{ end: 0, row: undefined, wasEmptied: false, hasExpired: false }]);
  }

  get offset(): number {
    return this.stream.length;
  }

  hash(key: string): ReadonlyMap<string, string> | undefined {
    return this.#hashes.get(key);
  }

  row(key: string): Wanted {
    return this.history.get(key)?.at(-1)?.row;
  }

  /** What HMGET would answer now. */
  read(keys: readonly string[]): ReadBack {
    const found = keys.map((key) => {
      const hash = this.#hashes.get(key);
      if (!hash) return { kind: "absent" as const };
      return { kind: "fields" as const, values: FIELDS.map((name) => hash.get(name) ?? null) };
    });
    return { found, offset: this.offset };
  }

  /** Somebody does something; now and then two things in one transaction. */
  act(): void {
    const what = this.#one();
    if (this.#chance.happens(0.1)) what.push(...this.#one());
    if (what.length === 0) return;
    const end = this.offset + 1;
    this.stream.push(what.map((one) => ({ ...one, start: end - 1, startDb: 0, end, own: false })));
  }

  /** What follows for the row is remembered: also what lasts no longer than a transaction. */
  #remember(changes: What<Change>[]): What<Change>[] {
    for (const { key, kind } of changes) {
      const row = this.#expectedRow(key);
      const wasEmptied = kind === "unset" && row === undefined;
      this.history.get(key)?.push({ end: this.offset + 1, row, wasEmptied, hasExpired: this.expired.has(key) });
    }
    return changes;
  }

  #expectedRow(key: string): Wanted {
    const hash = this.#hashes.get(key);
    if (hash) return { a: hash.get("a") ?? null, b: hash.get("b") ?? null };
    return this.expired.has(key) ? this.row(key) : undefined;
  }

  #one(): What<Change>[] {
    return this.#remember(this.#anything());
  }

  #anything(): What<Change>[] {
    const key = this.#chance.pick(this.keys);
    const value = `${this.#chance.happens(0.03) ? BAD : "v"}${this.offset + 1}`;
    const dice = this.#chance.next();
    if (dice < 0.3) return this.#set(key, { a: value, b: value });
    if (dice < 0.5) return this.#set(key, { [this.#chance.pick(FIELDS)]: value });
    if (dice < 0.62) return this.#increment(key, value);
    const hash = this.#hashes.get(key);
    if (!hash) return [];
    if (dice < 0.72) return this.#unset(key, hash, this.#chance.pick(FIELDS));
    if (dice < 0.84) return this.#gone(key, "delete");
    if (dice < 0.93) return this.#gone(key, "expire");
    return this.#rename(key, hash, this.#chance.pick(this.keys));
  }

  #set(key: string, pairs: Record<string, string>): What<Change>[] {
    this.#put(key, pairs);
    return [{ kind: "set", key, fields: Object.entries(pairs).flat() }];
  }

  #increment(key: string, value: string): What<Change>[] {
    this.#put(key, { a: value });
    return [{ kind: "dirty", key }];
  }

  #unset(key: string, hash: Map<string, string>, name: string): What<Change>[] {
    if (!hash.delete(name)) return [];
    if (hash.size === 0) this.#hashes.delete(key);
    return [{ kind: "unset", key, fields: [name] }];
  }

  #gone(key: string, cause: "delete" | "expire"): What<Change>[] {
    this.#hashes.delete(key);
    if (cause === "expire") this.expired.add(key);
    return [{ kind: "gone", key, cause }];
  }

  #rename(key: string, hash: Map<string, string>, to: string): What<Change>[] {
    if (key === to) return [];
    this.#hashes.delete(key);
    this.#hashes.set(to, hash);
    this.expired.delete(to);
    return [
      { kind: "gone", key, cause: "delete" },
      { kind: "dirty", key: to },
    ];
  }

  #put(key: string, pairs: Record<string, string>): void {
    const hash = this.#hashes.get(key) ?? new Map<string, string>();
    for (const [name, value] of Object.entries(pairs)) hash.set(name, value);
    this.#hashes.set(key, hash);
    this.expired.delete(key);
  }
}
