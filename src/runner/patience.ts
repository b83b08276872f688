/** Waiting that ends early when there is news. */
import { setTimeout as sleep } from "node:timers/promises";
import { Backoff } from "../backoff.js";

/** As long as a timer can be set to: 25 days. */
const FOR_EVER_MS = 2 ** 31 - 1;

export class Patience {
  readonly #backoff = new Backoff({ maxMs: 10_000 });
  #nudge = new AbortController();

  /** Waits longer each time, and `moreMs` on top; to the signal or the next nudge at most. */
  async wait(signal: AbortSignal, moreMs = 0): Promise<void> {
    await this.#sleep(this.#backoff.next() + moreMs, signal);
  }

  /** Waits until it is so, which is looked at with every nudge. */
  async until(isSo: () => boolean, signal: AbortSignal): Promise<void> {
    while (!isSo() && !signal.aborted) await this.#sleep(FOR_EVER_MS, signal);
  }

  /** There is news: whoever waits looks again. */
  nudge(): void {
    this.#nudge.abort();
  }

  /** It works: the next wait is a short one. */
  reset(): void {
    this.#backoff.reset();
  }

  async #sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.#nudge = new AbortController();
    await sleep(ms, undefined, { signal: AbortSignal.any([signal, this.#nudge.signal]) }).catch(() => undefined);
  }
}
