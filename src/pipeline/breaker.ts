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
  #hasTripped = false;
  /** A person has said that it is right: until then nothing is too much. */
  #allowedUntil = -Infinity;

  /** `now` tells the monotonic time in ms. */
  constructor(maxPerMinute: number, now: () => number = () => performance.now()) {
    this.#maxPerMinute = maxPerMinute;
    this.#now = now;
  }

  /** Counts deletes about to be made; throws `HaltedError` where they are too many. `written`: rows written so far. */
  allow(count: number, written: number): void {
    const now = this.#now();
    if (now - this.#windowStart >= WINDOW_MS) this.#begin(now);
    const wanted = this.#inWindow + count;
    if (now >= this.#allowedUntil && wanted > this.#maxPerMinute && wanted > written * PART_OF_WRITTEN) {
      this.#hasTripped = true;
      throw new HaltedError(
        "ask",
        `it would delete ${wanted} rows within a minute; maxDeletesPerMinute is ${this.#maxPerMinute}, and ${written} rows were written so far`,
        {
          hint: "See whether these deletes are meant. `wbsync resume` lets them through, and whatever comes in the next minute.",
        },
      );
    }
    this.#inWindow = wanted;
  }

  /** A person has looked at what tripped it: for a minute everything is let through, or nothing would come of it. */
  reset(): void {
    const now = this.#now();
    if (this.#hasTripped) this.#allowedUntil = now + WINDOW_MS;
    this.#hasTripped = false;
    this.#begin(now);
  }

  #begin(now: number): void {
    this.#windowStart = now;
    this.#inWindow = 0;
  }
}
