/** Connections to Redis: opened in one way, with errors that a person can act on. */
import { Redis, type RedisOptions } from "ioredis";
import type { WbsyncError } from "../errors.js";
import { explainRedisError, SILENT } from "./explain.js";
import type { RedisTarget } from "./target.js";

export { explainRedisError } from "./explain.js";
export { describeTarget, parseRedisUrl, type RedisTarget } from "./target.js";

/** How to connect. */
export interface ConnectOptions {
  /** What `CLIENT LIST` shows, e.g. "wbsync-registry". */
  readonly name: string;
  /** Ends the wait for the first connection; it rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /**
   * true: waits until there is a connection, and reconnects with back-off whenever it is lost; commands wait meanwhile.
   * false (the default): fails fast with REDIS_UNREACHABLE, and does not reconnect.
   */
  readonly retry?: boolean;
  /** With `retry`: after so long without an answer the connection is made anew, and a command that was asked is asked again. Default: 30,000 ms. */
  readonly silentMs?: number;
  /** With `retry`: called for every failed attempt. */
  readonly onRetry?: (error: WbsyncError, delayMs: number) => void;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A server that accepts and then says nothing, or loads its data for long, is given up after this. */
const READY_TIMEOUT_MS = 15_000;
const MAX_DELAY_MS = 2_000;
/** A host that vanished sends nothing, not even a reset: the kernel would wait for a quarter of an hour. */
export const SILENT_MS = 30_000;

/** A connection that is ready for commands. Close it with `redis.disconnect()` (or `quit()` to wait for replies). */
export async function connectRedis(target: RedisTarget, options: ConnectOptions): Promise<Redis> {
  options.signal?.throwIfAborted();
  let lastError: unknown;
  const redis = new Redis({
    ...optionsOf(target, options.name),
    ...(options.retry
      ? {
          maxRetriesPerRequest: null,
          socketTimeout: options.silentMs ?? SILENT_MS,
          retryStrategy: (attempt) => {
            const delayMs = Math.min(50 * 2 ** Math.min(attempt - 1, 10), MAX_DELAY_MS);
            options.onRetry?.(explainRedisError(lastError ?? new Error("the connection was lost"), target), delayMs);
            lastError = undefined;
            return delayMs;
          },
        }
      : { maxRetriesPerRequest: 0, retryStrategy: () => null, autoResendUnfulfilledCommands: false }),
  });
  clearTimerOnClose(redis);
  // The first error of an attempt tells most: what follows is its consequence.
  redis.on("error", (error) => (lastError ??= error));
  try {
    await ready(redis, options.retry ? undefined : READY_TIMEOUT_MS, options.signal);
    // ioredis selects by itself, but goes on in database 0 where that is refused.
    if (target.db !== 0) await redis.select(target.db);
  } catch (error) {
    redis.disconnect();
    if (options.signal?.aborted) throw error;
    throw explainRedisError(lastError ?? error, target);
  }
  redis.on("ready", () => (lastError = undefined));
  lastError = undefined;
  return redis;
}

/** ioredis 5 forgets the timer of `socketTimeout` when a connection is lost: it would end the next one (redis/ioredis#2147). */
export function clearTimerOnClose(redis: Redis): void {
  const held = redis as unknown as { socketTimeoutTimer: NodeJS.Timeout | undefined };
  redis.on("close", () => {
    clearTimeout(held.socketTimeoutTimer);
    held.socketTimeoutTimer = undefined;
  });
}

function optionsOf(target: RedisTarget, name: string): RedisOptions {
  return {
    ...(target.path === undefined ? { host: target.host, port: target.port } : { path: target.path }),
    ...(target.username !== undefined && { username: target.username }),
    ...(target.password !== undefined && { password: target.password }),
    ...(target.tls !== undefined && { tls: target.tls }),
    db: target.db,
    connectionName: name,
    connectTimeout: CONNECT_TIMEOUT_MS,
    keepAlive: 10_000,
    lazyConnect: true,
  };
}

async function ready(redis: Redis, timeoutMs: number | undefined, signal: AbortSignal | undefined): Promise<void> {
  let cleanUp = (): void => undefined;
  const outcome = new Promise<void>((resolve, reject) => {
    const onAbort = (): void => reject(signal?.reason as Error);
    const onEnd = (): void => reject(new Error("the connection was closed"));
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => reject(new Error(SILENT)), timeoutMs);
    redis.once("ready", resolve);
    redis.once("end", onEnd);
    signal?.addEventListener("abort", onAbort, { once: true });
    cleanUp = () => {
      clearTimeout(timer);
      redis.off("ready", resolve);
      redis.off("end", onEnd);
      signal?.removeEventListener("abort", onAbort);
    };
  });
  // Its own rejection says no more than the events do, and with retry it speaks of the first attempt only.
  redis.connect().catch(() => undefined);
  try {
    await outcome;
  } finally {
    cleanUp();
  }
}
