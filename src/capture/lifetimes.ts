/** Until when keys live, as far as the stream tells: a key that lives longer cannot have expired. */
import type { Bytes, Change } from "../model.js";

const MAX_KEYS = 100_000;

export class Lifetimes {
  /** Unix time in ms by the server's clock; Infinity: for good. The key seen longest ago comes first. */
  readonly #ends = new Map<Bytes, number>();
  /** The server's clock less ours, in ms, rather too great than too small. */
  #aheadMs: number | undefined;

  /** What the server's clock showed, at or after a moment of ours. */
  setClock(serverMs: number, ownMs: number): void {
    this.#aheadMs = Number.isFinite(serverMs) ? serverMs - ownMs : undefined;
  }

  /** Whether a key that has gone by now may have expired. */
  mayHaveExpired(key: Bytes): boolean {
    const end = this.#ends.get(key);
    return end === undefined || this.#aheadMs === undefined || end <= Date.now() + this.#aheadMs;
  }

  /** Learns from a change. What makes a key anew leaves it without an end, unless nobody knows what it did. */
  follow(change: Change): void {
    switch (change.kind) {
      case "ttl":
        return this.#know(change.key, change.at);
      case "gone":
        return this.#know(change.key, Infinity);
      case "dirty":
        return void this.#ends.delete(change.key);
      case "flushed":
      case "swapped":
        return this.#ends.clear();
      case "set":
      case "unset":
        return;
    }
  }

  clear(): void {
    this.#ends.clear();
  }

  #know(key: Bytes, end: number): void {
    this.#ends.delete(key);
    this.#ends.set(key, end);
    if (this.#ends.size > MAX_KEYS) this.#ends.delete(this.#ends.keys().next().value as Bytes);
  }
}
