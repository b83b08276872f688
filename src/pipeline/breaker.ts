/** Stops a recipe before it deletes far more than it ever did: the last defence against a mistake in the cache. */
import { HaltedError } from "../errors.js";

const WINDOW_MS = 60_000;
/** Deletes are unusual only when they are more than this part of all rows written. */
const PART_OF_WRITTEN = 0.1;

export class DeleteBreaker {
  readonly #maxPerMinute: number;
  readonly #now: () => number;
  #windowStart = -Infinity;
  #inWindow = 0;

  constructor(maxPerMinute: number, now: () => number = () => performance.now()) {
    this.#maxPerMinute = maxPerMinute;
    this.#now = now;
  }

  /** Counts deletes about to be made; throws `UserError` HALTED where they are too many. `written`: rows written so far. */
  allow(count: number, written: number): void {
    if (this.#now() - this.#windowStart >= WINDOW_MS) this.reset();
    const wanted = this.#inWindow + count;
    if (wanted > this.#maxPerMinute && wanted > written * PART_OF_WRITTEN) {
      throw new HaltedError(
        "ask",
        `it would delete ${wanted} rows within a minute; maxDeletesPerMinute is ${this.#maxPerMinute}, and ${written} rows were written so far`,
        { hint: "See whether these deletes are meant. `wbsync resume` lets them through." },
      );
    }
    this.#inWindow = wanted;
  }

  /** A new minute, or a person who has said that it is right. */
  reset(): void {
    this.#windowStart = this.#now();
    this.#inWindow = 0;
  }
}
