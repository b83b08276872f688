/** Finding keys by SCAN: those that existed before the recipe, and those whose changes the stream no longer holds. */
import type { Redis } from "ioredis";
import type { Bytes } from "../model.js";

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
  readonly take: (keys: readonly Bytes[]) => Promise<void>;
  readonly onProgress: (progress: ScanProgress) => void;
}

const COUNT = 1000;

/** Every key that exists from the beginning to the end of the scan is found, some more than once. */
export async function scanKeys(options: ScanOptions): Promise<void> {
  const { redis, signal } = options;
  const pattern = Buffer.from(`${escapeGlob(options.head)}*`, "latin1");
  const keys = await redis.dbsize();
  let scanned = 0;
  let cursor = "0";
  do {
    const [next, found] = (await redis.callBuffer("SCAN", cursor, "MATCH", pattern, "COUNT", COUNT)) as [Buffer, Buffer[]];
    signal.throwIfAborted();
    cursor = next.toString();
    scanned += found.length;
    await options.take(found.map((key) => key.toString("latin1")));
    options.onProgress({ scanned, keys: Math.max(keys, scanned) });
  } while (cursor !== "0");
}

/** The pattern that matches exactly these characters. */
export function escapeGlob(text: string): string {
  return text.replace(/[*?[\]\\^-]/g, "\\$&");
}
