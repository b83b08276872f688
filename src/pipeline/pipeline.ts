/**
 * One write-behind recipe at work: takes changes from capture, deals them out to its partitions by key, and answers for all of
 * them together.
 *
 *                        ┌▶ partition 0 ─▶ connection 0 ┐
 *     capture ─▶ deliver ┼▶ partition 1 ─▶ connection 1 ┼▶ committed() ─▶ capture acknowledges
 *       SCAN  ─▶ touch   └▶ partition n ─▶ connection n ┘
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { Buffer as ChangeBuffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Attached, Capture, Consumer } from "../capture/capture.js";
import type { Opened, Sink } from "../connectors/connector.js";
import { HaltedError, messageOf } from "../errors.js";
import type { Bytes, Change, Checkpoint, CheckpointMove, Column, Counters, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import type { Pipeline, PipelineStatus } from "../runner/pipeline.js";
import type { DeadLetters } from "../registry/dead-letters.js";
import { DeleteBreaker } from "./breaker.js";
import { begin, resumeFrom, takeOver } from "./checkpoints.js";
import { LetterBox } from "./letters.js";
import type { WriteGuards } from "./guards.js";
import { Operations, type Request, requestIn } from "./operations.js";
import { Partition, type Whole } from "./partition.js";
import { policyFor, UncertainDeletes } from "./policies.js";
import { PipelinedReader } from "./read.js";
import { type Refusal, Resolver } from "./resolve.js";
import { RowMaker } from "./rows.js";
import { Snapshot } from "./snapshot.js";
import { Writer } from "./write.js";

export interface PipelineOptions {
  readonly recipe: WriteBehindRecipe;
  readonly capture: Capture;
  /** Where the hashes are: for reading back, SCAN and answers. */
  readonly redis: Redis;
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
/** How long the stream is waited for at a shutdown, in ms. */
const CATCH_UP_MS = 2000;

export class RecipePipeline implements Consumer, Whole, Pipeline {
  readonly head: Bytes;
  readonly recipe: WriteBehindRecipe;
  readonly #options: PipelineOptions;
  readonly #log: Logger;
  readonly #fieldNames: readonly Bytes[];
  readonly #fields: ReadonlyMap<Bytes, number>;
  readonly #operations: Operations;
  readonly #breaker: DeleteBreaker;
  readonly #snapshot: Snapshot;
  readonly #uncertain: UncertainDeletes;
  readonly #letters: LetterBox;
  readonly #closed = new AbortController();
  #sinks: readonly Sink[] = [];
  #columns: readonly Column[] = [];
  #stored: readonly Checkpoint[] = [];
  #partitions: readonly Partition[] = [];
  /** Checkpoints that have to be stored before anything else is. */
  #firstMoves: readonly CheckpointMove[] = [];
  #captured: Position = { replid: "", offset: 0, db: 0 };
  #isAttached = false;
  #isCapturing = false;
  #onAttached: () => void = () => {};
  #heirloom: readonly Entry[] = [];
  #troubles = new Map<number, string>();
  #isPaused = false;
  #rows = 0;
  #deletes = 0;

