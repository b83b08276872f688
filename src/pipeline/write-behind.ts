/**
 * One write-behind recipe at work, from its opening to its end: changes from capture are dealt out to its partitions by key, and it
 * answers for all of them together.
 *
 *                        ┌▶ partition 0 ─▶ connection 0 ┐
 *     capture ─▶ intake  ┼▶ partition 1 ─▶ connection 1 ┼▶ committed() ─▶ capture acknowledges
 *       SCAN  ─▶ touch   └▶ partition n ─▶ connection n ┘
 */
import type { Redis } from "ioredis";
import type { Capture } from "../capture/capture.js";
import type { ErrorClass, Sink } from "../connectors/connector.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import type { DeadLetters } from "../registry/dead-letters.js";
import type { Pipeline, PipelineStatus } from "./pipeline.js";
import { BehindStream } from "./behind-stream.js";
import { BehindWhole } from "./behind-whole.js";
import { catchUp } from "./catch-up.js";
import { Commitment } from "./commitment.js";
import { Finding } from "./finding.js";
import type { Neighbour, WriteGuards } from "./guards.js";
import { Intake } from "./intake.js";
import { LetterBox } from "./letters.js";
import { Operations } from "./operations.js";
import { PartitionMaker } from "./partition-maker.js";
import { Partitions } from "./partitions.js";
import { Seat } from "./seat.js";
import { Settlement } from "./settlement.js";
import { type Server, sinkContext } from "./sink-context.js";

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

/** SCAN waits while more keys than this many batches a partition are waiting. */
const SCAN_AHEAD = 4;

export class WriteBehindPipeline implements Pipeline, Neighbour {
  readonly head: Bytes;
  readonly recipe: WriteBehindRecipe;
  readonly #options: PipelineOptions;
  readonly #sinks: readonly Sink[];
  readonly #seat: Seat;
  readonly #partitions: Partitions;
  readonly #letters: LetterBox;
  readonly #settlement: Settlement;
  readonly #stream: BehindStream;
  readonly #finding: Finding;
  readonly #maker: PartitionMaker;
  readonly #closed = new AbortController();
  #isPaused = false;
  readonly #troubles = new Map<number, string>();

