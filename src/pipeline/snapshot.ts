/**
 * Finding keys by SCAN: those that existed before the recipe, and those whose changes the stream no longer holds. What it finds goes
 * the way of every change; the stream is read at the same time, so nothing falls between the two.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { Backoff } from "../backoff.js";
import { messageOf } from "../errors.js";
import type { Bytes } from "../model.js";
import { orAbort } from "../or-abort.js";
import type { Logger } from "../observe/logger.js";

export interface ScanProgress {
  readonly scanned: number;
  /** Keys in the server when the scan began: an upper bound. */
  readonly keys: number;
}

export interface ScanOptions {
  readonly redis: Redis;
  /** Keys that begin with this. */
  readonly head: Bytes;
  readonly signal: AbortSignal;
  /** Takes the keys found; resolves when it has room for more. */
  readonly take: (keys: readonly Bytes[], signal: AbortSignal) => Promise<void>;
  readonly onProgress: (progress: ScanProgress) => void;
}

const COUNT = 1000;

/**
 * Every key that exists from the beginning to the end of the scan is found, some more than once. Throws where the connection was
 * lost on the way: another process may be behind it now, to which the cursor means something else.
 */
export async function scanKeys(options: ScanOptions): Promise<void> {
  const { redis } = options;
  let isCut = false;
  const onClose = () => (isCut = true);
  redis.once("close", onClose);
  try {
    await scan(options, () => {
      if (isCut) throw new Error("the connection to Redis was lost, and with it the place in the scan");
    });
  } finally {
    redis.off("close", onClose);
  }
}

async function scan(options: ScanOptions, check: () => void): Promise<void> {
  const { redis, signal } = options;
  const pattern = Buffer.from(`${escapeGlob(options.head)}*`, "latin1");
  const keys = await orAbort(redis.dbsize(), signal);
  let scanned = 0;
  let cursor = "0";
  do {
    const reply = await orAbort(redis.callBuffer("SCAN", cursor, "MATCH", pattern, "COUNT", COUNT), signal);
    const [next, found] = reply as [Buffer, Buffer[]];
    check();
    cursor = next.toString();
    scanned += found.length;
    await options.take(
      found.map((key) => key.toString("latin1")),
      signal,
    );
    options.onProgress({ scanned, keys: Math.max(keys, scanned) });
  } while (cursor !== "0");
}

/** The pattern that matches exactly these characters. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, "\\$&");
}

export interface SnapshotOptions extends Omit<ScanOptions, "signal" | "onProgress"> {
  readonly log: Logger;
  /** How far capture is. */
  readonly capturedOffset: () => number;
  readonly onChange: () => void;
}

/** Scans whenever it is asked to, again from the start where it was interrupted. */
export class Snapshot {
  readonly #options: SnapshotOptions;
  #isWanted = false;
  #progress: ScanProgress | undefined;
  #endedAt = -1;
  /** Ends the scan under way. */
  #abort = new AbortController();
  #wake: () => void = () => {};
  readonly #backoff = new Backoff({ firstMs: 500, maxMs: 10_000 });

  constructor(options: SnapshotOptions) {
    this.#options = options;
  }

  /** How far the scan under way has come. */
  get progress(): ScanProgress | undefined {
    return this.#progress ?? (this.#isWanted ? { scanned: 0, keys: 0 } : undefined);
  }

  /** The offset at which the last scan had found every key; Infinity while one is under way or still to be made. */
  get endedAt(): number {
    return this.#isWanted ? Infinity : this.#endedAt;
  }

  request(): void {
    this.#isWanted = true;
    this.#abort.abort();
    this.#wake();
  }

  /** Lives until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (this.#isWanted) await this.#scan(signal);
      else await this.#untilWanted(signal);
    }
  }

  async #scan(signal: AbortSignal): Promise<void> {
    this.#abort = new AbortController();
    const { onChange, log, capturedOffset } = this.#options;
    const abort = this.#abort.signal;
    const onProgress = (progress: ScanProgress) => {
      this.#progress = progress;
      onChange();
    };
    try {
      await scanKeys({ ...this.#options, signal: AbortSignal.any([signal, abort]), onProgress });
      this.#isWanted = false;
      this.#endedAt = capturedOffset();
      this.#backoff.reset();
    } catch (error) {
      if (signal.aborted || abort.aborted) return;
      log.warn(`the snapshot begins again: ${messageOf(error)}`);
      await sleep(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    } finally {
      this.#progress = undefined;
      onChange();
    }
  }

  async #untilWanted(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}
