/**
 * Rows and checkpoint into the table, in one transaction, for as long as it takes.
 *
 *     write(batch) ──▶ committed
 *        │ lost connection, dead-lock, missing table, …: wait, open again, look at the stored token:
 *        │     next's: it was committed after all · ours: once more · another: somebody has overtaken us
 *        │     (what is in doubt may still land, until another write has moved the token)
 *        └ a row is refused: take the batch apart until it is alone; the parts carry the old `low` (invariant 5)
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Opened, Sink } from "../connectors/connector.js";
import { explain, RefusedRowsError, SupersededError } from "../errors.js";
import type { Batch, Checkpoint, Row } from "../model.js";
import { Backoff } from "../backoff.js";
import { stay } from "./checkpoints.js";
import { orAbort } from "../or-abort.js";
import { batchOf, type Item } from "./rows.js";

const EMPTY: Batch = { upserts: [], deletes: [] };

export interface WriterOptions {
  readonly sink: Sink;
  /** What is stored for this partition now. */
  readonly checkpoint: Checkpoint;
  /** Whether no two items can have one id; where it is not said, they can. */
  readonly areDistinct?: () => boolean;
  /** A row that the database does not take; resolves when it is safe elsewhere. */
  readonly refuse: (item: Item, error: string) => Promise<void>;
  /** It cannot be written now, because of this; undefined: it can again. */
  readonly onTrouble: (reason: string | undefined) => void;
  /** The sink was opened again: the catalog may say something new. */
  readonly onOpened: (opened: Opened) => void;
  /** These are in the table: also when that turns out after their `write` was aborted. */
  readonly onWritten?: (items: readonly Item[]) => void;
}

/** One transaction that was sent. */
interface Attempt {
  readonly items: readonly Item[];
  readonly next: Checkpoint;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #backoff = new Backoff();
  #checkpoint: Checkpoint;
  /** Of which nobody knows what became of them: one of these, or `#checkpoint`, is stored. */
  #doubts: readonly Attempt[] = [];
  #mustOpen = false;
  /** The token has moved: the next look at what is stored leaves no doubt. */
  #isLastLook = false;
  #isFailing = false;
  #giveUp: (() => void) | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#checkpoint = options.checkpoint;
  }

  /** What is stored for this partition, as far as we know. */
  get checkpoint(): Checkpoint {
    return this.#checkpoint;
  }

  /** Before the next write the sink connects afresh. */
  reopen(): void {
    this.#mustOpen = true;
  }

  /** Whether a write can be sent without connecting first. */
  get isReady(): boolean {
    return !this.#mustOpen;
  }

  /** Somebody else is to try: calls `abort`, which ends the signal, if attempts are failing, or else when the next one does. */
  giveUpBy(abort: () => void): void {
    this.#giveUp = abort;
    if (this.#isFailing) abort();
  }

  /**
   * Connects where that has to come first, for as long as it takes: rows are to be made for the table as it is now.
   * Throws `SupersededError`, or when aborted.
   */
  async ready(signal: AbortSignal): Promise<void> {
    while (this.#mustOpen) {
      try {
        await this.#openAgain(signal);
      } catch (error) {
        await this.#waitOut(error, signal);
      }
    }
  }

  /** Returns when every item is in the table or refused, and `next` is stored. Throws `SupersededError`, or when aborted. */
  async write(items: readonly Item[], next: Checkpoint, signal: AbortSignal): Promise<void> {
    if (await this.#commit(items, next, signal)) return;
    await this.#takeApart(items, next.high, signal);
    await this.#commit([], next, signal);
  }

  async #takeApart(items: readonly Item[], high: number, signal: AbortSignal): Promise<void> {
    for (const part of partsOf(items, this.#suspects)) {
      if (await this.#commit(part, stay(this.#checkpoint, high), signal)) continue;
      if (part.length > 1) await this.#takeApart(part, high, signal);
      else await orAbort(this.#options.refuse(part[0] as Item, this.#refusal), signal);
    }
  }

  #refusal = "";
  /** The rows that the database has named. */
  #suspects: ReadonlySet<Row> = new Set();

  /** One transaction, tried until it is known to be committed (true) or a row of it is refused (false). */
  async #commit(items: readonly Item[], next: Checkpoint, signal: AbortSignal): Promise<boolean> {
    const { sink } = this.#options;
    const batch = items.length > 0 ? batchOf(items, this.#options.areDistinct?.()) : EMPTY;
    for (;;) {
      signal.throwIfAborted();
      try {
        if (this.#mustOpen) await this.#openAgain(signal);
        if (this.#checkpoint.token !== next.token) await this.#send(batch, { items, next }, signal);
        if (this.#checkpoint.token === next.token) return this.#isHealthy();
      } catch (error) {
        if (sink.classify(error) === "reject" && items.length > 0 && !signal.aborted) {
          this.#refusal = explain(error);
          this.#suspects = new Set(error instanceof RefusedRowsError ? error.rows.map(({ row }) => row) : []);
          return false;
        }
        await this.#waitOut(error, signal);
      }
    }
  }

  async #send(batch: Batch, attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { sink } = this.#options;
    const { next } = attempt;
    try {
      await sink.write(batch, [{ partition: next.partition, from: this.#checkpoint.token, to: next }], signal);
      this.#committed(attempt);
    } catch (error) {
      const kind = sink.classify(error);
      if (kind === "superseded" && this.#doubts.length > 0 && !this.#isLastLook) {
        // It may have been ourselves: an attempt that was given up has landed late.
        this.#mustOpen = this.#isLastLook = true;
        return;
      }
      if (kind !== "superseded" && kind !== "reject" && this.#doubts.at(-1)?.next !== next)
        this.#doubts = [...this.#doubts, attempt];
      throw error;
    }
  }

  async #waitOut(error: unknown, signal: AbortSignal): Promise<void> {
    if (this.#options.sink.classify(error) === "superseded") throw error;
    this.#mustOpen = true;
    this.#isFailing = true;
    this.#giveUp?.();
    signal.throwIfAborted();
    this.#options.onTrouble(explain(error));
    await sleep(this.#backoff.next(), undefined, { signal });
  }

  /** After a failure nobody knows what became of the transaction but the stored token. */
  async #openAgain(signal: AbortSignal): Promise<void> {
    const opened = await this.#options.sink.open(signal);
    const stored = opened.checkpoints.find(({ partition }) => partition === this.#checkpoint.partition);
    const landed = this.#doubts.find(({ next }) => next.token === stored?.token);
    if (landed) this.#committed(landed);
    else if (stored?.token !== this.#checkpoint.token) throw new SupersededError();
    this.#mustOpen = false;
    this.#options.onOpened(opened);
  }

  #committed({ items, next }: Attempt): void {
    this.#checkpoint = next;
    this.#doubts = [];
    this.#isLastLook = false;
    this.#options.onWritten?.(items);
  }

  #isHealthy(): true {
    this.#isFailing = false;
    this.#backoff.reset();
    this.#options.onTrouble(undefined);
    return true;
  }
}

/** Where the database has named rows: all others together, then each of these alone. Where not: two halves. */
function partsOf(items: readonly Item[], suspects: ReadonlySet<Row>): readonly (readonly Item[])[] {
  const named = items.filter(({ row }) => suspects.has(row));
  const others = items.filter(({ row }) => !suspects.has(row));
  const middle = Math.ceil(items.length / 2);
  const parts =
    named.length > 0 ? [others, ...named.map((item) => [item])] : [items.slice(0, middle), items.slice(middle)];
  return parts.filter((part) => part.length > 0);
}
