/**
 * How many rows a prepared multi-row statement has. Each size is a statement of its own that the server has to parse and both sides
 * keep, so there are eight sizes from one power of two to the next, and most batches are two statements. A size that comes again and
 * again (the full batch, under load) is worth a statement of its own.
 */
export class StatementSizes {
  /** By name: the count that came last, and how often in a row. */
  readonly #last = new Map<string, { count: number; times: number }>();

  /** The sizes that make up `count` rows of the statement of this name. */
  split(name: string, count: number): readonly number[] {
    if (count === 0) return [];
    if (this.#timesInARow(name, count) >= OFTEN) return [count];
    const sizes: number[] = [];
    for (let rest = count; rest > 0;) {
      const size = sizeWithin(rest);
      sizes.push(size);
      rest -= size;
    }
    return sizes;
  }

  #timesInARow(name: string, count: number): number {
    const last = this.#last.get(name);
    const times = last?.count === count ? last.times + 1 : 1;
    this.#last.set(name, { count, times });
    return times;
  }
}

const OFTEN = 3;

/** The largest size that is not above this. */
function sizeWithin(rows: number): number {
  const step = Math.max(1, 2 ** (Math.floor(Math.log2(rows)) - 3));
  return Math.floor(rows / step) * step;
}
