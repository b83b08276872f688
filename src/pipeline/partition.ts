/**
 * One partition of one recipe: its buffer, its connection, its checkpoint, and the loop that carries the one into the other.
 *
 *     buffer ──take──▶ resolve (read, transform, map) ──▶ write (rows + checkpoint) ──▶ acknowledge ──▶ …
 */
import { performance } from "node:perf_hooks";
import type { Buffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Bytes, Change, Checkpoint, Position } from "../model.js";
import { orAbort } from "../or-abort.js";
import { Gate } from "./gate.js";
import { Progress } from "./progress.js";
import { type Resolver, shownValues } from "./resolve.js";
import type { Item, RowMaker } from "./rows.js";
import { type End, Schedule } from "./schedule.js";
import type { Whole } from "./whole.js";
import type { Writer } from "./write.js";

export interface PartitionOptions {
  readonly batch: number;
  readonly durationMs: number;
  readonly buffer: Buffer;
  readonly resolver: Resolver;
  readonly rows: RowMaker;
  readonly writer: Writer;
  readonly whole: Whole;
  readonly fieldNames: readonly string[];
  /** What the checkpoint says of the present history: up to where everything is in the table; 0: nothing of it. */
  readonly resumeLow: number;
  /** What it says of the newest offset that any row reflects. */
  readonly resumeHigh: number;
}

export class Partition {
  readonly #options: PartitionOptions;
  readonly buffer: Buffer;
  /** Replaced when the table has changed. */
  rows: RowMaker;
  readonly #progress: Progress;
  readonly #schedule: Schedule;
  readonly #gate: Gate;
  #inFlight: readonly Entry[] = [];
  #inFlightFirst = Infinity;
  #isCarrying = false;
  /** Set where the history was lost while a batch was under way. */
  #movedTo: Position | undefined;
  /** Ends attempts that fail, once somebody else is to make them. */
  readonly #patience = new AbortController();

  constructor(options: PartitionOptions) {
    const { batch, durationMs, buffer, rows, writer, whole, resumeLow: low, resumeHigh: high } = options;
    this.#options = options;
    this.buffer = buffer;
    this.rows = rows;
    const progress = new Progress({ buffer, whole, stored: () => writer.checkpoint, low, high });
    const schedule = new Schedule({ batch, durationMs, buffer, progress, whole });
    this.#progress = progress;
    this.#schedule = schedule;
    this.#gate = new Gate(() => schedule.waitMs());
  }

  get checkpoint(): Checkpoint {
    return this.#progress.stored;
  }

  /** The newest offset that any row may reflect. */
  get high(): number {
    return this.#progress.high;
  }

  /** Whether a transaction is under way. */
  get isWriting(): boolean {
    return this.#isCarrying;
  }

  /** Keys that are not yet in the table. */
  get size(): number {
    return this.buffer.size + this.#inFlight.length;
  }

  /** Whether changes that end here were carried before a restart: the stream begins where the partition that is last has to go on. */
  isPast(end: number): boolean {
    return this.#progress.isPast(end);
  }

  /** Whether changes of this key are not yet in the table. */
  holds(key: Bytes): boolean {
    return this.buffer.has(key) || this.#inFlight.some((entry) => entry.key === key);
  }

