/**
 * Entries in a row, each with a number that it keeps. Neither entries nor their neighbours know of each other: what is old and gone
 * then keeps nothing young alive, and an entry is three fields smaller.
 */
import type { Entry } from "./entry.js";

/** Entries of a page, as a power of two. */
const PAGE_BITS = 10;
const PAGE = 1 << PAGE_BITS;

type Page = (Entry | undefined)[];

const newPage = (): Page => new Array<Entry | undefined>(PAGE).fill(undefined);

export class EntryPages {
  #pages: Page[] = [];
  /** The number of the first place of the first page. */
  #base: number;
  /** The number of the first entry, and that of the next one to come. */
  #head: number;
  #tail: number;

  /** `start`: the first entry's number. */
  constructor(start = 0) {
    this.#base = this.#head = this.#tail = start;
  }

  /** The number of the first entry, where there is one. */
  get head(): number {
    return this.#head;
  }

  /** The number of the next entry to come. */
  get tail(): number {
    return this.#tail;
  }

  get first(): Entry | undefined {
    return this.#head === this.#tail ? undefined : this.at(this.#head);
  }

  /** undefined: it has gone. Of the number the lower 32 bits are enough. */
  at(number: number): Entry | undefined {
    const place = this.#placeOf(number);
    return this.#pages[place >> PAGE_BITS]?.[place & (PAGE - 1)];
  }

  /** Behind all others; returns its number. */
  push(entry: Entry): number {
    const place = this.#placeOf(this.#tail);
    (this.#pages[place >> PAGE_BITS] ??= newPage())[place & (PAGE - 1)] = entry;
    return this.#tail++;
  }

  /** Before all others; returns its number. */
  unshift(entry: Entry): number {
    if (this.#head === this.#base) {
      this.#pages.unshift(newPage());
      this.#base -= PAGE;
    }
    const place = this.#placeOf(--this.#head);
    (this.#pages[place >> PAGE_BITS] as Page)[place & (PAGE - 1)] = entry;
    return this.#head;
  }

  remove(number: number): void {
    const place = this.#placeOf(number);
    (this.#pages[place >> PAGE_BITS] as Page)[place & (PAGE - 1)] = undefined;
    while (this.#head < this.#tail && this.at(this.#head) === undefined) this.#head++;
    if (this.#head === this.#tail) this.#reuse();
    else if (this.#head - this.#base >= PAGE) this.#dropPages();
  }

  clear(): void {
    this.#pages = [];
    this.#base = this.#head = this.#tail = 0;
  }

  /** The first one first; the one that was just given may be removed. */
  *[Symbol.iterator](): Generator<Entry> {
    for (let number = this.#head; number < this.#tail; number++) {
      const entry = this.at(number);
      if (entry) yield entry;
    }
  }

  #placeOf(number: number): number {
    return (number - this.#base) | 0;
  }

  /** All have gone. */
  #reuse(): void {
    this.#pages.length = Math.min(this.#pages.length, 1);
    this.#base = this.#head = this.#tail = 0;
  }

  #dropPages(): void {
    const gone = (this.#head - this.#base) >> PAGE_BITS;
    this.#pages.splice(0, gone);
    this.#base += gone * PAGE;
  }
}
