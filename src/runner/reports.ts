/** What a recipe's task says of itself: its state in the log, and its status in Redis, every second and soon after a change. */
import { messageOf } from "../errors.js";
import type { Logger } from "../observe/logger.js";
import type { State, Status } from "../registry/types.js";
import { lastWord } from "./last-word.js";

const INTERVAL_MS = 1000;
/** Changes of state are told soon, but not each of a burst. */
const SOON_MS = 20;
const PROGRESS_INTERVAL_MS = 2000;

export interface ReportsOptions {
  readonly log: Logger;
  /** The version that is spoken of. */
  readonly version: () => string;
  /** Stores the status in Redis. */
  readonly store: () => Promise<void>;
}

export class Reports {
  readonly #options: ReportsOptions;
  #state: State = "starting";
  #reason: string | undefined;
  #code: string | undefined;
  #since = Date.now();
  #beat = 0;
  #beating: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #lastProgress = 0;
  /** No other runner executes the recipe, as far as we know: only then is our report the one that counts. */
  counts = false;

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  get state(): State {
    return this.#state;
  }

  /** These parts of the status. */
  get parts(): Pick<Status, "beat" | "since" | "state" | "reason" | "code"> {
    const [reason, code] = [this.#reason, this.#code];
    return {
      beat: this.#beat,
      since: this.#since,
      state: this.#state,
      ...(reason !== undefined && { reason }),
      ...(code !== undefined && { code }),
    };
  }

  begin(): void {
    this.#beating = setInterval(() => void this.#report(), INTERVAL_MS);
  }

  /** The last report, which Redis may or may not take. */
  async end(): Promise<void> {
    clearInterval(this.#beating);
    this.become("stopped");
    clearTimeout(this.#soon);
    await lastWord(this.#report(), AbortSignal.abort());
  }

  /** `code`: what kind of error the reason is. */
  become(state: State, reason?: string, code?: string): void {
    if (this.#state === state && this.#reason === reason) return;
    const { log, version } = this.#options;
    const before = this.#state;
    this.#state = state;
    this.#reason = reason;
    this.#code = code;
    this.#since = Date.now();
    const text = `${state}${reason === undefined ? "" : `: ${reason}`}`;
    if (state === "failing" || state === "halted") log.error(text);
    else if (before !== state) log.info(`${text} (version ${version()})`);
    this.soon();
  }

  /** Something else of the status is news. */
  soon(): void {
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      void this.#report();
    }, SOON_MS);
  }

  /** Tells how far a snapshot is, now and then. */
  showProgress({ scanned, keys }: { readonly scanned: number; readonly keys: number }, rows: number): void {
    if (scanned === 0 || Date.now() - this.#lastProgress < PROGRESS_INTERVAL_MS) return;
    this.#lastProgress = Date.now();
    const [found, held, written] = [scanned, keys, rows].map((count) => count.toLocaleString("en"));
    this.#options.log.info(`snapshot: ${found} keys found (the server holds ${held}), ${written} rows written`);
  }

  async #report(): Promise<void> {
    if (!this.counts) return;
    this.#beat++;
    try {
      await this.#options.store();
    } catch (error) {
      this.#options.log.debug(`the status could not be stored: ${messageOf(error)}`);
    }
  }
}