  /** Where the oldest change begins that is not yet in the table; Infinity: there is none. */
  get oldest(): number {
    return Math.min(this.#inFlightFirst, this.buffer.oldest()?.offset ?? Infinity);
  }

  /** Everything up to this offset is in the table (invariant 1). */
  committed(): number {
    const { whole } = this.#options;
    return Math.min(this.oldest, whole.captured().offset, whole.floor()?.offset ?? Infinity);
  }

  /** Whether keys that a SCAN has found, or is to find, may not be in the table yet, or a restart would look for them again. */
  get isSnapshotPending(): boolean {
    return this.checkpoint.snapshot === "pending" || this.oldest <= this.#options.whole.scanEndedAt();
  }

  /** A key whose row may differ, whatever the stream says. */
  touch(key: Bytes): Entry {
    return this.buffer.touch(key, this.#options.whole.captured(), performance.now());
  }

  /** Every key of the database went; also those whose rows are being written just now. */
  flushed(change: Change): void {
    this.buffer.flushed(change.end);
  }

  /** Every key of the database may have become another. */
  swapped(change: Change): void {
    this.buffer.swapped(change.end);
  }

  /** Looks whether there is something to do. */
  wake(): void {
    this.#gate.wake();
  }

  /** Somebody waits: do not wait for a batch to fill. */
  hurry(): void {
    this.#schedule.hurry();
    this.wake();
  }

  setPaused(isPaused: boolean): void {
    this.#schedule.pause(isPaused);
    this.wake();
  }

  /**
   * The loop ends after the batch under way (before it, where the database does not take it: a successor may fare better), or when
   * everything captured until now is written.
   */
  end(when: End): void {
    if (this.#schedule.end(when) === "at the next batch") this.#options.writer.giveUpBy(() => this.#patience.abort());
    this.wake();
  }

  /** Before the next write the database is connected afresh. */
  reconnect(): void {
    this.#options.writer.reopen();
  }

  /** The stream goes on in another place: what is buffered is read back, and nothing older counts. */
  rebase(at: Position): void {
    this.buffer.rebase(at, performance.now());
    this.#progress.rebase(at);
    this.#schedule.rebase(at);
    if (!this.#isCarrying) return;
    this.#movedTo = at;
    this.#inFlightFirst = at.offset;
  }

  /** Carries changes into the table until it is ended or aborted. What could not be written is in the buffer afterwards. */
  async run(signal: AbortSignal): Promise<void> {
    const { writer } = this.#options;
    const either = AbortSignal.any([signal, this.#patience.signal]);
    for (;;) {
      await this.#gate.pass(signal);
      if (this.#schedule.isAtEnd) return;
      try {
        if (!writer.isReady) {
          await writer.ready(either);
          continue;
        }
        this.#isCarrying = true;
        await this.#carry(this.#take(), either);
      } catch (error) {
        this.#putBack();
        if (this.#patience.signal.aborted && !signal.aborted) return;
        throw error;
      } finally {
        this.#isCarrying = false;
        this.#inFlight = [];
        this.#inFlightFirst = Infinity;
      }
    }
  }

  #take(): readonly Entry[] {
    this.#movedTo = undefined;
    this.#inFlight = this.buffer.take(this.#options.batch, this.#options.whole.captured().offset);
    this.#inFlightFirst = this.#inFlight.reduce((first, entry) => Math.min(first, entry.first), Infinity);
    for (const entry of this.#inFlight) entry.isRefused = false;
    return this.#inFlight;
  }

  #putBack(): void {
    if (this.#movedTo) this.buffer.putBackRebased(this.#inFlight, this.#movedTo, performance.now());
    else this.buffer.putBack(this.#inFlight);
    this.#inFlight = [];
  }

  async #carry(taken: readonly Entry[], signal: AbortSignal): Promise<void> {
    const { resolver, whole } = this.#options;
    const { items, refused, absent } = await resolver.resolve(taken, this.rows, signal);
    if (refused.length > 0) await orAbort(whole.refuse(refused), signal);
    const captured = whole.captured();
    // What was read belongs to a history that is no more: everything is read again.
    if (this.#movedTo) return this.#putBack();
    if (absent.length > 0) this.#defer(absent);
    await this.#write(items, captured, signal);
  }

  /** Not there: capture will tell why, as soon as it is past that moment. */
  #defer(absent: readonly Entry[]): void {
    for (const entry of absent) this.buffer.putBackAbsent(entry);
    const deferred = new Set(absent);
    this.#inFlight = this.#inFlight.filter((entry) => !deferred.has(entry));
  }

  async #write(items: readonly Item[], captured: Position, signal: AbortSignal): Promise<void> {
    const { writer, whole } = this.#options;
    const entries = this.#inFlight;
    let deletes = 0;
    for (const item of items) if (item.kind === "delete") deletes++;
    if (deletes > 0) whole.allowDeletes(deletes);
    await writer.write(items, this.#progress.next(entries, captured), signal);
    this.#schedule.wrote();
    this.#isCarrying = false;
    this.#inFlight = [];
    this.#inFlightFirst = Infinity;
    this.buffer.settle();
    await orAbort(whole.wrote(entries, { upserts: items.length - deletes, deletes }), signal);
  }

  /** A row that the database refused when it was alone. */
  refuse(item: Item, error: string): Promise<void> {
    const values = shownValues(item.entry.values, this.#options.fieldNames);
    return this.#options.whole.refuse([{ entry: item.entry, operation: item.kind, values, error }]);
  }
}
