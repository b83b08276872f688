/**
 * One partition of one recipe: its buffer, its connection, its checkpoint, and the loop that carries the one into the other.
 *
 *     buffer ──take──▶ resolve (read, transform, map) ──▶ write (rows + checkpoint) ──▶ acknowledge ──▶ …
 */
import { performance } from "node:perf_hooks";
import type { Buffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Bytes, Change, Checkpoint, Counters, Position } from "../model.js";
import { advance } from "./checkpoints.js";
import { Gate } from "./gate.js";
import { orAbort } from "../or-abort.js";
import { earlier, type Place } from "./place.js";
import { type Refusal, type Resolver, shownValues } from "./resolve.js";
import type { Item, RowMaker } from "./rows.js";
import type { Writer } from "./write.js";

/** What a partition asks of the recipe that it is a part of. */
export interface Whole {
  /** The position up to which changes have been delivered. */
  captured(): Position;
  /** Whether the stream is being read. */
  isCapturing(): boolean;
  /** The offset at which the last SCAN had found every key; Infinity while one is under way. */
  scanEndedAt(): number;
  countersAt(offset: number): Counters | undefined;
  /** No checkpoint may pass this place, for a reason that is in no buffer. */
  floor(): Place | undefined;
  /** Rows that cannot be written; resolves when they are safe elsewhere. Throws where the recipe wants to stop. */
  refuse(refused: readonly Refusal[]): Promise<void>;
  /** Asked before rows are deleted: throws where the breaker says no. */
  allowDeletes(count: number): void;
  /** These entries are in the table, or had nothing to write. */
  wrote(entries: readonly Entry[], rows: { readonly upserts: number; readonly deletes: number }): Promise<void>;
}

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

/** An idle partition moves its checkpoint this often, so that the backlog still reaches back to it. */
const IDLE_CHECKPOINT_MS = 5000;

export class Partition {
  readonly #options: PartitionOptions;
  readonly buffer: Buffer;
  /** Replaced when the table has changed. */
  rows: RowMaker;
  readonly #gate = new Gate(() => this.#waitMs());
  /** Changes up to here were carried before a restart. */
  #past: number;
  /** The newest offset that any row may reflect: a batch is taken only once capture has passed it (invariant 4). */
  #high: number;
  #inFlight: readonly Entry[] = [];
  #inFlightFirst = Infinity;
  #isCarrying = false;
  /** Set where the history was lost while a batch was under way. */
  #movedTo: Position | undefined;
  /** Somebody waits for everything up to here. */
  #hurriedUpTo = -1;
  #isPaused = false;
  #ending: "no" | "at the next batch" | "when empty" = "no";
  /** What came after this is left to the next run. */
  #endAt = Infinity;
  /** Ends attempts that fail, once somebody else is to make them. */
  readonly #patience = new AbortController();
  #lastCommit = performance.now();

  constructor(options: PartitionOptions) {
    this.#options = options;
    this.buffer = options.buffer;
    this.rows = options.rows;
    this.#past = options.resumeLow;
    this.#high = options.resumeHigh;
    this.buffer.reflect(options.resumeHigh);
  }

  get checkpoint(): Checkpoint {
    return this.#options.writer.checkpoint;
  }

  /** The newest offset that any row may reflect. */
  get high(): number {
    return this.#high;
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
    return end <= this.#past;
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
    this.#hurriedUpTo = this.#options.whole.captured().offset;
    this.wake();
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.wake();
  }

  /**
   * The loop ends after the batch under way (before it, where the database does not take it: a successor may fare better), or when
   * everything captured until now is written.
   */
  end(when: "at the next batch" | "when empty"): void {
    // Nobody waits for a stream that is lost, and behind what the table reflects already.
    this.#ending = this.#mayWrite() || this.#options.whole.isCapturing() ? when : "at the next batch";
    this.#endAt = this.#options.whole.captured().offset;
    if (this.#ending === "at the next batch") this.#options.writer.giveUpBy(() => this.#patience.abort());
    this.wake();
  }

  /** Before the next write the database is connected afresh. */
  reconnect(): void {
    this.#options.writer.reopen();
  }

  /** The stream goes on in another place: what is buffered is read back, and nothing older counts. */
  rebase(at: Position): void {
    this.buffer.rebase(at, performance.now());
    this.#past = 0;
    this.#high = at.offset;
    this.buffer.reflect(at.offset);
    this.#endAt = at.offset;
    this.#hurriedUpTo = -1;
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
      if (this.#isAtEnd()) return;
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
    await writer.write(items, this.#nextCheckpoint(entries, captured), signal);
    this.#lastCommit = performance.now();
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

  #nextCheckpoint(entries: readonly Entry[], captured: Position): Checkpoint {
    const { whole } = this.#options;
    const oldest = earlier(this.buffer.oldest(), whole.floor());
    const low = oldest && oldest.offset < captured.offset ? { replid: captured.replid, ...oldest } : captured;
    this.#high = entries.reduce((high, entry) => Math.max(high, entry.last), this.#high);
    this.buffer.reflect(this.#high);
    return advance(this.checkpoint, {
      low,
      high: this.#high,
      snapshot: this.#snapshotState(),
      counters: whole.countersAt(low.offset),
    });
  }

  /** Keys found by SCAN are in no stream: until they are written, a restart has to scan again. */
  #snapshotState(): "pending" | "done" {
    const oldest = this.buffer.oldest()?.offset ?? Infinity;
    return oldest > this.#options.whole.scanEndedAt() ? "done" : "pending";
  }

  #isAtEnd(): boolean {
    if (this.#ending === "when empty") return this.#isPaused || (this.#isEmpty() && this.#isStored());
    return this.#ending === "at the next batch";
  }

  /** Nothing is left to write of what has to be written before the end. */
  #isEmpty(): boolean {
    return (this.buffer.oldest()?.offset ?? Infinity) >= this.#endAt;
  }

  /** The checkpoint says so. */
  #isStored(): boolean {
    return this.checkpoint.low >= Math.min(this.#endAt, this.#options.whole.floor()?.offset ?? Infinity);
  }

  #mayWrite(): boolean {
    return !this.#isPaused && this.#options.whole.captured().offset >= this.#high;
  }

  /** How long until there is a batch to take; an empty one only moves the checkpoint. */
  #waitMs(): number {
    const { batch, durationMs, whole } = this.#options;
    const captured = whole.captured().offset;
    if (this.#isAtEnd()) return 0;
    if (!this.#mayWrite()) return Infinity;
    if (this.#ending === "when empty" && this.#isEmpty()) return 0;
    const now = performance.now();
    if (this.buffer.isReady(captured)) {
      const isUrgent = this.#ending === "when empty" || (this.buffer.oldest()?.offset ?? 0) <= this.#hurriedUpTo;
      if (isUrgent || this.buffer.size >= batch) return 0;
      return (this.buffer.oldestSince() ?? 0) + durationMs - now;
    }
    // A restart would scan again for nothing.
    if (this.checkpoint.snapshot !== this.#snapshotState()) return 0;
    return captured <= this.checkpoint.low ? Infinity : this.#lastCommit + IDLE_CHECKPOINT_MS - now;
  }
}
