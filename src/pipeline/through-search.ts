/**
 * Temporary keys of a write-through that nobody has told us of: written before the recipe, or in a gap of the stream. They are found
 * by SCAN. Until all of them are carried out, no more than what was committed before counts as committed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Bytes } from "../model.js";
import { scanKeys } from "./snapshot.js";

const AGAIN_MS = 500;

export interface ThroughSearchOptions {
  readonly redis: Redis;
  /** What they begin with. */
  readonly head: Bytes;
  readonly onFound: (key: Bytes) => void;
  /** Whether something that was found is still to be carried out. */
  readonly isLeft: () => boolean;
}

export class ThroughSearch {
  readonly #options: ThroughSearchOptions;
  #isDue = false;
  #heldAt: number | undefined;

  constructor(options: ThroughSearchOptions) {
    this.#options = options;
  }

  /** It has to be made. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** No more than this offset counts as committed; undefined: nothing is missing. */
  get heldAt(): number | undefined {
    return this.#heldAt;
  }

  /** Something is missing that came after this offset. */
  miss(committed: number): void {
    this.#isDue = true;
    this.#heldAt = Math.min(committed, this.#heldAt ?? Infinity);
  }

  /** Looks for them, once; where it fails it is due again. */
  async run(signal: AbortSignal): Promise<void> {
    const { redis, head, onFound } = this.#options;
    this.#isDue = false;
    const take = async (keys: readonly Bytes[]) => keys.forEach(onFound);
    try {
      await scanKeys({ redis, head, signal, take, onProgress: () => undefined });
    } catch (error) {
      this.#isDue = true;
      await sleep(AGAIN_MS, undefined, { signal });
      if (signal.aborted) throw error;
    }
  }

  /** Something was carried out: it may have been the last of what was missing. */
  review(): void {
    if (!this.#isDue && !this.#options.isLeft()) this.#heldAt = undefined;
  }
}
