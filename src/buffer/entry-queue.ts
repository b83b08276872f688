/** Entries in a row, found by their keys. Taking the oldest, adding one and removing one from the middle cost the same whatever the length. */
import type { Bytes } from "../model.js";
import type { Entry } from "./entry.js";
import { EntryPages } from "./entry-pages.js";
import { KeyIndex } from "./key-index.js";

export class EntryQueue implements Iterable<Entry> {
  readonly #pages = new EntryPages();
  readonly #index = new KeyIndex(this.#pages);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The oldest. */
  get first(): Entry | undefined {
    return this.#pages.first;
  }

  get(key: Bytes): Entry | undefined {
    if (this.#size === 0) return undefined;
    const number = this.#index.find(key);
    return number === undefined ? undefined : this.#pages.at(number);
  }

  has(key: Bytes): boolean {
    return this.get(key) !== undefined;
  }

  /** Behind all others. There is none of its key. */
  push(entry: Entry): void {
    this.#index.add(entry.key, this.#pages.push(entry), ++this.#size);
  }

  /** Before all others. There is none of its key. */
  unshift(entry: Entry): void {
    this.#index.add(entry.key, this.#pages.unshift(entry), ++this.#size);
  }

  /** Takes the oldest out. */
  shift(): Entry | undefined {
    const entry = this.#pages.first;
    if (entry) this.#removeAt(this.#pages.head);
    return entry;
  }

  /** Takes an entry of this queue out. */
  remove({ key }: Entry): void {
    const number = this.#index.find(key);
    if (number !== undefined) this.#removeAt(number);
  }

  clear(): void {
    this.#pages.clear();
    this.#index.clear();
    this.#size = 0;
  }

  /** The oldest first; the one that was just given may be removed. */
  [Symbol.iterator](): Iterator<Entry> {
    return this.#pages[Symbol.iterator]();
  }

  #removeAt(number: number): void {
    this.#pages.remove(number);
    if (--this.#size === 0) this.#index.clear();
  }
}
