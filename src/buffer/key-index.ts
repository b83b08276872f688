/**
 * Finds entries by their keys: their hashes lie side by side, each with the entry's number, so one look at memory tells that a key is
 * not there. A Map of V8 looks at three places, and in a buffer of hundreds of thousands of keys that is what a new key costs most; and
 * of what is here the garbage collector knows nothing.
 */
import { randomInt } from "node:crypto";
import type { Bytes } from "../model.js";
import type { EntryPages } from "./entry-pages.js";

/** Places at the beginning; a power of two, like every size after it. */
const LEAST = 64;
/** So many are kept when there is nothing to find. */
const KEPT = 4096;
/** Not the same in any two processes, so that nobody can choose keys that all fall into one place. */
const SEED = randomInt(2 ** 32) | 0;

export class KeyIndex {
  readonly #pages: EntryPages;
  /** Of each place a hash, or 0, where it is free; and a number. What has left the pages, or moved in them, stays here until the next `#rebuild`. */
  #places = new Int32Array(2 * LEAST);
  #mask = LEAST - 1;
  #used = 0;

  constructor(pages: EntryPages) {
    this.#pages = pages;
  }

  /** The number of this key's entry; undefined: it has none. */
  find(key: Bytes): number | undefined {
    const hash = hashOf(key);
    const places = this.#places;
    for (let place = hash & this.#mask; places[2 * place] !== 0; place = (place + 1) & this.#mask) {
      if (places[2 * place] !== hash) continue;
      const number = places[2 * place + 1] as number;
      if (this.#pages.at(number)?.key === key) return number;
    }
    return undefined;
  }

  /** A key that had no entry so far, and has this one in the pages now; `live` is how many have one. */
  add(key: Bytes, number: number, live: number): void {
    if (4 * this.#used > 3 * this.#mask) this.#rebuild(live);
    else this.#put(hashOf(key), number);
  }

  /** All entries have gone. */
  clear(): void {
    if (this.#used === 0) return;
    if (this.#mask >= KEPT) this.#resize(LEAST);
    else this.#places.fill(0);
    this.#used = 0;
  }

  /** Whether the place is that of an entry with this hash that has gone: most likely of the same key. */
  #isGone(place: number, hash: number): boolean {
    return this.#places[2 * place] === hash && this.#pages.at(this.#places[2 * place + 1] as number) === undefined;
  }

  /** From the pages, with room for as many again: what was here may have gone, or stand in another place by now. */
  #rebuild(live: number): void {
    let size = LEAST;
    while (size < 3 * live) size *= 2;
    this.#resize(size);
    const { head, tail } = this.#pages;
    for (let number = head; number < tail; number++) {
      const entry = this.#pages.at(number);
      if (entry) this.#put(hashOf(entry.key), number);
    }
  }

  #put(hash: number, number: number): void {
    const places = this.#places;
    let place = hash & this.#mask;
    while (places[2 * place] !== 0 && !this.#isGone(place, hash)) place = (place + 1) & this.#mask;
    if (places[2 * place] === 0) this.#used++;
    places[2 * place] = hash;
    places[2 * place + 1] = number;
  }

  #resize(size: number): void {
    this.#places = new Int32Array(2 * size);
    this.#mask = size - 1;
    this.#used = 0;
  }
}

/** Never 0. */
function hashOf(key: Bytes): number {
  let hash = SEED;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x5bd1e995);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  hash ^= hash >>> 12;
  return hash === 0 ? 1 : hash;
}
