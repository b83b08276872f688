/**
 * One write-behind recipe at work: takes changes from capture, deals them out to its partitions by key, and answers for all of
 * them together.
 *
 *                        ┌▶ partition 0 ─▶ connection 0 ┐
 *     capture ─▶ intake  ┼▶ partition 1 ─▶ connection 1 ┼▶ committed() ─▶ capture acknowledges
 *       SCAN  ─▶ touch   └▶ partition n ─▶ connection n ┘
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { Buffer as ChangeBuffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Attached, Capture, Consumer } from "../capture/capture.js";
import type { ErrorClass, Opened, Sink } from "../connectors/connector.js";
import type { Bytes, Change, Checkpoint, Column, Counters, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import type { DeadLetters } from "../registry/dead-letters.js";
import type { Pipeline, PipelineStatus } from "./pipeline.js";
import { catchUp } from "./catch-up.js";
import type { WriteGuards } from "./guards.js";
import { Commitment } from "./commitment.js";
import { Intake } from "./intake.js";
import { LetterBox } from "./letters.js";
import { Operations } from "./operations.js";
import { Partition, type Whole } from "./partition.js";
import { Partitions } from "./partitions.js";
import { earlier, type Place } from "./place.js";
import { policyFor } from "./policies.js";
import { PipelinedReader } from "./read.js";
import { type Refusal, Resolver } from "./resolve.js";
import { RowMaker } from "./rows.js";
import { Seat } from "./seat.js";
import { Settlement } from "./settlement.js";
import { type Server, sinkContext } from "./sink-context.js";
import { Snapshot } from "./snapshot.js";
import { Sweep } from "./sweep.js";
import { Writer } from "./write.js";

export interface PipelineOptions {
  readonly recipe: WriteBehindRecipe;
  readonly capture: Capture;
  /** Where the hashes are: for reading back, SCAN and answers. */
  readonly redis: Redis;
  readonly server: Server;
  readonly letters: DeadLetters;
  /** Keys that a write-through beside it is writing. */
  readonly guards: WriteGuards;
  readonly log: Logger;
  /** Something that `status` shows has changed. */
  readonly onChange: () => void;
}

/** Bytes of values that all partitions together hold in memory; past it they keep keys only. */
const MAX_VALUE_BYTES = 64 * 2 ** 20;
/** SCAN waits while more keys than this many batches a partition are waiting. */
const SCAN_AHEAD = 4;

export class WriteBehindPipeline implements Consumer, Whole, Pipeline {
  readonly head: Bytes;
  readonly recipe: WriteBehindRecipe;
  readonly #options: PipelineOptions;
  readonly #log: Logger;
  readonly #fieldNames: readonly Bytes[];
  readonly #fields: ReadonlyMap<Bytes, number>;
  readonly #sinks: readonly Sink[];
  readonly #seat: Seat;
  readonly #partitions: Partitions;
  readonly #commitment: Commitment;
  readonly #letters: LetterBox;
  readonly #settlement: Settlement;
  readonly #intake: Intake;
  readonly #snapshot: Snapshot;
  readonly #sweep: Sweep;
  readonly #closed = new AbortController();
  #columns: readonly Column[] = [];
  #captured: Position = { replid: "", offset: 0, db: 0 };
  #isCapturing = false;
  #isPaused = false;
  /** What the version before this one had buffered. */
  #inherited: readonly Entry[] = [];
  /** The newest offset that any row of its may reflect. */
  #inheritedHigh: number | undefined;
  readonly #troubles = new Map<number, string>();

