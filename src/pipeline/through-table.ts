/**
 * Rows of a write-through into the table: in time, or their authors are told that it failed. What was sent by then may be committed
 * all the same. Before anything else is written, the stored token tells, and a row that came too late is made equal to its hash
 * again:
 *
 *     sent ─▶ too late, "failed" ─▶ connected again: is it stored? ─▶ the row of the hash as it is now, and a new token ─▶ …
 *
 * The new token also sees to it that what has not landed by then never will.
 */
import type { Opened, Sink } from "../connectors/connector.js";
import type { Checkpoint } from "../model.js";
import type { WriteGuards } from "./guards.js";
import type { Job, Orders } from "./orders.js";
import type { Item } from "./rows.js";
import { Writer } from "./write.js";

const PATIENCE_MS = 1000;

export interface ThroughTableOptions {
  readonly sink: Sink;
  readonly checkpoint: Checkpoint;
  readonly orders: Orders;
  readonly guards: WriteGuards;
  readonly timeoutMs: number;
  /** The checkpoint after rows that reflect no newer offset than `high`. */
  readonly next: (checkpoint: Checkpoint, high: number) => Checkpoint;
  readonly onTrouble: (reason: string | undefined) => void;
  readonly onOpened: (opened: Opened) => void;
}

export class ThroughTable {
  readonly #options: ThroughTableOptions;
  readonly #writer: Writer;
  #jobs: readonly Job[] = [];
  /** Their authors were told that it failed, and nobody knows whether they are in the table. */
  #inDoubt: readonly Job[] = [];
  readonly #written = new WeakSet<Item>();
  #trouble: string | undefined;

  constructor(options: ThroughTableOptions) {
    this.#options = options;
    this.#writer = new Writer({
      sink: options.sink,
      checkpoint: options.checkpoint,
      refuse: async (item, error) => {
        const job = this.#jobs.find((candidate) => candidate.item === item);
        if (job) job.error = error;
      },
      onTrouble: (reason) => {
        this.#trouble = reason;
        options.onTrouble(reason);
      },
      onOpened: options.onOpened,
      onWritten: (items) => {
        for (const item of items) this.#written.add(item);
      },
    });
  }

  /** What is stored, as far as we know. */
  get checkpoint(): Checkpoint {
    return this.#writer.checkpoint;
  }

  /** Rows may differ from their hashes until something is written again. */
  get isInDoubt(): boolean {
    return this.#inDoubt.length > 0;
  }

  reopen(): void {
    this.#writer.reopen();
  }

  /** Into the table, in time or not at all: a job that has an `error` afterwards is not, or will not stay. */
  async write(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const { timeoutMs } = this.#options;
    const late = new AbortController();
    // Where nobody waits for an answer, there is time to see to what is in doubt.
    const patienceMs = jobs.length > 0 ? timeoutMs : Math.max(timeoutMs, PATIENCE_MS);
    const timer = setTimeout(() => late.abort(), patienceMs);
    const inTime = AbortSignal.any([signal, late.signal]);
    try {
      if (this.isInDoubt) await this.#makeGood(inTime);
      await this.#send(jobs, inTime);
    } catch (error) {
      if (!late.signal.aborted || signal.aborted) throw error;
      const reason = this.#trouble ?? "it did not answer";
      const message = `the database did not take the write within ${timeoutMs} ms: ${reason}`;
      for (const job of jobs) if (job.item) job.error ??= message;
    } finally {
      clearTimeout(timer);
    }
  }

  async #send(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    this.#jobs = jobs;
    const items = jobs.flatMap(({ item }) => (item ? [item] : []));
    const high = jobs.reduce((highest, { order }) => Math.max(highest, order.end), 0);
    try {
      await this.#write(items, high, signal);
    } catch (error) {
      this.#inDoubt = jobs.filter((job) => job.item && job.error === undefined);
      throw error;
    }
  }

  /** Learns which of them are in the table after all, and writes what their hashes hold now. */
  async #makeGood(signal: AbortSignal): Promise<void> {
    while (this.isInDoubt) {
      await this.#writer.ready(signal);
      const landed = this.#inDoubt.filter((job) => this.#isWritten(job));
      await this.#restore(landed, signal);
      // Those that landed just before the token was moved.
      this.#inDoubt = this.#inDoubt.filter((job) => !landed.includes(job) && this.#isWritten(job));
    }
  }

  async #restore(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const { orders, guards } = this.#options;
    const keys = [...new Set(jobs.map(({ order }) => order.key))];
    const { items, offset } = await orders.restore(keys);
    await this.#write(items, offset, signal);
    // A write-behind beside it may have been overtaken.
    guards.touch(keys);
  }

  async #write(items: readonly Item[], high: number, signal: AbortSignal): Promise<void> {
    await this.#writer.write(items, this.#options.next(this.checkpoint, high), signal);
  }

  #isWritten({ item }: Job): boolean {
    return item !== undefined && this.#written.has(item);
  }
}
