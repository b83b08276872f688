/**
 * Entries in a row, found by their keys. Taking the oldest, adding a newest and removing one from the middle cost the same whatever
 * the length. The index keeps entries that are gone until there are more of them than others, and is then thrown away, to be made anew
 * when somebody looks for a key: that costs less than to delete them one by one, and most often nothing at all, because the queue has
 * run empty by then.
 */
import type { Bytes } from "../model.js";
import type { Entry } from "./entry.js";

/** So many gone entries are not worth a new index. */
const FEW = 1024;

export class EntryQueue implements Iterable<Entry> {
  /** undefined: nobody has looked for a key since it was thrown away. */
  #index: Map<Bytes, Entry> | undefined = new Map();
  #size = 0;
  /** The oldest. */
  first: Entry | undefined;
  #last: Entry | undefined;

  get size(): number {
    return this.#size;
  }

  get(key: Bytes): Entry | undefined {
    const entry = this.#byKey().get(key);
    return entry?.queue === this ? entry : undefined;
  }

  has(key: Bytes): boolean {
    return this.get(key) !== undefined;
  }

  /** Behind all others. */
  push(entry: Entry): void {
    this.#enter(entry);
    entry.before = this.#last;
    entry.after = undefined;
    if (this.#last) this.#last.after = entry;
    else this.first = entry;
    this.#last = entry;
  }

  /** Before all others. */
  unshift(entry: Entry): void {
    this.#enter(entry);
    entry.before = undefined;
    entry.after = this.first;
    if (this.first) this.first.before = entry;
    else this.#last = entry;
    this.first = entry;
  }

  /** Takes an entry of this queue out. */
  remove(entry: Entry): void {
    const { before, after } = entry;
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.#last = before;
    entry.before = undefined;
    entry.after = undefined;
    entry.queue = undefined;
    this.#size--;
    if (this.#index && this.#index.size > 2 * this.#size + FEW) this.#index = undefined;
  }

  clear(): void {
    for (const entry of this) entry.queue = undefined;
    this.#index = new Map();
    this.#size = 0;
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

  #enter(entry: Entry): void {
    this.#index?.set(entry.key, entry);
    this.#size++;
    entry.queue = this;
  }

  #byKey(): Map<Bytes, Entry> {
    if (this.#index) return this.#index;
    this.#index = new Map();
    for (let entry = this.first; entry; entry = entry.after) this.#index.set(entry.key, entry);
    return this.#index;
  }
}
