/**
 * One write-through recipe at work. A client writes `HSET __{person:1} first_name foo # =<id>`; the row comes first, the hash after.
 *
 *     __{person:1} ─▶ queue ─▶ read person:1, lay the fields over it ─▶ row committed ─▶ person:1 := that hash, answer "done"
 *                                                                  └▶ refused, or too late ─▶ person:1 stays, answer "failed"
 *
 * Writes of one key are carried out one after the other, in the order of the stream; those of different keys together.
 */
import type { Redis } from "ioredis";
import type { Attached, Capture, Consumer } from "../capture/capture.js";
import type { ErrorClass, Opened, Sink } from "../connectors/connector.js";
import type { Bytes, Change, Checkpoint, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteThroughRecipe } from "../recipe/recipe.js";
import type { Pipeline, PipelineStatus } from "./pipeline.js";
import { catchUp } from "./catch-up.js";
import { advance } from "./checkpoints.js";
import { Gate } from "./gate.js";
import type { WriteGuards } from "./guards.js";
import { OrderQueue } from "./order-queue.js";
import { type Order, Orders } from "./orders.js";
import { RowMaker } from "./rows.js";
import type { End } from "./schedule.js";
import { Seat } from "./seat.js";
import { type Server, sinkContext } from "./sink-context.js";
import { ThroughSearch } from "./through-search.js";
import { ThroughTable } from "./through-table.js";

export interface WriteThroughOptions {
  readonly recipe: WriteThroughRecipe;
  readonly capture: Capture;
  readonly redis: Redis;
  readonly server: Server;
  readonly guards: WriteGuards;
  /** Marks the last step as this runner's own. */
  readonly marker: string;
  readonly log: Logger;
  readonly onChange: () => void;
}

const IDLE_CHECKPOINT_MS = 5000;
/** The last step in Redis comes by in the stream within this time. */
const GUARD_MS = 1000;

export class WriteThroughPipeline implements Consumer, Pipeline {
  readonly head: Bytes;
  readonly recipe: WriteThroughRecipe;
  readonly #options: WriteThroughOptions;
  readonly #sink: Sink;
  readonly #seat: Seat;
  readonly #orders: Orders;
  readonly #gate = new Gate(() => this.#waitMs());
  readonly #queue = new OrderQueue();
  readonly #search: ThroughSearch;
  #table: ThroughTable | undefined;
  #captured: Position = { replid: "", offset: 0, db: 0 };
  #replayedUntil = 0;
  #isCapturing = false;
  #isPaused = false;
  #ending: "no" | End = "no";
  #lastCommit = performance.now();
  #trouble: string | undefined;

