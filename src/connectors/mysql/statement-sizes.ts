/**
 * How many rows a prepared multi-row statement has. Each size is a statement of its own that the server has to parse and both
 * sides keep, so batches are split into powers of two, of which there are few. A size that comes again and again (the full
 * batch, under load) is worth a statement of its own.
 */
export class StatementSizes {
  readonly #seen = new Map<string, Map<number, number>>();

  /** The sizes that make up `count` rows of the statement of this name. */
  split(name: string, count: number): readonly number[] {
    if (count === 0) return [];
    if (this.#isFrequent(name, count)) return [count];
    const sizes: number[] = [];
    for (let rest = count; rest > 0;) {
      const size = 2 ** Math.floor(Math.log2(rest));
      sizes.push(size);
      rest -= size;
    }
    return sizes;
  }

  #isFrequent(name: string, count: number): boolean {
    const seen = this.#seen.get(name) ?? new Map<number, number>();
    this.#seen.set(name, seen);
    const times = (seen.get(count) ?? 0) + 1;
    seen.set(count, times);
    if (seen.size > MAX_REMEMBERED) {
      // Forget what was seen once or twice; what is in use stays prepared.
      for (const [size, n] of seen) if (n < FREQUENT) seen.delete(size);
      if (seen.size > MAX_REMEMBERED) seen.clear();
    }
    return times >= FREQUENT;
  }
}

const FREQUENT = 3;
const MAX_REMEMBERED = 32;
