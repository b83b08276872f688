/** Waits until capture has seen what clients have written so far: what an orderly end still carries. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";

/** The stream is milliseconds behind; where it is not, the next run carries the rest. */
const PATIENCE_MS = 2000;

/** Returns when `captured` has passed the server's offset of now, or after two seconds. */
export async function catchUp(redis: Redis, captured: () => number | undefined, signal: AbortSignal): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  const target = await serverOffset(redis, AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]));
  while (target !== undefined && performance.now() < end) {
    const offset = captured();
    if (offset === undefined || offset >= target) return;
    await sleep(2, undefined, { signal });
  }
}

/** undefined where the server does not answer. */
async function serverOffset(redis: Redis, signal: AbortSignal): Promise<number | undefined> {
  const silence = sleep(PATIENCE_MS, undefined, { signal }).catch(() => undefined);
  const role = await Promise.race([redis.call("ROLE").catch(() => undefined), silence]);
  return Array.isArray(role) ? Number(role[1]) : undefined;
}
