/** A newer version of a recipe, opened beside the one that works: only when that has succeeded does the old one end. */
import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "../backoff.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Registration } from "../registry/types.js";

/** One that could not be opened is tried again after this. */
const RETRY_MS = { firstMs: 1000, maxMs: 30_000 };

/** A version that is open, and waits for the one before it to end. */
export interface Successor {
  readonly pipeline: Pipeline;
  readonly registration: Registration;
}

export interface SuccessionOptions {
  /** Loads and opens a version. */
  readonly open: (registration: Registration, signal: AbortSignal) => Promise<Pipeline>;
  /** It is open: the one that works is to end. */
  readonly onReady: () => void;
  readonly onRefused: (registration: Registration, error: unknown) => void;
  /** Ends every attempt. */
  readonly signal: AbortSignal;
}

export class Succession {
  readonly #options: SuccessionOptions;
  #attempt = new AbortController();
  #successor: Successor | undefined;

  constructor(options: SuccessionOptions) {
    this.#options = options;
  }

  /** Whether a version is open. */
  get isReady(): boolean {
    return this.#successor !== undefined;
  }

  /** Opens this version, for as long as it takes, in place of any other that was to come. */
  async prepare(registration: Registration): Promise<void> {
    const { open, onReady, onRefused } = this.#options;
    this.#attempt.abort();
    this.#attempt = new AbortController();
    const signal = AbortSignal.any([this.#attempt.signal, this.#options.signal]);
    const backoff = new Backoff(RETRY_MS);
    while (!signal.aborted) {
      try {
        const pipeline = await open(registration, signal);
        if (signal.aborted) return await pipeline.close();
        const before = this.#successor;
        this.#successor = { pipeline, registration };
        onReady();
        return await before?.pipeline.close();
      } catch (error) {
        if (signal.aborted) return;
        onRefused(registration, error);
        await sleep(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  /** Hands over what is open. */
  take(): Successor | undefined {
    const successor = this.#successor;
    this.#successor = undefined;
    return successor;
  }

  /** Ends the attempt; what is open already takes over all the same. */
  giveUp(): void {
    this.#attempt.abort();
  }

  async close(): Promise<void> {
    this.giveUp();
    await this.take()?.pipeline.close();
  }
}
