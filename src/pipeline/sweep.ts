/**
 * After FLUSHALL with `onFlush: "delete"`: the stream names no keys, so the table is asked which rows it has, and each key is read
 * back; where there is no hash, the row goes. Until that is done no checkpoint may pass the flush: a restart sees it again, and
 * sweeps again; and who waits for it (WAIT) waits for the rows to go.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sink } from "../connectors/connector.js";
import { messageOf } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { Place } from "./place.js";

export interface SweepOptions {
  /** A new sink, for a connection of its own. */
  readonly sink: () => Sink;
  /** Takes ids of rows, composite ones as their parts; resolves when it has room for more. */
  readonly take: (ids: readonly (readonly Bytes[])[], signal: AbortSignal) => Promise<void>;
  /** Resolves when everything taken so far is through. */
  readonly carried: (signal: AbortSignal) => Promise<void>;
  /** `since` has changed. */
  readonly onSettled: () => void;
  readonly log: Logger;
}

const PAGE = 1000;
const RETRY_MS = 1000;

export class Sweep {
  readonly #options: SweepOptions;
  #since: Place | undefined;
  /** There was another flush while a sweep was under way. */
  #next: Place | undefined;
  #wake: () => void = () => {};

  constructor(options: SweepOptions) {
    this.#options = options;
  }

  /** No checkpoint may pass this place; undefined: there is nothing to sweep. */
  get since(): Place | undefined {
    return this.#since;
  }

  /** Everything was flushed by a change that begins here. */
  request(since: Place): void {
    if (this.#since) this.#next ??= since;
    else this.#since = since;
    this.#wake();
  }

  /** Lives until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#since) await this.#sweep(signal);
      else await this.#untilWanted(signal);
    }
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { log, carried, onSettled } = this.#options;
    try {
      await this.#takeAll(signal);
      await carried(signal);
      this.#since = this.#next;
      this.#next = undefined;
      onSettled();
    } catch (error) {
      if (signal.aborted) return;
      log.warn(`the rows of flushed keys could not be listed, trying again: ${messageOf(error)}`);
      await sleep(RETRY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #takeAll(signal: AbortSignal): Promise<void> {
    const { sink: makeSink, take, log } = this.#options;
    const sink = makeSink();
    try {
      await sink.open(signal);
      if (!sink.keys) return log.error("onFlush: this connector cannot tell which rows there are; they stay");
      let after: readonly Bytes[] | undefined;
      do {
        const ids: readonly (readonly Bytes[])[] = await sink.keys(after, PAGE, signal);
        await take(ids, signal);
        after = ids.at(-1);
      } while (after);
    } finally {
      await sink.close();
    }
  }

  async #untilWanted(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
