/**
 * Time that passes when the schedule says so. It takes the place of timers and of the monotonic clock for everything in this
 * process, which is why the model has a test file of its own.
 */
import { syncBuiltinESMExports } from "node:module";
import timers from "node:timers/promises";

type Callback = () => void;

export class FakeClock {
  #nowMs = 1000;
  readonly #timers = new Map<object, { at: number; call: Callback }>();
  readonly #real = { setTimeout, clearTimeout, sleep: timers.setTimeout, now: performance.now.bind(performance) };

  /** From now on time stands still. */
  install(): void {
    performance.now = () => this.#nowMs;
    globalThis.setTimeout = ((call: Callback, ms = 0) => this.#add(call, ms)) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((timer: object) => void this.#timers.delete(timer)) as typeof clearTimeout;
    timers.setTimeout = ((ms: number, value: unknown, options?: { signal?: AbortSignal }) =>
      this.#sleep(ms, value, options?.signal)) as typeof timers.setTimeout;
    syncBuiltinESMExports();
  }

  uninstall(): void {
    performance.now = this.#real.now;
    globalThis.setTimeout = this.#real.setTimeout;
    globalThis.clearTimeout = this.#real.clearTimeout;
    timers.setTimeout = this.#real.sleep;
    syncBuiltinESMExports();
  }

  /** Nobody waits any more. */
  clear(): void {
    this.#timers.clear();
  }

  /** Whether somebody waits for a moment. */
  get isWaitedFor(): boolean {
    return this.#timers.size > 0;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const [timer, { at, call }] of [...this.#timers]) {
      if (at <= this.#nowMs && this.#timers.delete(timer)) call();
    }
  }

  #add(call: Callback, ms: number): object {
    const timer = {};
    this.#timers.set(timer, { at: this.#nowMs + ms, call });
    return timer;
  }

  #sleep(ms: number, value: unknown, signal?: AbortSignal): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const abort = () => {
        this.#timers.delete(timer);
        reject(signal?.reason as Error);
      };
      const timer = this.#add(() => {
        signal?.removeEventListener("abort", abort);
        resolve(value);
      }, ms);
      signal?.addEventListener("abort", abort, { once: true });
    });
  }
}