  constructor(options: PipelineOptions) {
    const { recipe, redis, log, guards } = options;
    const { connector, mappings, partitions, version, snapshot } = recipe;
    this.#options = options;
    this.recipe = recipe;
    this.#log = log;
    this.head = bytes(`${recipe.keysPrefix}:`);
    this.#fieldNames = mappings.map(({ field }) => bytes(field));
    this.#fields = new Map(this.#fieldNames.map((name, place) => [name, place]));
    const sink = () => connector.sink(sinkContext(recipe, options.server));
    this.#sinks = Array.from({ length: partitions }, sink);
    this.#seat = new Seat(this.#first, { partitions, version, snapshot: snapshot === "initial" ? "pending" : "done" });
    this.#partitions = new Partitions(this.head.length);
    this.#commitment = new Commitment(this.#partitions);
    this.#letters = new LetterBox(options.letters, version, log);
    const operations = new Operations(redis, log);
    this.#settlement = new Settlement({
      recipe,
      letters: this.#letters,
      operations,
      signal: this.#closed.signal,
      onSafe: () => this.#onFloor(),
    });
    this.#snapshot = new Snapshot({
      redis,
      head: this.head,
      take: (keys, signal) => this.#takeScanned(keys, signal),
      log,
      capturedOffset: () => this.#captured.offset,
      onChange: () => this.#onScan(),
    });
    this.#sweep = new Sweep({
      sink,
      take: (ids, signal) => this.#takeSwept(ids, signal),
      carried: (signal) => this.#carried(signal),
      onSettled: () => this.#onFloor(),
      log,
    });
    this.#intake = new Intake({
      recipe,
      head: this.head,
      partitions: this.#partitions,
      operations,
      settlement: this.#settlement,
      guards,
      log,
      onFlushed: (since) => this.#sweep.request(since),
      onSwapped: () => this.#requestSnapshot(this.committed()),
    });
  }

  // --- the life of a pipeline ------------------------------------------------------------------------------------------------

  /** Connects every partition and reads what is stored. Throws where database, table or columns are not as needed. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      // The first alone: it creates the checkpoint table, and its error is the one to show.
      const opened = await this.#first.open(signal);
      await Promise.all(this.#sinks.slice(1).map((sink) => sink.open(signal)));
      this.#columns = opened.columns;
      this.#seat.found(opened);
      this.#rowMaker();
      await this.#letters.open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  classify(error: unknown): ErrorClass {
    return this.#first.classify(error);
  }

  async start(signal: AbortSignal, predecessor?: Pipeline): Promise<void> {
    // It has ended its loops: what is stored now is its last word.
    if (predecessor) this.#seat.found(await this.#first.open(signal));
    await this.#seat.claim(signal);
    this.#options.guards.join(this);
    if (predecessor instanceof WriteBehindPipeline && predecessor.head === this.head) this.#succeed(predecessor);
    else this.#options.capture.attach(this, this.#seat.resume);
    await this.#seat.confirm(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const loops = this.#partitions.run(either);
    const finding = [this.#snapshot.run(either), this.#sweep.run(either)];
    try {
      await Promise.all(loops);
    } finally {
      abort.abort();
      await Promise.allSettled([...loops, ...finding]);
    }
  }

  stopAtBoundary(): void {
    this.#partitions.end("at the next batch");
  }

  async drain(signal: AbortSignal): Promise<void> {
    await catchUp(this.#options.redis, () => (this.#isCapturing ? this.#captured.offset : undefined), signal);
    this.#partitions.end("when empty");
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#options.guards.leave(this);
    this.#options.capture.detach(this);
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#partitions.setPaused(isPaused);
  }

  resume(): void {
    this.#settlement.resetBreaker();
  }

  reconnect(): void {
    this.#partitions.reconnect();
  }

  async retry(keys: readonly Bytes[]): Promise<void> {
    const deletes = await this.#letters.deletes(keys);
    for (const key of keys) {
      const entry = this.#partitions.of(key).touch(key);
      // Where its hash is not there now, the row goes only if that is what its letter wanted.
      if (deletes.has(key)) entry.mayBeEmpty = true;
    }
    this.#partitions.hurry();
  }

  status(): PipelineStatus {
    return {
      capturing: this.#isCapturing,
      trouble: this.#troubles.values().next().value,
      scan: this.#snapshot.progress,
      isWriting: this.#partitions.isWriting,
      buffered: this.#partitions.size,
      rows: this.#settlement.rows,
      deletes: this.#settlement.deletes,
      deadLetters: this.#letters.size,
      capturedOffset: this.#captured.offset,
      // Of the stream: how far a snapshot is says `scan`.
      committedOffset: this.#partitions.hasBegun ? this.#partitions.committed : this.#seat.lowest,
    };
  }

  // --- what capture calls ----------------------------------------------------------------------------------------------------

  attached({ position, gap }: Attached): void {
    const before = this.#stillCommittedAt(position);
    this.#captured = position;
    this.#isCapturing = true;
    if (this.#partitions.hasBegun) this.#partitions.rebase(position);
    else this.#begin(position, gap !== undefined);
    if (gap !== undefined) {
      this.#log.warn(
        { position: position.offset },
        `the stream cannot be continued: ${gap}. A snapshot fills the gap: it finds what was written meanwhile, but not what was deleted.`,
      );
      this.#requestSnapshot(before);
      this.#intake.forget();
    }
    this.#options.onChange();
  }

  lost(): void {
    this.#isCapturing = false;
    this.#options.onChange();
  }

  deliver(changes: readonly Change[], captured: Position): void {
    this.#intake.take(changes, performance.now());
    this.#captured = captured;
    if (!this.#isCapturing) {
      this.#isCapturing = true;
      this.#options.onChange();
    }
    this.#partitions.wake();
  }

  hurry(): void {
    this.#partitions.hurry();
  }

  committed(): number {
    return this.#partitions.hasBegun ? this.#commitment.offset : this.#seat.lowest;
  }

  reflected(): number {
    return this.#partitions.high;
  }

  // --- what partitions ask ---------------------------------------------------------------------------------------------------

  captured(): Position {
    return this.#captured;
  }

  isCapturing(): boolean {
    return this.#isCapturing;
  }

  scanEndedAt(): number {
    return this.#snapshot.endedAt;
  }

  floor(): Place | undefined {
    return earlier(this.#sweep.since, this.#settlement.floor);
  }

  countersAt(offset: number): Counters | undefined {
    return this.#options.capture.countersAt(offset);
  }

  allowDeletes(count: number): void {
    this.#settlement.allowDeletes(count);
  }

  async refuse(refused: readonly Refusal[]): Promise<void> {
    await this.#settlement.refuse(refused);
    this.#options.onChange();
  }

  async wrote(entries: readonly Entry[], rows: { readonly upserts: number; readonly deletes: number }): Promise<void> {
    this.#commitment.review();
    this.#options.capture.progressed();
    await this.#settlement.wrote(entries, rows);
    if (this.#isPaused) this.#options.onChange();
  }

  /** Whether changes of this key are on their way to the table: what a write-through beside it wants to know. */
  holds(key: Bytes): boolean {
    return key.startsWith(this.head) && this.#partitions.hasBegun && this.#partitions.of(key).holds(key);
  }

  recarry(key: Bytes): void {
    if (!key.startsWith(this.head) || !this.#partitions.hasBegun) return;
    this.#partitions.of(key).touch(key);
    this.#partitions.wake();
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  get #first(): Sink {
    return this.#sinks[0] as Sink;
  }

  /** The first place at the stream: partitions begin here. */
  #begin(position: Position, hasGap: boolean): void {
    const checkpoints = this.#seat.settle(position, this.#options.capture.countersAt(position.offset));
    const rows = this.#rowMaker();
    const anew = hasGap ? position.offset : this.#inheritedHigh;
    this.#partitions.begin(
      checkpoints.map((checkpoint) =>
        this.#makePartition(checkpoint, rows, anew === undefined ? checkpoint : { low: 0, high: anew }),
      ),
    );
    this.#partitions.setPaused(this.#isPaused);
    this.#partitions.adopt(this.#inherited);
    this.#inherited = [];
    // What was missing when it was stored is in no stream: nobody can tell what was committed then.
    if (checkpoints.some((checkpoint) => checkpoint.snapshot === "pending")) this.#requestSnapshot(0);
  }

  /** How much of what was committed counts at this place; nothing, where another history begins. */
  #stillCommittedAt(position: Position): number {
    const last = this.#partitions.hasBegun ? this.#captured : this.#seat.resume;
    return last?.replid === position.replid && last.offset <= position.offset ? this.committed() : 0;
  }

  /** Until it is through, no more than this is acknowledged. */
  #requestSnapshot(committed: number): void {
    this.#commitment.hold(committed);
    this.#snapshot.request();
  }

  #makePartition(checkpoint: Checkpoint, rows: RowMaker, resume: Pick<Checkpoint, "low" | "high">): Partition {
    const { recipe } = this;
    const index = checkpoint.partition;
    const fieldNames = recipe.mappings.map(({ field }) => field);
    const onTrouble = (reason: string | undefined) => this.#setTrouble(index, reason);
    const reader = new PipelinedReader(this.#options.redis, recipe.transform ? undefined : this.#fieldNames);
    const partition: Partition = new Partition({
      batch: recipe.batch,
      durationMs: recipe.duration,
      fieldNames,
      rows,
      whole: this,
      resumeLow: resume.low,
      resumeHigh: resume.high,
      buffer: new ChangeBuffer({
        fields: this.#fields,
        maxBytes: MAX_VALUE_BYTES / recipe.partitions,
        removes: (cause) => policyFor(cause, recipe) === "delete",
      }),
      resolver: new Resolver({ reader, fieldNames, transform: recipe.transform, onTrouble }),
      writer: new Writer({
        sink: this.#sinks[index] as Sink,
        checkpoint,
        refuse: (item, error) => partition.refuse(item, error),
        onTrouble,
        onOpened: (opened: Opened) => {
          this.#columns = opened.columns;
          partition.rows = this.#rowMaker();
        },
      }),
    });
    return partition;
  }

  #rowMaker(): RowMaker {
    const { connector, mappings } = this.recipe;
    const idOf = (key: Bytes) => key.slice(this.head.length);
    return new RowMaker({ idOf, primaryKey: connector.primaryKey, mappings, columns: this.#columns });
  }

  /** Takes over what the version before it has buffered; its values are mapped by this one's fields. */
  #succeed(predecessor: WriteBehindPipeline): void {
    this.#inherited = predecessor.#partitions.handOver();
    // The stream goes on from where it is now; what is stored may still be of a history that is no more.
    if (predecessor.#partitions.hasBegun) this.#inheritedHigh = predecessor.#partitions.high;
    if (predecessor.#commitment.isHeld) this.#requestSnapshot(predecessor.committed());
    if (predecessor.#fieldNames.join("\0") !== this.#fieldNames.join("\0")) {
      const places = this.#fieldNames.map((name) => predecessor.#fields.get(name));
      for (const entry of this.#inherited) entry.rearrange(places);
    }
    this.#options.capture.replace(predecessor, this);
  }

  #setTrouble(partition: number, reason: string | undefined): void {
    if (this.#troubles.get(partition) === reason) return;
    if (reason === undefined) this.#troubles.delete(partition);
    else this.#troubles.set(partition, reason);
    this.#options.onChange();
  }

  /** What held every partition back is done with: whoever waits is told, and the loops look whether they are at their end. */
  #onFloor(): void {
    this.#options.capture.progressed();
    this.#partitions.wake();
  }

  #onScan(): void {
    this.#options.onChange();
    if (this.#snapshot.progress) return;
    // Its end is stored with the next checkpoint; and whoever waits for what it has found does not wait for a batch to fill.
    this.#partitions.hurry();
    this.#commitment.review();
    this.#options.capture.progressed();
  }

  async #takeScanned(keys: readonly Bytes[], signal: AbortSignal): Promise<void> {
    for (const key of keys) this.#partitions.of(key).touch(key);
    await this.#makeRoom(signal);
  }

  /** Rows of keys that were flushed: they go, unless their hashes are there again. */
  async #takeSwept(ids: readonly (readonly Bytes[])[], signal: AbortSignal): Promise<void> {
    for (const id of ids) {
      const key = this.head + id.join(":");
      // What was written since the flush is in a buffer, and needs no second look.
      if (!this.holds(key)) this.#partitions.of(key).touch(key).mayBeEmpty = true;
    }
    await this.#makeRoom(signal);
  }

  /** Resolves when everything that is buffered now is in the table. */
  async #carried(signal: AbortSignal): Promise<void> {
    const { offset } = this.#captured;
    this.#partitions.hurry();
    while (this.#partitions.oldest <= offset) await sleep(5, undefined, { signal });
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    this.#partitions.wake();
    const room = this.recipe.batch * this.recipe.partitions * SCAN_AHEAD;
    while (this.#partitions.waiting > room) await sleep(5, undefined, { signal });
  }
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}
