/**
 * Entries in a row, found by their keys. Taking the oldest, adding a newest and removing one from the middle cost the same whatever
 * the length: a Map alone keeps the order too, but looks for its first entry through all that were deleted before it.
 */
import type { Bytes } from "../model.js";
import type { Entry } from "./entry.js";

export class EntryQueue implements Iterable<Entry> {
  readonly #byKey = new Map<Bytes, Entry>();
  /** The oldest. */
  first: Entry | undefined;
  #last: Entry | undefined;

  get size(): number {
    return this.#byKey.size;
  }

  get(key: Bytes): Entry | undefined {
    return this.#byKey.get(key);
  }

  has(key: Bytes): boolean {
    return this.#byKey.has(key);
  }

  /** Behind all others. */
  push(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
    entry.before = this.#last;
    entry.after = undefined;
    if (this.#last) this.#last.after = entry;
    else this.first = entry;
    this.#last = entry;
  }

  /** Before all others. */
  unshift(entry: Entry): void {
    this.#byKey.set(entry.key, entry);
    entry.before = undefined;
    entry.after = this.first;
    if (this.first) this.first.before = entry;
    else this.#last = entry;
    this.first = entry;
  }

  /** Takes an entry of this queue out. */
  remove(entry: Entry): void {
    this.#byKey.delete(entry.key);
    const { before, after } = entry;
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.#last = before;
    entry.before = undefined;
    entry.after = undefined;
  }

  clear(): void {
    this.#byKey.clear();
    this.first = undefined;
    this.#last = undefined;
  }

  /** The oldest first; the one that was just given may be removed. */
  *[Symbol.iterator](): Generator<Entry> {
    let entry = this.first;
    while (entry) {
      const next = entry.after;
      yield entry;
      entry = next;
    }
  }
}