  constructor(options: WriteThroughOptions) {
    const { recipe, redis, marker, log } = options;
    this.recipe = recipe;
    this.#options = options;
    this.head = bytes(recipe.keysPrefix.includes("{") ? recipe.keysPrefix : `${recipe.keysPrefix}{`);
    this.#sink = recipe.connector.sink(sinkContext(recipe, options.server));
    this.#seat = new Seat(this.#sink, { partitions: 1, version: recipe.version, snapshot: "pending" });
    this.#orders = new Orders({ recipe, redis, marker, log });
    this.#search = new ThroughSearch({
      ...{ redis, head: this.head },
      onFound: (key) => {
        const { offset, db } = this.#captured;
        this.#order({ kind: "dirty", key, start: offset, startDb: db, end: offset, own: false }, undefined, true);
      },
      isLeft: () => this.#queue.holdsFound,
    });
  }

  async open(signal: AbortSignal): Promise<void> {
    try {
      const opened = await this.#sink.open(signal);
      this.#seat.found(opened);
      this.#learn(opened);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  classify(error: unknown): ErrorClass {
    return this.#sink.classify(error);
  }

  async start(signal: AbortSignal, predecessor?: Pipeline): Promise<void> {
    if (predecessor) this.#seat.found(await this.#sink.open(signal));
    await this.#seat.claim(signal);
    if (predecessor instanceof WriteThroughPipeline && predecessor.head === this.head) {
      this.#queue.adopt(predecessor.#queue);
      this.#options.capture.replace(predecessor, this);
      if (predecessor.#search.heldAt !== undefined) this.#search.miss(predecessor.#search.heldAt);
    } else this.#options.capture.attach(this, this.#seat.resume);
    await this.#seat.confirm(signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#gate.pass(signal);
      if (this.#isAtEnd()) return;
      if (this.#search.isDue) await this.#search.run(signal);
      try {
        await this.#carryOut(this.#queue.take(), signal);
        this.#queue.settle();
        this.#search.review();
      } catch (error) {
        this.#queue.putBack();
        throw error;
      } finally {
        this.#options.capture.progressed();
        this.#options.onChange();
      }
    }
  }

  stopAtBoundary(): void {
    this.#end("at the next batch");
  }

  async drain(signal: AbortSignal): Promise<void> {
    await catchUp(this.#options.redis, () => (this.#isCapturing ? this.#captured.offset : undefined), signal);
    this.#end("when empty");
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#gate.wake();
  }

  reconnect(): void {
    this.#table?.reopen();
  }

  resume(): void {}

  async reviewLetters(): Promise<void> {}

  async retry(): Promise<boolean> {
    return true;
  }

  status(): PipelineStatus {
    const { written, deleted, failed } = this.#orders;
    return {
      capturing: this.#isCapturing,
      trouble: this.#trouble,
      scan: undefined,
      isWriting: this.#queue.isUnderWay,
      buffered: this.#queue.size,
      rows: written,
      deletes: deleted,
      deadLetters: failed,
      capturedOffset: this.#captured.offset,
      committedOffset: this.committed(),
    };
  }

  async close(): Promise<void> {
    this.#options.capture.detach(this);
    await this.#sink.close();
  }

  // --- what capture calls ----------------------------------------------------------------------------------------------------

  attached({ position, gap }: Attached): void {
    const before = this.#stillCommittedAt(position);
    this.#captured = position;
    this.#isCapturing = true;
    if (!this.#table) this.#begin(position, gap !== undefined);
    if (gap !== undefined) this.#search.miss(before);
    this.#options.onChange();
    this.#gate.wake();
  }

  lost(): void {
    this.#isCapturing = false;
    this.#options.onChange();
  }

  deliver(changes: readonly Change[], captured: Position): void {
    for (const change of changes) {
      if (change.own || !change.key.startsWith(this.head)) continue;
      if (change.kind === "set") this.#order(change, change.fields);
      else if (change.kind === "dirty") this.#order(change, undefined);
    }
    this.#captured = captured;
    if (!this.#isCapturing) {
      this.#isCapturing = true;
      this.#options.onChange();
    }
    this.#gate.wake();
  }

  hurry(): void {
    this.#gate.wake();
  }

  committed(): number {
    if (!this.#table) return this.#seat.lowest;
    return Math.min(this.#search.heldAt ?? Infinity, this.#queue.oldest?.start ?? Infinity, this.#captured.offset);
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  #order({ key: temporary, start, startDb, end }: Change, pairs: readonly Bytes[] | undefined, isFound = false): void {
    const close = temporary.lastIndexOf("}");
    const key = temporary.slice(temporary.indexOf("{") + 1, close < 0 ? temporary.length : close);
    this.#queue.push({ temporary, key, pairs, start, startDb, end, isReplayed: end <= this.#replayedUntil, isFound });
  }

  #begin(position: Position, hasGap: boolean): void {
    const [checkpoint] = this.#seat.settle(position, this.#options.capture.countersAt(position.offset));
    if (!checkpoint) throw new Error("a seat always settles with a checkpoint");
    this.#replayedUntil = hasGap ? 0 : checkpoint.high;
    // What was missing when it was stored is in no stream: nobody can tell what was committed then.
    if (checkpoint.snapshot === "pending") this.#search.miss(0);
    this.#table = new ThroughTable({
      sink: this.#sink,
      checkpoint,
      orders: this.#orders,
      guards: this.#options.guards,
      timeoutMs: this.recipe.timeout,
      next: (current, high) => this.#nextCheckpoint(current, high),
      onTrouble: (reason) => {
        this.#trouble = reason;
        this.#options.onChange();
      },
      onOpened: (opened) => this.#learn(opened),
    });
  }

  #learn({ columns }: Opened): void {
    const { connector, mappings } = this.recipe;
    // The id is all that follows the first colon of the key.
    const idOf = (key: Bytes) => (key.includes(":") ? key.slice(key.indexOf(":") + 1) : undefined);
    this.#orders.rows = new RowMaker({ idOf, primaryKey: connector.primaryKey, mappings, columns });
  }

  async #carryOut(orders: readonly Order[], signal: AbortSignal): Promise<void> {
    const { guards } = this.#options;
    for (const { key } of orders) guards.begin(key);
    try {
      const jobs = await this.#orders.prepare(orders);
      await (this.#table as ThroughTable).write(jobs, signal);
      this.#lastCommit = performance.now();
      await Promise.all(jobs.map((job) => this.#orders.finish(job)));
    } finally {
      setTimeout(() => orders.forEach(({ key }) => guards.end(key)), GUARD_MS).unref();
    }
  }

  #nextCheckpoint(current: Checkpoint, high: number): Checkpoint {
    const low = this.#lowest();
    const counters = this.#options.capture.countersAt(low.offset);
    // Whoever starts from here has to look for them again, until all are carried out.
    const snapshot = this.#search.heldAt === undefined ? "done" : "pending";
    return advance(current, { low, high, snapshot, counters });
  }

  /** Until the last step in Redis is made, a restart has to see these orders again. */
  #lowest(): Position {
    const { replid } = this.#captured;
    const { oldest } = this.#queue;
    return oldest ? { replid, offset: oldest.start, db: oldest.startDb } : this.#captured;
  }

  /** How much of what was committed counts at this place; nothing, where another history begins. */
  #stillCommittedAt(position: Position): number {
    const last = this.#table ? this.#captured : this.#seat.resume;
    return last?.replid === position.replid && last.offset <= position.offset ? this.committed() : 0;
  }

  #end(when: End): void {
    this.#ending = when;
    this.#gate.wake();
  }

  #isAtEnd(): boolean {
    if (this.#ending === "at the next batch") return true;
    return this.#ending === "when empty" && (this.#isPaused || !(this.#queue.hasWaiting || this.#table?.isInDoubt));
  }

  #waitMs(): number {
    if (this.#ending === "at the next batch") return 0;
    if (this.#isPaused) return this.#ending === "no" ? Infinity : 0;
    if (this.#queue.hasWaiting || this.#table?.isInDoubt || this.#ending === "when empty" || this.#search.isDue)
      return 0;
    const stored = this.#table?.checkpoint;
    const isUpToDate = this.#captured.offset <= (stored?.low ?? 0) && stored?.snapshot !== "pending";
    return isUpToDate ? Infinity : this.#lastCommit + IDLE_CHECKPOINT_MS - performance.now();
  }
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}
