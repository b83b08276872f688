/** The server's counters of keys that it removed by itself, at offsets of one history. */
import type { Counters } from "../model.js";

const MAX_SAMPLES = 4096;

export class Samples {
  /** Ascending by offset. */
  #samples: Counters[] = [];

  add(sample: Counters): void {
    let at = this.#samples.length;
    while (at > 0 && (this.#samples[at - 1] as Counters).offset > sample.offset) at--;
    this.#samples.splice(at, 0, sample);
    if (this.#samples.length <= MAX_SAMPLES) return;
    // Of the older half every other one is enough.
    this.#samples = this.#samples.filter((_, i) => i % 2 === 0 || i > MAX_SAMPLES / 2);
  }

  /** The newest at or before an offset. */
  before(offset: number): Counters | undefined {
    return this.#samples.findLast((sample) => sample.offset <= offset);
  }

  /** The oldest at or after an offset. */
  after(offset: number): Counters | undefined {
    return this.#samples.find((sample) => sample.offset >= offset);
  }

  clear(): void {
    this.#samples = [];
  }
}
