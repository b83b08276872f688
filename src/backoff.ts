/** Waiting times between attempts: doubling, with a little chance in it, reset on health. */
export class Backoff {
  readonly #firstMs: number;
  readonly #maxMs: number;
  #attempts = 0;

  constructor(options: { firstMs?: number; maxMs?: number } = {}) {
    this.#firstMs = options.firstMs ?? 50;
    this.#maxMs = options.maxMs ?? 5000;
  }

  /** How long to wait before the next attempt, in ms. */
  next(): number {
    const delay = Math.min(this.#firstMs * 2 ** Math.min(this.#attempts, 16), this.#maxMs);
    this.#attempts++;
    return Math.round(delay * (0.75 + Math.random() / 2));
  }

  reset(): void {
    this.#attempts = 0;
  }

  /** The first failures may be nothing; those that go on deserve attention. */
  level(): "info" | "warn" {
    return this.#attempts > 3 ? "warn" : "info";
  }
}