  constructor(options: PipelineOptions) {
    const { recipe } = options;
    this.#options = options;
    this.recipe = recipe;
    this.#log = options.log;
    this.head = bytes(`${recipe.keysPrefix}:`);
    this.#fieldNames = recipe.mappings.map(({ field }) => bytes(field));
    this.#fields = new Map(this.#fieldNames.map((name, place) => [name, place]));
    this.#operations = new Operations(options.redis, options.log);
    this.#letters = new LetterBox(options.letters, recipe.version, options.log);
    this.#uncertain = new UncertainDeletes(recipe.onUncertainDelete, options.log);
    this.#snapshot = new Snapshot({
      redis: options.redis,
      head: this.head,
      take: (keys, signal) => this.#takeScanned(keys, signal),
      log: options.log,
      capturedOffset: () => this.#captured.offset,
      onChange: () => this.#onScan(),
    });
    this.#breaker = new DeleteBreaker(recipe.maxDeletesPerMinute);
  }

  // --- the life of a pipeline ------------------------------------------------------------------------------------------------

  /** Connects every partition and reads what is stored. Throws where database, table or columns are not as needed. */
  async open(signal: AbortSignal): Promise<void> {
    const { recipe } = this;
    const columns = recipe.mappings.map(({ column }) => column);
    this.#sinks = Array.from({ length: recipe.partitions }, () =>
      recipe.connector.sink({ recipe: recipe.name, columns }),
    );
    try {
      // The first alone: it creates the checkpoint table, and its error is the one to show.
      const first = await (this.#sinks[0] as Sink).open(signal);
      await Promise.all(this.#sinks.slice(1).map((sink) => sink.open(signal)));
      this.#columns = first.columns;
      this.#stored = first.checkpoints;
      this.#rowMaker();
      this.#options.guards.join(this);
      await this.#letters.open();
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Whether an error is worth another attempt without a person, in the words of the database. */
  classify(error: unknown): ReturnType<Sink["classify"]> {
    return this.#sinks[0]?.classify(error) ?? "fatal";
  }

  /**
   * Takes its place at the stream, or the place of the one before it. From here on whoever wrote these checkpoints before is
   * refused. Returns when changes arrive and the first checkpoints are stored.
   */
  async start(signal: AbortSignal, predecessor?: Pipeline): Promise<void> {
    const attached = new Promise<void>((resolve, reject) => {
      this.#onAttached = resolve;
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    const options = { partitions: this.recipe.partitions, version: this.recipe.version };
    if (predecessor) {
      // It has ended its loops: what is stored now is its last word.
      this.#stored = (await (this.#sinks[0] as Sink).open(signal)).checkpoints;
    }
    if (this.#stored.length > 0) {
      const moves = takeOver(this.#stored, options);
      await (this.#sinks[0] as Sink).write({ upserts: [], deletes: [] }, moves, signal);
      this.#stored = moves.flatMap(({ to }) => (to ? [to] : []));
    }
    if (predecessor instanceof RecipePipeline && predecessor.head === this.head) this.#succeed(predecessor);
    else this.#options.capture.attach(this, this.#stored.length > 0 ? resumeFrom(this.#stored) : undefined);
    await attached;
    if (this.#firstMoves.length > 0) {
      await (this.#sinks[0] as Sink).write({ upserts: [], deletes: [] }, this.#firstMoves, signal);
      this.#firstMoves = [];
    }
  }

  /** Carries changes until it is ended. Rejects with what a person must mend, and with `SupersededError`. */
  async run(signal: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const loops = this.#partitions.map((partition) => partition.run(either));
    const scanning = this.#snapshot.run(either);
    try {
      await Promise.all(loops);
    } finally {
      abort.abort();
      await Promise.allSettled([...loops, scanning]);
    }
  }

  /** The loops end after the batches under way; what is buffered stays, and grows. */
  stopAtBoundary(): void {
    for (const partition of this.#partitions) partition.end("at the next batch");
  }

  /** Everything that clients have written so far is written, then the loops end. */
  async drain(signal: AbortSignal): Promise<void> {
    const end = performance.now() + CATCH_UP_MS;
    const target = await this.#serverOffset();
    while (this.#isCapturing && this.#captured.offset < target && performance.now() < end) {
      await sleep(2, undefined, { signal });
    }
    for (const partition of this.#partitions) partition.end("when empty");
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#options.guards.leave(this);
    this.#options.capture.detach(this);
    await Promise.all(this.#sinks.map((sink) => sink.close()));
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    for (const partition of this.#partitions) partition.setPaused(isPaused);
  }

  resume(): void {
    this.#breaker.reset();
  }

  /** Connects to the database afresh before the next write: credentials or the table may have changed. */
  reconnect(): void {
    for (const partition of this.#partitions) {
      partition.reconnect();
      partition.wake();
    }
  }

  /** Carries keys again whatever the stream says: dead letters that are to be retried. */
  retry(keys: readonly Bytes[]): void {
    for (const key of keys) {
      const entry = this.#partitionOf(key).touch(key);
      // Its hash may be gone by now: then the row has to go too, as its dead letter wanted.
      entry.mayBeEmpty = true;
    }
    for (const partition of this.#partitions) partition.hurry();
  }

  status(): PipelineStatus {
    return {
      capturing: this.#isCapturing,
      trouble: this.#troubles.values().next().value,
      scan: this.#snapshot.progress,
      buffered: this.#partitions.reduce((sum, { size }) => sum + size, 0),
      rows: this.#rows,
      deletes: this.#deletes,
      deadLetters: this.#letters.size,
      capturedOffset: this.#captured.offset,
      committedOffset: this.committed(),
    };
  }

  // --- what capture calls ----------------------------------------------------------------------------------------------------

  attached({ position, gap }: Attached): void {
    this.#captured = position;
    this.#isCapturing = true;
    if (!this.#isAttached) this.#settleIn(position, gap !== undefined);
    else for (const partition of this.#partitions) partition.rebase(position);
    if (gap !== undefined) {
      this.#log.warn(
        { position: position.offset },
        `the stream cannot be continued: ${gap}. A snapshot fills the gap: it finds what was written meanwhile, but not what was deleted.`,
      );
      this.#snapshot.request();
    }
    this.#isAttached = true;
    this.#onAttached();
    this.#options.onChange();
  }

  lost(): void {
    this.#isCapturing = false;
    this.#options.onChange();
  }

  deliver(changes: readonly Change[], captured: Position): void {
    const now = performance.now();
    for (const change of changes) {
      if (change.key.startsWith(this.head)) this.#accept(change, now);
      else if (change.kind === "flushed") this.#flushed(change.end);
      else if (change.kind === "swapped") this.#swapped();
    }
    this.#captured = captured;
    if (!this.#isCapturing) {
      this.#isCapturing = true;
      this.#options.onChange();
    }
    for (const partition of this.#partitions) partition.wake();
  }

  hurry(): void {
    for (const partition of this.#partitions) partition.hurry();
  }

  committed(): number {
    if (this.#partitions.length === 0) return this.#stored.reduce((low, stored) => Math.min(low, stored.low), Infinity);
    return this.#partitions.reduce((low, partition) => Math.min(low, partition.committed()), Infinity);
  }

  #accept(change: Change, now: number): void {
    const { guards } = this.#options;
    // A write-through has written this row, and something else may have as well: what counts is what Redis says.
    if (guards.size > 0 && guards.isDisputed(change) && change.kind !== "gone")
      change = { ...change, own: false, kind: "dirty" };
    else if (guards.size > 0 && guards.isDisputed(change)) change = { ...change, own: false };
    const partition = this.#partitionOf(change.key);
    const request = change.kind === "set" && !change.own ? requestIn(change.fields) : undefined;
    if (request) this.#carryOut(change as Extract<Change, { kind: "set" }>, request, partition, now);
    else partition.buffer.merge(change, now);
    if (change.kind === "gone" && change.cause === "uncertain" && !change.own) this.#uncertain.add();
  }

  /** A write with `#`: see operations.ts. */
  #carryOut(change: Extract<Change, { kind: "set" }>, request: Request, partition: Partition, now: number): void {
    const { key, fields } = change;
    if (request.mark === undefined) {
      this.#refuseOperation(change, request);
      return;
    }
    this.#operations.settle(key, request);
    if (request.mark === "=") partition.buffer.merge(change, now)?.await(request.id);
    else if (request.mark === "~")
      partition.buffer.merge({ ...change, kind: "gone", cause: "delete" }, now)?.await(request.id);
    else {
      partition.buffer.skip(key, fields);
      if (request.mark === "-") partition.buffer.leave(key);
      void this.#operations.acknowledge([{ key, ids: [request.id] }]).catch(() => undefined);
    }
  }

  #flushed(end: number): void {
    this.#log.warn(
      "FLUSHALL or FLUSHDB: the cache was emptied. %s",
      this.recipe.onFlush === "keep" ? "Rows stay." : "",
    );
    for (const partition of this.#partitions) partition.buffer.flushed(end);
  }

  #swapped(): void {
    this.#log.warn("SWAPDB: every key is read again. Rows of keys that are no longer there stay.");
    this.#snapshot.request();
  }

  /** Whether changes of this key are on their way to the table. */
  holds(key: Bytes): boolean {
    return key.startsWith(this.head) && this.#partitions.length > 0 && this.#partitionOf(key).holds(key);
  }

  // --- what partitions ask ---------------------------------------------------------------------------------------------------

  captured(): Position {
    return this.#captured;
  }

  scanEndedAt(): number {
    return this.#snapshot.endedAt;
  }

  countersAt(offset: number): Counters | undefined {
    return this.#options.capture.countersAt(offset);
  }

  allowDeletes(count: number): void {
    this.#breaker.allow(count, this.#rows);
  }

  async refuse(refused: readonly Refusal[]): Promise<void> {
    const [first] = refused;
    if (first && this.recipe.onError === "halt") {
      throw new HaltedError("try", `key ${text(first.entry.key)} cannot be written: ${first.error}`, {
        hint: 'Mend the value or the table; the recipe goes on by itself (onError: "halt").',
      });
    }
    for (const { entry, operation, values, error } of refused) {
      await this.#letters.post({ key: entry.key, operation, values, error, offset: entry.last }, this.#closed.signal);
      entry.isRefused = true;
      if (entry.waiting) await this.#operations.acknowledge([{ key: entry.key, ids: entry.waiting }], error);
      entry.waiting = undefined;
    }
    this.#options.onChange();
  }

  lettersAreSafe(): Promise<void> {
    return this.#letters.settled();
  }

  async wrote(entries: readonly Entry[], rows: { readonly upserts: number; readonly deletes: number }): Promise<void> {
    this.#rows += rows.upserts;
    this.#deletes += rows.deletes;
    this.#options.capture.progressed();
    if (this.#letters.size > 0)
      await this.#letters.heal(entries.filter((entry) => !entry.isRefused).map(({ key }) => key));
    const waiting = entries.flatMap(({ key, waiting: ids }) => (ids ? [{ key, ids }] : []));
    if (waiting.length > 0) await this.#operations.acknowledge(waiting);
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  /** The first place at the stream: partitions begin here. */
  #settleIn(position: Position, hasGap: boolean): void {
    const { partitions, version, snapshot } = this.recipe;
    const isNew = this.#stored.length === 0;
    if (isNew) {
      this.#firstMoves = begin(position, {
        partitions,
        version,
        snapshot: snapshot === "initial" ? "pending" : "done",
      });
    }
    const checkpoints = isNew ? this.#firstMoves.flatMap(({ to }) => (to ? [to] : [])) : this.#stored;
    const rows = this.#rowMaker();
    this.#partitions = checkpoints.map((checkpoint) =>
      this.#makePartition(checkpoint, rows, hasGap ? position.offset : checkpoint.high),
    );
    this.setPaused(this.#isPaused);
    for (const entry of this.#heirloom) this.#partitionOf(entry.key).buffer.adopt(entry);
    this.#heirloom = [];
    if (checkpoints.some((checkpoint) => checkpoint.snapshot === "pending")) this.#snapshot.request();
  }

  #makePartition(checkpoint: Checkpoint, rows: RowMaker, resumeHigh: number): Partition {
    const index = checkpoint.partition;
    const { batch, duration, transform } = this.recipe;
    const onTrouble = (reason: string | undefined) => this.#setTrouble(index, reason);
    const fieldNames = this.recipe.mappings.map(({ field }) => field);
    const reader = new PipelinedReader(this.#options.redis, transform ? undefined : this.#fieldNames);
    const partition: Partition = new Partition({
      batch,
      durationMs: duration,
      fieldNames,
      rows,
      whole: this,
      resumeHigh,
      buffer: new ChangeBuffer({
        fields: this.#fields,
        maxBytes: MAX_VALUE_BYTES / this.recipe.partitions,
        removes: (cause) => policyFor(cause, this.recipe) === "delete",
      }),
      resolver: new Resolver({ reader, fieldNames, transform, onTrouble }),
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
  #succeed(predecessor: RecipePipeline): void {
    const sameFields = predecessor.#fieldNames.join("\0") === this.#fieldNames.join("\0");
    this.#heirloom = predecessor.#partitions
      .flatMap((partition) => partition.buffer.drain())
      .sort((a, b) => a.first - b.first);
    if (!sameFields) {
      const places = this.#fieldNames.map((name) => predecessor.#fields.get(name));
      for (const entry of this.#heirloom) entry.rearrange(places);
    }
    this.#options.capture.replace(predecessor, this);
  }

  #partitionOf(key: Bytes): Partition {
    let hash = 0;
    for (let i = this.head.length; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
    return this.#partitions[(hash >>> 0) % this.#partitions.length] as Partition;
  }

  #refuseOperation({ key, end }: Change, { value, id }: Request): void {
    const shown = JSON.stringify(text(value).slice(0, 40));
    const error = `the field "#" is ${shown}; expected one of = + ~ - and an optional id`;
    void this.#letters
      .post({ key, operation: "upsert", values: { "#": value }, error, offset: end }, this.#closed.signal)
      .then(() => this.#operations.acknowledge([{ key, ids: [id] }], error))
      .catch((failure: unknown) => this.#log.warn(messageOf(failure)));
  }

  #setTrouble(partition: number, reason: string | undefined): void {
    if (this.#troubles.get(partition) === reason) return;
    if (reason === undefined) this.#troubles.delete(partition);
    else this.#troubles.set(partition, reason);
    this.#options.onChange();
  }

  async #serverOffset(): Promise<number> {
    try {
      const role = (await this.#options.redis.call("ROLE")) as unknown[];
      return Number(role[1]);
    } catch (error) {
      this.#log.warn(`the server's offset is not known at shutdown: ${messageOf(error)}`);
      return 0;
    }
  }

  #onScan(): void {
    this.#options.onChange();
    // Its end is stored with the next checkpoint.
    if (!this.#snapshot.progress) for (const partition of this.#partitions) partition.wake();
  }

  async #takeScanned(keys: readonly Bytes[], signal: AbortSignal): Promise<void> {
    for (const key of keys) this.#partitionOf(key).touch(key);
    for (const partition of this.#partitions) partition.wake();
    const room = this.recipe.batch * this.recipe.partitions * SCAN_AHEAD;
    while (this.#partitions.reduce((sum, { buffer }) => sum + buffer.size, 0) > room) {
      await sleep(5, undefined, { signal });
    }
  }
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}

function text(value: Bytes): string {
  return Buffer.from(value, "latin1").toString("utf8");
}