  constructor(options: PipelineOptions) {
    const { recipe, redis, log, guards } = options;
    const { connector, partitions, version, snapshot } = recipe;
    this.#options = options;
    this.recipe = recipe;
    this.head = bytes(`${recipe.keysPrefix}:`);
    const sink = () => connector.sink(sinkContext(recipe, options.server));
    this.#sinks = Array.from({ length: partitions }, sink);
    this.#seat = new Seat(this.#first, { partitions, version, snapshot: snapshot === "initial" ? "pending" : "done" });
    this.#partitions = new Partitions(this.head.length);
    const commitment = new Commitment(this.#partitions);
    this.#letters = new LetterBox(options.letters, version, log);
    const operations = new Operations(redis, log);
    this.#settlement = new Settlement({
      recipe,
      letters: this.#letters,
      operations,
      signal: this.#closed.signal,
      onSafe: () => this.#onProgress(),
    });
    this.#finding = new Finding({
      redis,
      head: this.head,
      room: recipe.batch * partitions * SCAN_AHEAD,
      partitions: this.#partitions,
      commitment,
      sink,
      captured: () => this.#stream.captured,
      log,
      onChange: options.onChange,
      onProgress: () => this.#onProgress(),
    });
    this.#maker = new PartitionMaker({
      recipe,
      head: this.head,
      redis,
      sinks: this.#sinks,
      whole: new BehindWhole({
        capture: options.capture,
        stream: () => this.#stream,
        finding: this.#finding,
        settlement: this.#settlement,
        commitment,
        onChange: options.onChange,
      }),
      onTrouble: (partition, reason) => this.#setTrouble(partition, reason),
    });
    const intake = new Intake({
      recipe,
      head: this.head,
      partitions: this.#partitions,
      operations,
      settlement: this.#settlement,
      guards,
      log,
      onFlushed: (since) => this.#finding.sweep(since),
      onSwapped: () => this.#finding.scan(this.#stream.committed()),
    });
    this.#stream = new BehindStream({
      head: this.head,
      capture: options.capture,
      seat: this.#seat,
      partitions: this.#partitions,
      commitment,
      maker: this.#maker,
      finding: this.#finding,
      intake,
      sweeps: recipe.onFlush === "delete",
      log,
      onChange: options.onChange,
    });
  }

  /** Connects every partition and reads what is stored. Throws where database, table or columns are not as needed. */
  async open(signal: AbortSignal): Promise<void> {
    try {
      // The first alone: it creates the checkpoint table, and its error is the one to show.
      const opened = await this.#first.open(signal);
      // All of them, for one that is still on its way would be closed by nobody.
      const others = await Promise.allSettled(this.#sinks.slice(1).map((sink) => sink.open(signal)));
      for (const other of others) if (other.status === "rejected") throw other.reason;
      this.#maker.columns = opened.columns;
      this.#seat.found(opened);
      this.#maker.rowMaker();
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
    if (predecessor instanceof WriteBehindPipeline) {
      // Its last letters are among those that are healed by good writes of this one.
      await predecessor.#letters.end();
      await this.#letters.open();
    }
    if (predecessor instanceof WriteBehindPipeline && predecessor.head === this.head) {
      this.#settlement.succeed(predecessor.#settlement);
      this.#stream.succeed(predecessor.#stream);
    } else this.#options.capture.attach(this.#stream, this.#seat.resume);
    await this.#seat.confirm(signal);
    this.#partitions.setPaused(this.#isPaused);
  }

  async run(signal: AbortSignal): Promise<void> {
    const abort = new AbortController();
    const either = AbortSignal.any([signal, abort.signal]);
    const loops = this.#partitions.run(either);
    const finding = this.#finding.run(either);
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
    const offset = () => (this.#stream.isCapturing ? this.#stream.captured.offset : undefined);
    await catchUp(this.#options.redis, offset, signal);
    this.#partitions.end("when empty");
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#options.guards.leave(this);
    this.#options.capture.detach(this.#stream);
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

  async reviewLetters(): Promise<void> {
    await this.#letters.review();
  }

  async retry(keys: readonly Bytes[]): Promise<boolean> {
    const deletes = await this.#letters.deletes(keys);
    const isOver = () => this.#stream.isSucceeded || this.#closed.signal.aborted;
    if (!this.#partitions.hasBegun || isOver()) return false;
    for (const key of keys) {
      // The table has no row of another prefix's key.
      if (!key.startsWith(this.head)) continue;
      const entry = this.#partitions.of(key).touch(key);
      // Where its hash is not there now, the row goes only if that is what its letter wanted.
      if (deletes.has(key)) entry.mayBeEmpty = true;
    }
    await this.#finding.carried(this.#closed.signal).catch(() => undefined);
    return !isOver();
  }

  status(): PipelineStatus {
    return {
      capturing: this.#stream.isCapturing,
      trouble: this.#troubles.values().next().value,
      scan: this.#finding.progress,
      isWriting: this.#partitions.isWriting,
      buffered: this.#partitions.size,
      rows: this.#settlement.rows,
      deletes: this.#settlement.deletes,
      uncertainDeletes: this.#stream.uncertainDeletes,
      deadLetters: this.#letters.size,
      capturedOffset: this.#stream.captured.offset,
      // Of the stream: how far a snapshot is says `scan`.
      committedOffset: this.#partitions.hasBegun ? this.#partitions.committed : this.#seat.lowest,
    };
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

  #setTrouble(partition: number, reason: string | undefined): void {
    if (this.#troubles.get(partition) === reason) return;
    if (reason === undefined) this.#troubles.delete(partition);
    else this.#troubles.set(partition, reason);
    this.#options.onChange();
  }

  /** More may be committed now: whoever waits is told, and the loops look whether they are at their end. */
  #onProgress(): void {
    this.#options.capture.progressed();
    this.#partitions.wake();
  }
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}
