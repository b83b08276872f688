/**
 * One write-through recipe at work. A client writes `HSET __{person:1} first_name foo # =<id>`; the row comes first, the hash after.
 *
 *     __{person:1} ─▶ queue ─▶ read person:1, lay the fields over it ─▶ row committed ─▶ person:1 := that hash, answer "done"
 *                                                                  └▶ refused, or too late ─▶ person:1 stays, answer "failed"
 *
 * Writes of one key are carried out one after the other, in the order of the stream; those of different keys together.
 */
import type { Redis } from "ioredis";
import { Entry } from "../buffer/entry.js";
import type { Attached, Capture, Consumer } from "../capture/capture.js";
import type { ErrorClass, Opened, Sink } from "../connectors/connector.js";
import { messageOf, RefusedValueError } from "../errors.js";
import type { Bytes, Change, Checkpoint, CheckpointMove, Column, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteThroughRecipe } from "../recipe/recipe.js";
import { ackStream, OWN } from "../redis/keys.js";
import { runScript } from "../redis/scripts.js";
import type { Pipeline, PipelineStatus } from "../runner/pipeline.js";
import { advance, begin, resumeFrom, takeOver } from "./checkpoints.js";
import { Gate } from "./gate.js";
import type { WriteGuards } from "./guards.js";
import { OPERATION_FIELD, requestIn, type Request } from "./operations.js";
import { type HashReader, PipelinedReader } from "./read.js";
import { type Item, RowMaker } from "./rows.js";
import { scanKeys } from "./snapshot.js";
import { applyTransforms } from "./transform.js";
import { Writer } from "./write.js";

export interface WriteThroughOptions {
  readonly recipe: WriteThroughRecipe;
  readonly capture: Capture;
  readonly redis: Redis;
  readonly guards: WriteGuards;
  /** Marks the last step as this runner's own. */
  readonly marker: string;
  readonly log: Logger;
  readonly onChange: () => void;
}

/** One write of a client's, on its way. */
interface Order {
  readonly temporary: Bytes;
  /** The key that it is for. */
  readonly key: Bytes;
  /** As the client wrote them, `#` included; undefined: whatever the temporary key holds. */
  readonly pairs: readonly Bytes[] | undefined;
  readonly start: number;
  readonly startDb: number;
  readonly end: number;
  /** It may have been carried out before a restart. */
  readonly isReplayed: boolean;
}

/** An order with what is to be done. */
interface Job {
  readonly order: Order;
  readonly pairs: readonly Bytes[];
  readonly request: Request;
  item: Item | undefined;
  error: string | undefined;
}

const BATCH = 1000;
const IDLE_CHECKPOINT_MS = 5000;
const PLAIN: Request = { mark: "=", id: "", value: "=" };

export class WriteThroughPipeline implements Consumer, Pipeline {
  readonly head: Bytes;
  readonly recipe: WriteThroughRecipe;
  readonly #options: WriteThroughOptions;
  readonly #log: Logger;
  readonly #sink: Sink;
  readonly #reader: HashReader;
  readonly #fields: readonly Bytes[];
  readonly #gate = new Gate(() => this.#waitMs());
  #queue: Order[] = [];
  #columns: readonly Column[] = [];
  #stored: readonly Checkpoint[] = [];
  #firstMoves: readonly CheckpointMove[] = [];
  #writer: Writer | undefined;
  #rows: RowMaker | undefined;
  #captured: Position = { replid: "", offset: 0, db: 0 };
  #replayedUntil = 0;
  #isCapturing = false;
  #needsScan = false;
  #onAttached: () => void = () => {};
  #inFlightStart = Infinity;
  #inFlight = 0;
  #isPaused = false;
  #ending: "no" | "at the next batch" | "when empty" = "no";
  #lastCommit = performance.now();
  #trouble: string | undefined;
  #written = 0;
  #deleted = 0;
  #failed = 0;

