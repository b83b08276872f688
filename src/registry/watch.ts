/** Tells when the registry may have changed. */
import type { Redis } from "ioredis";
import { clearTimerOnClose } from "../redis/client.js";
import { CHANGED } from "../redis/keys.js";

const TICK_MS = 1_000;
const MAX_DELAY_MS = 2_000;

/**
 * Yields at once, after every message on `wbsync:changed` (several at once count as one), and every second at least: a message
 * that was published while the connection was down is not missed for long. Ends when the signal is aborted; never throws.
 */
export async function* watchChanges(redis: Redis, signal: AbortSignal): AsyncGenerator<void> {
  const bell = new Bell();
  const subscriber = redis.duplicate({
    connectionName: `${redis.options.connectionName ?? "wbsync"}-watch`,
    // Of its own, so that whoever listens to the other connection's retries does not hear of everything twice.
    retryStrategy: (attempt) => Math.min(attempt * 100, MAX_DELAY_MS),
    maxRetriesPerRequest: null,
  });
  clearTimerOnClose(subscriber);
  // Without a subscription (Redis is away, or an ACL forbids the channel) the clock still ticks.
  subscriber.on("error", () => undefined);
  subscriber.on("message", () => bell.ring());
  subscriber.subscribe(CHANGED).catch(() => undefined);
  const timer = setInterval(() => bell.ring(), TICK_MS);
  const onAbort = (): void => bell.ring();
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      yield;
      await bell.rung();
    }
  } finally {
    clearInterval(timer);
    signal.removeEventListener("abort", onAbort);
    subscriber.disconnect();
  }
}

/** Remembers that it was rung until somebody has heard it. */
class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  async rung(): Promise<void> {
    if (!this.#rung) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#rung = false;
    this.#wake = undefined;
  }
}
