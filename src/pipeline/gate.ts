/** Waits until it is time: woken by changes, by the clock, or by the signal. */
import { performance } from "node:perf_hooks";

export class Gate {
  /** How long to wait from now, in ms; 0 or less: no longer; Infinity: until woken. */
  readonly #waitMs: () => number;
  #deadline = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #open: (() => void) | undefined;

  constructor(waitMs: () => number) {
    this.#waitMs = waitMs;
  }

  /** Something has changed: look again how long to wait. Cheap, and called for every chunk of changes. */
  wake(): void {
    if (!this.#open) return;
    const ms = this.#waitMs();
    if (ms <= 0) this.#open();
    else if (performance.now() + ms < this.#deadline) this.#setTimer(ms);
  }

  async pass(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#waitMs() > 0) {
      await new Promise<void>((resolve) => {
        this.#open = () => resolve();
        signal.addEventListener("abort", this.#open, { once: true });
        this.#setTimer(this.#waitMs());
      });
      if (this.#open) signal.removeEventListener("abort", this.#open);
      this.#open = undefined;
      clearTimeout(this.#timer);
      signal.throwIfAborted();
    }
  }

  #setTimer(ms: number): void {
    clearTimeout(this.#timer);
    this.#deadline = performance.now() + ms;
    // A timer may fire a little early, and then `pass` waits once more; and it cannot wait longer than this.
    this.#timer = ms > 0x7fffffff ? undefined : setTimeout(() => this.#open?.(), Math.ceil(ms));
  }
}