  constructor(options: WriteThroughOptions) {
    const { recipe } = options;
    this.recipe = recipe;
    this.#options = options;
    this.#log = options.log;
    this.head = bytes(recipe.keysPrefix.includes("{") ? recipe.keysPrefix : `${recipe.keysPrefix}{`);
    this.#fields = recipe.mappings.map(({ field }) => bytes(field));
    this.#reader = new PipelinedReader(options.redis, undefined);
    const columns = recipe.mappings.map(({ column }) => column);
    this.#sink = recipe.connector.sink({ recipe: recipe.name, columns });
  }

  async open(signal: AbortSignal): Promise<void> {
    try {
      const opened = await this.#sink.open(signal);
      this.#stored = opened.checkpoints;
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
    const attached = new Promise<void>((resolve, reject) => {
      this.#onAttached = resolve;
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
    if (predecessor) this.#stored = (await this.#sink.open(signal)).checkpoints;
    if (this.#stored.length > 0) {
      const moves = takeOver(this.#stored, { partitions: 1, version: this.recipe.version });
      await this.#sink.write({ upserts: [], deletes: [] }, moves, signal);
      this.#stored = moves.flatMap(({ to }) => (to ? [to] : []));
    }
    if (predecessor instanceof WriteThroughPipeline && predecessor.head === this.head) {
      this.#queue = predecessor.#queue;
      predecessor.#queue = [];
      this.#options.capture.replace(predecessor, this);
    } else this.#options.capture.attach(this, this.#stored.length > 0 ? resumeFrom(this.#stored) : undefined);
    await attached;
    if (this.#firstMoves.length > 0) await this.#sink.write({ upserts: [], deletes: [] }, this.#firstMoves, signal);
    this.#firstMoves = [];
  }

  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#gate.pass(signal);
      if (this.#ending === "at the next batch") return;
      if (this.#ending === "when empty" && this.#queue.length === 0) return;
      if (this.#needsScan) await this.#scan(signal);
      const orders = this.#take();
      try {
        await this.#carryOut(orders, signal);
      } catch (error) {
        this.#queue.unshift(...orders);
        throw error;
      } finally {
        this.#inFlight = 0;
        this.#inFlightStart = Infinity;
        this.#options.capture.progressed();
        this.#options.onChange();
      }
    }
  }

  stopAtBoundary(): void {
    this.#end("at the next batch");
  }

  async drain(): Promise<void> {
    this.#end("when empty");
  }

  setPaused(isPaused: boolean): void {
    this.#isPaused = isPaused;
    this.#gate.wake();
  }

  reconnect(): void {
    this.#writer?.reopen();
  }

  resume(): void {}

  retry(): void {}

  status(): PipelineStatus {
    return {
      capturing: this.#isCapturing,
      trouble: this.#trouble,
      scan: undefined,
      buffered: this.#queue.length + this.#inFlight,
      rows: this.#written,
      deletes: this.#deleted,
      deadLetters: this.#failed,
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
    this.#captured = position;
    this.#isCapturing = true;
    if (!this.#writer) this.#settleIn(position, gap !== undefined);
    // What is waiting in Redis is found again by its temporary keys.
    if (gap !== undefined) this.#needsScan = true;
    this.#onAttached();
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
    if (!this.#writer) return this.#stored[0]?.low ?? Infinity;
    return Math.min(this.#inFlightStart, this.#queue[0]?.start ?? Infinity, this.#captured.offset);
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  #order({ key: temporary, start, startDb, end }: Change, pairs: readonly Bytes[] | undefined): void {
    const close = temporary.lastIndexOf("}");
    const open = temporary.indexOf("{");
    const key = temporary.slice(open + 1, close < 0 ? temporary.length : close);
    this.#queue.push({ temporary, key, pairs, start, startDb, end, isReplayed: end <= this.#replayedUntil });
  }

  #settleIn(position: Position, hasGap: boolean): void {
    const isNew = this.#stored.length === 0;
    if (isNew) {
      this.#firstMoves = begin(position, { partitions: 1, snapshot: "done", version: this.recipe.version });
      this.#needsScan = true;
    }
    const checkpoint = isNew ? (this.#firstMoves[0]?.to as Checkpoint) : (this.#stored[0] as Checkpoint);
    this.#replayedUntil = hasGap ? 0 : checkpoint.high;
    this.#writer = new Writer({
      sink: this.#sink,
      checkpoint,
      refuse: async (item, error) => {
        const job = this.#jobs.find((candidate) => candidate.item === item);
        if (job) job.error = error;
      },
      onTrouble: (reason) => {
        this.#trouble = reason;
        this.#options.onChange();
      },
      onOpened: (opened) => this.#learn(opened),
    });
  }

  #learn(opened: Opened): void {
    this.#columns = opened.columns;
    const { connector, mappings } = this.recipe;
    // The id is all that follows the first colon of the key.
    const idOf = (key: Bytes) => (key.includes(":") ? key.slice(key.indexOf(":") + 1) : undefined);
    this.#rows = new RowMaker({ idOf, primaryKey: connector.primaryKey, mappings, columns: this.#columns });
  }

  /** The next orders, at most one a key: the others wait for it. */
  #take(): Order[] {
    const taken: Order[] = [];
    const left: Order[] = [];
    const keys = new Set<Bytes>();
    for (const order of this.#queue) {
      if (taken.length >= BATCH || keys.has(order.key)) left.push(order);
      else taken.push(order);
      keys.add(order.key);
    }
    this.#queue = left;
    this.#inFlight = taken.length;
    this.#inFlightStart = taken[0]?.start ?? Infinity;
    return taken;
  }

  #jobs: readonly Job[] = [];

  async #carryOut(orders: readonly Order[], signal: AbortSignal): Promise<void> {
    for (const { key } of orders) this.#options.guards.begin(key);
    try {
      this.#jobs = await this.#prepare(orders);
      await this.#write(this.#jobs, signal);
      await Promise.all(this.#jobs.map((job) => this.#finish(job)));
    } finally {
      // The last step has been sent; it comes by in the stream a moment later.
      setTimeout(() => orders.forEach(({ key }) => this.#options.guards.end(key)), 1000).unref();
    }
  }

  /** Reads the hashes, and makes the rows that they become. */
  async #prepare(orders: readonly Order[]): Promise<Job[]> {
    if (orders.length === 0) return [];
    const { found, offset } = await this.#reader.read([
      ...orders.map(({ temporary }) => temporary),
      ...orders.map(({ key }) => key),
    ]);
    const jobs: Job[] = [];
    orders.forEach((order, i) => {
      const temporary = found[i];
      const target = found[orders.length + i];
      if (temporary?.kind !== "hash" && (order.isReplayed || !order.pairs)) return;
      const pairs = order.pairs ?? (temporary?.kind === "hash" ? [...temporary.record].flat() : []);
      const job: Job = { order, pairs, request: requestIn(pairs) ?? PLAIN, item: undefined, error: undefined };
      jobs.push(job);
      if (target?.kind === "refused") job.error = target.error;
      else this.#makeRow(job, target?.kind === "hash" ? target.record : new Map(), offset);
    });
    return jobs;
  }

  #makeRow(job: Job, hash: ReadonlyMap<Bytes, Bytes>, offset: number): void {
    const { order, request, pairs } = job;
    const rows = this.#rows as RowMaker;
    const entry = new Entry(order.key, order.start, order.startDb, 0);
    entry.last = Math.max(order.end, offset);
    try {
      if (request.mark === undefined) {
        job.error = `the field "#" is not one of = + ~ - with an optional id`;
      } else if (request.mark === "~") job.item = rows.delete(entry, entry.last);
      else if (request.mark === "=") job.item = this.#upsert(entry, overlay(hash, pairs));
    } catch (error) {
      if (!(error instanceof RefusedValueError)) throw error;
      job.error = error.message;
    }
  }

  #upsert(entry: Entry, record: ReadonlyMap<Bytes, Bytes>): Item | undefined {
    const rows = this.#rows as RowMaker;
    const { transform } = this.recipe;
    if (!transform)
      return rows.upsert(
        entry,
        this.#fields.map((field) => record.get(field) ?? null),
        entry.last,
      );
    const [result] = applyTransforms(transform, [[entry.key, record]]);
    if (result && "error" in result) throw new RefusedValueError(result.error);
    return result?.record ? rows.upsertRecord(entry, result.record, entry.last) : undefined;
  }

  /** Into the table, in time or not at all. */
  async #write(jobs: readonly Job[], signal: AbortSignal): Promise<void> {
    const writer = this.#writer as Writer;
    const items = jobs.flatMap(({ item }) => (item ? [item] : []));
    const oldest = this.#queue[0];
    const captured = this.#captured;
    const next = advance(writer.checkpoint, {
      // Until the last step in Redis is made, a restart has to see these orders again.
      low: this.#lowest(oldest, jobs[0]?.order, captured),
      high: jobs.reduce((high, { order }) => Math.max(high, order.end), 0),
      snapshot: "done",
      counters: this.#options.capture.countersAt(captured.offset),
    });
    const inTime = AbortSignal.timeout(this.recipe.timeout);
    try {
      await writer.write(items, next, AbortSignal.any([signal, inTime]));
    } catch (error) {
      if (!inTime.aborted || signal.aborted) throw error;
      const reason = this.#trouble ?? "it did not answer";
      for (const job of jobs)
        if (job.item) job.error ??= `the database did not take the write within ${this.recipe.timeout} ms: ${reason}`;
    }
    this.#lastCommit = performance.now();
  }

  #lowest(queued: Order | undefined, first: Order | undefined, captured: Position): Position {
    const [oldest] = [queued, first].filter((order) => order !== undefined).sort((a, b) => a.start - b.start);
    return oldest ? { replid: captured.replid, offset: oldest.start, db: oldest.startDb } : captured;
  }

  /** The last step in Redis, and the answer. */
  async #finish({ order, pairs, request, item, error }: Job): Promise<void> {
    const isDelete = request.mark === "~" || request.mark === "-";
    const fate = error !== undefined ? "none" : isDelete ? "delete" : "set";
    if (error !== undefined) this.#failed++;
    else if (item?.kind === "delete") this.#deleted++;
    else if (item) this.#written++;
    // A row that stays, or was not written, is no business of a write-behind beside it; otherwise it may have to look again.
    const marker = request.mark === "=" || request.mark === "~" ? this.#options.marker : "settle";
    const keys = [order.temporary, order.key, ackStream(order.key, request.id)].map((key) =>
      Buffer.from(key, "latin1"),
    );
    const args = [
      OWN,
      marker,
      fate,
      request.id === "" ? "" : "1",
      error ?? "",
      ...pairs.map((part) => Buffer.from(part, "latin1")),
    ];
    try {
      await runScript(this.#options.redis, "write-through", keys as unknown as string[], args);
    } catch (failure) {
      this.#log.warn(`a write-through could not be finished in Redis: ${messageOf(failure)}`);
    }
  }

  /** Temporary keys that nobody has told us of: written before this recipe, or in a gap. */
  async #scan(signal: AbortSignal): Promise<void> {
    this.#needsScan = false;
    const { offset, db } = this.#captured;
    await scanKeys({
      redis: this.#options.redis,
      head: this.head,
      signal,
      take: async (keys) => {
        for (const key of keys) {
          this.#order({ kind: "dirty", key, start: offset, startDb: db, end: offset, own: false }, undefined);
        }
      },
      onProgress: () => undefined,
    });
  }

  #end(when: "at the next batch" | "when empty"): void {
    this.#ending = when;
    this.#gate.wake();
  }

  #waitMs(): number {
    if (this.#ending === "at the next batch") return 0;
    if (this.#isPaused) return this.#ending === "no" ? Infinity : 0;
    if (this.#queue.length > 0 || this.#ending === "when empty" || this.#needsScan) return 0;
    const isUpToDate = this.#captured.offset <= (this.#writer?.checkpoint.low ?? 0);
    return isUpToDate ? Infinity : this.#lastCommit + IDLE_CHECKPOINT_MS - performance.now();
  }
}

function overlay(hash: ReadonlyMap<Bytes, Bytes>, pairs: readonly Bytes[]): Map<Bytes, Bytes> {
  const result = new Map(hash);
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    if (pairs[i] !== OPERATION_FIELD) result.set(pairs[i] as Bytes, pairs[i + 1] as Bytes);
  }
  result.delete(OPERATION_FIELD);
  return result;
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}
