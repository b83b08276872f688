/** One runner: the real buffers, partitions, resolvers, writers and checkpoints, between a simulated stream and table. */
import { Buffer as ChangeBuffer } from "../../../src/buffer/buffer.js";
import type { Entry } from "../../../src/buffer/entry.js";
import type { Sink } from "../../../src/connectors/connector.js";
import { HaltedError, SupersededError } from "../../../src/errors.js";
import type { Checkpoint, Position } from "../../../src/model.js";
import { Partition } from "../../../src/pipeline/partition.js";
import type { Whole } from "../../../src/pipeline/whole.js";
import { Partitions } from "../../../src/pipeline/partitions.js";
import type { HashReader } from "../../../src/pipeline/read.js";
import { type Refusal, Resolver } from "../../../src/pipeline/resolve.js";
import { RowMaker } from "../../../src/pipeline/rows.js";
import type { End } from "../../../src/pipeline/schedule.js";
import { Seat } from "../../../src/pipeline/seat.js";
import { Writer } from "../../../src/pipeline/write.js";
import { type Cache, FIELDS } from "./cache.js";
import type { Chance } from "./chance.js";
import type { Network } from "./network.js";
import { COLUMNS } from "./table.js";

export interface ProcessOptions {
  readonly cache: Cache;
  readonly chance: Chance;
  readonly network: Network;
  readonly sink: () => Sink;
  readonly reader: HashReader;
  readonly partitions: number;
  readonly batch: number;
  /** A row became a dead letter. */
  readonly onLetter: (key: string) => void;
}

const HEAD = "k:";
const PLACES = new Map(FIELDS.map((name, place) => [name as string, place]));

export class Process implements Whole {
  readonly #options: ProcessOptions;
  readonly #partitions = new Partitions(HEAD.length);
  readonly #sinks: readonly Sink[];
  readonly #seat: Seat;
  readonly #abort = new AbortController();
  #captured: Position = { replid: "r", offset: 0, db: 0 };
  #isAttached = false;
  #haltsLeft = 1;
  /** It has come to its end, and why. */
  ended: "overtaken" | "in good order" | Error | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#sinks = Array.from({ length: options.partitions }, options.sink);
    const seat = { partitions: options.partitions, version: "1.0.0", snapshot: "done" as const };
    this.#seat = new Seat(this.#sinks[0] as Sink, seat);
    this.#live().then(
      () => (this.ended = "in good order"),
      (error: unknown) => (this.ended = error instanceof SupersededError ? "overtaken" : (error as Error)),
    );
  }

  /** Capture reads a little of the stream. */
  capture(): void {
    const { stream } = this.#options.cache;
    const changes = stream[this.#captured.offset];
    if (!this.#isAttached || !changes) return;
    for (const change of changes) {
      const partition = this.#partitions.of(change.key);
      if (!partition.isPast(change.end)) partition.buffer.merge(change, 0);
    }
    this.#captured = { ...this.#captured, offset: this.#captured.offset + 1 };
    this.#partitions.wake();
  }

  get isUpToDate(): boolean {
    return this.#isAttached && this.#captured.offset === this.#options.cache.offset && this.#partitions.size === 0;
  }

  /** Somebody waits (WAIT). */
  hurry(): void {
    this.#partitions.hurry();
  }

  end(when: End): void {
    this.#partitions.end(when);
  }

  /** Everything up to here is acknowledged. */
  committed(): number {
    return this.#partitions.hasBegun ? this.#partitions.committed : 0;
  }

  async #live(): Promise<void> {
    const { signal } = this.#abort;
    for (const sink of this.#sinks) this.#seat.found(await this.#patiently(() => sink.open(signal)));
    await this.#seat.claim(signal);
    this.#captured = this.#seat.resume ?? { ...this.#captured, offset: 0 };
    this.#partitions.begin(this.#seat.settle(this.#captured, undefined).map((stored) => this.#makePartition(stored)));
    this.#isAttached = true;
    await this.#seat.confirm(signal);
    while (!(await this.#run()));
  }

  /** All loops to their end; false: it was halted, and goes on. */
  async #run(): Promise<boolean> {
    const abort = new AbortController();
    const loops = this.#partitions.run(abort.signal);
    try {
      await Promise.all(loops);
      return true;
    } catch (error) {
      if (error instanceof HaltedError) return false;
      throw error;
    } finally {
      abort.abort();
      await Promise.allSettled(loops);
    }
  }

  /** A runner that cannot begin begins again. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch {
        await Promise.resolve();
      }
    }
  }

  #makePartition(checkpoint: Checkpoint): Partition {
    const { batch, reader } = this.#options;
    const rows = new RowMaker({
      idOf: (key) => key.slice(HEAD.length),
      primaryKey: ["id"],
      mappings: FIELDS.map((field) => ({ field, column: field })),
      columns: COLUMNS,
    });
    const partition: Partition = new Partition({
      batch,
      durationMs: 0,
      fieldNames: FIELDS,
      rows,
      whole: this,
      resumeLow: checkpoint.low,
      resumeHigh: checkpoint.high,
      buffer: new ChangeBuffer({
        fields: PLACES,
        maxBytes: 20,
        packAbove: 1,
        removes: (cause) => cause === "delete",
      }),
      resolver: new Resolver({ reader, fieldNames: FIELDS, transform: undefined, onTrouble: () => undefined }),
      writer: new Writer({
        sink: this.#sinks[checkpoint.partition] as Sink,
        checkpoint,
        refuse: (item, error) => partition.refuse(item, error),
        onTrouble: () => undefined,
        onOpened: () => undefined,
      }),
    });
    return partition;
  }

  // --- what partitions ask ---------------------------------------------------------------------------------------------------

  captured(): Position {
    return this.#captured;
  }

  isCapturing(): boolean {
    return this.#isAttached;
  }

  scanEndedAt(): number {
    return -1;
  }

  countersAt(): undefined {
    return undefined;
  }

  floor(): undefined {
    return undefined;
  }

  allowDeletes(): void {
    if (this.#haltsLeft > 0 && this.#options.chance.happens(0.1)) {
      this.#haltsLeft--;
      throw new HaltedError("ask", "halted");
    }
  }

  async refuse(refused: readonly Refusal[]): Promise<void> {
    const post = () => refused.forEach(({ entry }) => this.#options.onLetter(entry.key));
    await this.#patiently(() => this.#options.network.call(post));
  }

  wrote(_entries: readonly Entry[]): Promise<void> {
    return Promise.resolve();
  }
}
