/** Entries that are on their way to the table. */
import type { Bytes } from "../model.js";
import type { Entry } from "./entry.js";

/** Most batches are written before anybody asks for one of their keys, so they are indexed when somebody does. */
export class TakenEntries implements Iterable<Entry> {
  #all: readonly Entry[] = [];
  #byKey: Map<Bytes, Entry> | undefined;

  add(entries: readonly Entry[]): void {
    this.#all = this.#all.length === 0 ? entries : [...this.#all, ...entries];
    this.#byKey = undefined;
  }

  get(key: Bytes): Entry | undefined {
    if (this.#all.length === 0) return undefined;
    this.#byKey ??= new Map(this.#all.map((entry) => [entry.key, entry]));
    return this.#byKey.get(key);
  }

  has(key: Bytes): boolean {
    return this.get(key) !== undefined;
  }

  clear(): void {
    this.#all = [];
    this.#byKey = undefined;
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#all[Symbol.iterator]();
  }
}
