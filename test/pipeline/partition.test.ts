import assert from "node:assert/strict";
import { test } from "node:test";
import { Buffer as ChangeBuffer } from "../../src/buffer/buffer.js";
import type { Entry } from "../../src/buffer/entry.js";
import type { ErrorClass, Opened, Sink } from "../../src/connectors/connector.js";
import { HaltedError } from "../../src/errors.js";
import type { Batch, Change, Checkpoint, CheckpointMove, Position } from "../../src/model.js";
import { Partition } from "../../src/pipeline/partition.js";
import type { Whole } from "../../src/pipeline/whole.js";
import type { ReadBack } from "../../src/pipeline/read.js";
import { type Refusal, Resolver } from "../../src/pipeline/resolve.js";
import { RowMaker } from "../../src/pipeline/rows.js";
import { Writer } from "../../src/pipeline/write.js";
import { waitFor } from "../support/wait.js";

const HOUR = 3_600_000;
const text = (name: string) => ({ name, type: "text", kind: { kind: "text" }, nullable: true }) as const;

/** A recipe of one partition, a table in memory, and a stream that the test writes. */
class Recipe implements Whole, Sink {
  readonly partition: Partition;
  readonly rows = new Map<string, string | null>();
  readonly batches: { ids: string[]; to: Checkpoint }[] = [];
  readonly letters: string[] = [];
  /** What is read back; undefined: Redis does not answer. */
  hashes: Map<string, string> | undefined = new Map();
  position: Position = { replid: "r", offset: 0, db: 0 };
  mayDelete = true;
  scanned = -1;
  sweeping: { offset: number; db: number } | undefined;
  /** An answer of Redis takes this long. */
  answering = Promise.resolve();
  stored: Checkpoint;
  #hold: Promise<void> | undefined;
  #letGo: () => void = () => undefined;
  readonly #abort = new AbortController();
  ended: Promise<void> | undefined;

  constructor(options: { durationMs?: number; batch?: number; high?: number } = {}) {
    const high = options.high ?? 0;
    this.stored = { partition: 0, token: "t", replid: "r", low: 0, db: 0, high, snapshot: "done", version: "1.0.0" };
    const rows = new RowMaker({
      idOf: (key) => key.slice(2),
      primaryKey: ["id"],
      mappings: [{ field: "a", column: "a" }],
      columns: [text("id"), text("a")],
    });
    this.partition = new Partition({
      batch: options.batch ?? 10,
      durationMs: options.durationMs ?? 0,
      fieldNames: ["a"],
      rows,
      whole: this,
      resumeLow: 0,
      resumeHigh: high,
      buffer: new ChangeBuffer({ fields: new Map([["a", 0]]), maxBytes: Infinity, removes: (why) => why === "delete" }),
      resolver: new Resolver({
        reader: { read: (keys) => this.#read(keys) },
        fieldNames: ["a"],
        transform: undefined,
        onTrouble: () => undefined,
      }),
      writer: new Writer({
        sink: this,
        checkpoint: this.stored,
        refuse: (item, error) => this.partition.refuse(item, error),
        onTrouble: () => undefined,
        onOpened: () => undefined,
      }),
    });
  }

  run(): Promise<void> {
    this.ended = this.partition.run(this.#abort.signal);
    this.ended.catch(() => undefined);
    return this.ended;
  }

  abort(): void {
    this.#abort.abort(new Error("aborted"));
  }

  /** Each change is ten bytes of the stream. */
  happen(...changes: (readonly ["set", string, string] | readonly ["gone" | "dirty", string])[]): void {
    for (const [kind, key, value] of changes) {
      const at = { key, start: this.position.offset, startDb: 0, end: this.position.offset + 10, own: false };
      const what =
        kind === "set" ? { kind, fields: ["a", value] } : kind === "gone" ? { kind, cause: "delete" } : { kind };
      this.position = { ...this.position, offset: at.end };
      this.partition.buffer.merge({ ...at, ...what } as Change, performance.now());
    }
    this.partition.wake();
  }

  /** The stream goes on without us. */
  pass(bytes: number): void {
    this.position = { ...this.position, offset: this.position.offset + bytes };
    this.partition.wake();
  }

  /** Writes wait until they are let go. */
  hold(): void {
    this.#hold = new Promise((resolve) => (this.#letGo = resolve));
  }

  letGo(): void {
    this.#hold = undefined;
    this.#letGo();
  }

  async #read(keys: readonly string[]): Promise<ReadBack> {
    const { hashes, position } = this;
    if (!hashes) return await new Promise(() => undefined);
    const found = keys.map((key) => {
      const value = hashes.get(key);
      return value === undefined ? { kind: "absent" as const } : { kind: "fields" as const, values: [value] };
    });
    await this.answering;
    return { found, offset: this.readOffset ?? position.offset };
  }

  readOffset: number | undefined;

  // --- the sink --------------------------------------------------------------------------------------------------------------

  async open(): Promise<Opened> {
    return { columns: [], checkpoints: [this.stored] };
  }

  async write({ upserts, deletes }: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    await this.#hold;
    signal.throwIfAborted();
    const ids: string[] = [];
    for (const { id, values } of upserts.flatMap(({ rows }) => rows)) {
      ids.push(String(id[0]));
      this.rows.set(String(id[0]), values[0] as string | null);
    }
    for (const { id } of deletes) {
      ids.push(`-${String(id[0])}`);
      this.rows.delete(String(id[0]));
    }
    this.stored = moves[0]?.to as Checkpoint;
    this.batches.push({ ids, to: this.stored });
  }

  classify(): ErrorClass {
    return "retry";
  }

  async close(): Promise<void> {}

  // --- the whole -------------------------------------------------------------------------------------------------------------

  captured(): Position {
    return this.position;
  }

  isCapturing(): boolean {
    return true;
  }

  scanEndedAt(): number {
    return this.scanned;
  }

  floor() {
    return this.sweeping;
  }

  countersAt(): undefined {
    return undefined;
  }

  allowDeletes(): void {
    if (!this.mayDelete) throw new HaltedError("ask", "too many deletes");
  }

  async refuse(refused: readonly Refusal[]): Promise<void> {
    this.letters.push(...refused.map(({ entry }) => entry.key));
  }

  async wrote(_entries: readonly Entry[]): Promise<void> {}
}

const ids = (recipe: Recipe) => recipe.batches.map((batch) => batch.ids);

test("what comes while a write is under way is the next batch", async () => {
  const recipe = new Recipe();
  recipe.hold();
  void recipe.run();
  recipe.happen(["set", "k:1", "a"]);
  await waitFor(() => recipe.partition.isWriting);
  recipe.happen(["set", "k:2", "b"], ["set", "k:1", "c"], ["set", "k:3", "d"]);
  assert.equal(recipe.partition.committed(), 0);
  assert.equal(recipe.partition.size, 4);
  recipe.letGo();
  await waitFor(() => recipe.batches.length === 2);
  assert.deepEqual(ids(recipe), [["1"], ["2", "1", "3"]]);
  assert.deepEqual(
    recipe.batches.map(({ to }) => [to.low, to.high]),
    [
      [10, 10],
      [40, 40],
    ],
  );
  assert.equal(recipe.partition.committed(), 40);
  recipe.abort();
});

test("a full batch does not wait for the duration, the rest does", async () => {
  const recipe = new Recipe({ durationMs: HOUR, batch: 2 });
  void recipe.run();
  recipe.happen(["set", "k:1", "a"]);
  recipe.happen(["set", "k:2", "a"], ["set", "k:3", "a"]);
  await waitFor(() => recipe.batches.length === 1);
  assert.deepEqual(ids(recipe), [["1", "2"]]);
  assert.equal(recipe.stored.low, 20, "the checkpoint stays behind what waits");
  recipe.abort();
});

test("somebody who waits is served at once, over as many batches as it takes", async () => {
  const recipe = new Recipe({ durationMs: HOUR, batch: 2 });
  void recipe.run();
  recipe.happen(...Array.from({ length: 5 }, (_, i) => ["set", `k:${i}`, "a"] as const));
  recipe.partition.hurry();
  await waitFor(() => recipe.partition.committed() === 50);
  assert.deepEqual(ids(recipe), [["0", "1"], ["2", "3"], ["4"]]);
  recipe.happen(["set", "k:9", "a"]);
  assert.equal(recipe.partition.committed(), 50, "what comes later waits as ever");
  recipe.abort();
});

test("an orderly end writes what there is, and does not wait for what goes on coming", async () => {
  const recipe = new Recipe({ durationMs: HOUR, batch: 1 });
  const running = recipe.run();
  recipe.happen(["set", "k:1", "a"], ["set", "k:2", "a"]);
  recipe.partition.end("when empty");
  // Every batch that is written makes something new happen.
  recipe.wrote = async () => recipe.happen(["set", "k:1", "b"], ["set", "k:9", "c"]);
  await running;
  assert.ok(recipe.stored.low >= 20);
  assert.ok(recipe.batches.length <= 4, `${recipe.batches.length} batches`);
});

test("an orderly end stores how far it came, also where nothing was to be written", async () => {
  const recipe = new Recipe({ durationMs: HOUR });
  const running = recipe.run();
  recipe.pass(500);
  recipe.partition.end("when empty");
  await running;
  assert.equal(recipe.stored.low, 500);
});

test("an end at the next batch leaves in the buffer what is not under way", async () => {
  const recipe = new Recipe({ durationMs: 0, batch: 1 });
  recipe.hold();
  const running = recipe.run();
  recipe.happen(["set", "k:1", "a"], ["set", "k:2", "a"]);
  await waitFor(() => recipe.partition.isWriting);
  recipe.partition.end("at the next batch");
  recipe.letGo();
  await running;
  assert.deepEqual(ids(recipe), [["1"]]);
  assert.equal(recipe.partition.size, 1);
});

test("an end does not wait for a sweep that goes on, nor write without end meanwhile", async () => {
  const recipe = new Recipe({ durationMs: HOUR });
  recipe.sweeping = { offset: 5, db: 0 };
  const running = recipe.run();
  recipe.happen(["set", "k:1", "a"], ["set", "k:2", "a"]);
  recipe.partition.end("when empty");
  await running;
  assert.deepEqual(ids(recipe), [["1", "2"]]);
  assert.equal(recipe.stored.low, 5, "no checkpoint passes the flush");
});

test("while paused nothing is written, and nothing is lost", async () => {
  const recipe = new Recipe();
  recipe.partition.setPaused(true);
  void recipe.run();
  recipe.happen(["set", "k:1", "a"]);
  await new Promise(setImmediate);
  assert.deepEqual(recipe.batches, []);
  recipe.partition.setPaused(false);
  await waitFor(() => recipe.rows.get("1") === "a");
  recipe.abort();
});

test("after a start nothing is written before capture has passed what the table reflects", async () => {
  const recipe = new Recipe({ high: 35 });
  void recipe.run();
  recipe.happen(["set", "k:1", "a"], ["set", "k:2", "a"], ["set", "k:1", "b"]);
  await new Promise(setImmediate);
  assert.deepEqual(recipe.batches, []);
  recipe.happen(["set", "k:1", "c"]);
  await waitFor(() => recipe.batches.length === 1);
  assert.deepEqual([recipe.rows.get("1"), recipe.stored.low], ["c", 40]);
  recipe.abort();
});

test("after a read that was ahead of the stream nothing is written before capture has passed it", async () => {
  const recipe = new Recipe();
  recipe.hashes?.set("k:1", "newest");
  recipe.readOffset = 40;
  void recipe.run();
  recipe.happen(["dirty", "k:1"]);
  await waitFor(() => recipe.rows.get("1") === "newest");
  assert.equal(recipe.stored.high, 40);
  recipe.happen(["set", "k:1", "old"], ["set", "k:1", "older"]);
  await new Promise(setImmediate);
  assert.equal(recipe.rows.get("1"), "newest");
  recipe.happen(["set", "k:1", "newest"]);
  await waitFor(() => recipe.batches.length === 2);
  assert.equal(recipe.rows.get("1"), "newest");
  recipe.abort();
});

test("a key that is not there waits for capture to tell why, and holds the checkpoint back", async () => {
  const recipe = new Recipe();
  recipe.readOffset = 30;
  void recipe.run();
  recipe.happen(["dirty", "k:1"], ["set", "k:2", "a"]);
  await waitFor(() => recipe.rows.has("2"));
  assert.equal(recipe.stored.low, 0);
  assert.equal(recipe.partition.committed(), 0);
  recipe.rows.set("1", "before");
  recipe.happen(["gone", "k:1"]);
  await waitFor(() => recipe.stored.low === 30);
  assert.equal(recipe.rows.has("1"), false);
  recipe.abort();
});

test("a halted recipe keeps what it could not write, and goes on with it", async () => {
  const recipe = new Recipe();
  recipe.mayDelete = false;
  recipe.happen(["gone", "k:1"], ["set", "k:2", "a"]);
  await assert.rejects(recipe.run(), HaltedError);
  assert.equal(recipe.partition.size, 2);
  recipe.happen(["set", "k:1", "again"]);
  recipe.mayDelete = true;
  void recipe.run();
  await waitFor(() => recipe.batches.length === 1);
  assert.deepEqual([...recipe.rows].toSorted(), [
    ["1", "again"],
    ["2", "a"],
  ]);
  recipe.abort();
});

test("an abort ends waiting for a Redis that does not answer, and for letters that cannot be stored", async () => {
  const silent = new Recipe();
  silent.hashes = undefined;
  const reading = silent.run();
  silent.happen(["dirty", "k:1"]);
  await waitFor(() => silent.partition.isWriting);
  silent.abort();
  await assert.rejects(reading, /aborted/);
  assert.equal(silent.partition.buffer.size, 1);
});

test("when the history is lost while a batch is read, it is not written, and everything is read anew", async () => {
  const recipe = new Recipe();
  const answer: (() => void)[] = [];
  const hashes = recipe.hashes;
  recipe.answering = new Promise((resolve) => answer.push(resolve));
  void recipe.run();
  recipe.pass(1_000_000);
  hashes?.set("k:1", "old");
  recipe.happen(["dirty", "k:1"]);
  await waitFor(() => recipe.partition.isWriting);
  hashes?.set("k:1", "new");
  recipe.position = { replid: "another", offset: 7, db: 0 };
  recipe.partition.rebase(recipe.position);
  assert.equal(recipe.partition.committed(), 7);
  recipe.answering = Promise.resolve();
  answer[0]?.();
  await waitFor(() => recipe.rows.get("1") === "new");
  assert.ok(recipe.batches.every(({ ids }) => ids.length === 0 || ids[0] === "1"));
  assert.deepEqual([recipe.stored.replid, recipe.stored.low, recipe.stored.high], ["another", 7, 7]);
  recipe.abort();
});

test("what waits when the history is lost is read anew, and no value of the old one is written", async () => {
  const recipe = new Recipe();
  recipe.partition.setPaused(true);
  void recipe.run();
  recipe.pass(1_000_000);
  recipe.happen(["set", "k:1", "lost"], ["set", "k:2", "lost"]);
  recipe.hashes?.set("k:1", "kept").set("k:2", "kept");
  recipe.position = { replid: "another", offset: 7, db: 0 };
  recipe.partition.rebase(recipe.position);
  recipe.partition.setPaused(false);
  await waitFor(() => recipe.batches.length === 1);
  assert.deepEqual(
    [...recipe.rows],
    [
      ["1", "kept"],
      ["2", "kept"],
    ],
  );
  assert.deepEqual([recipe.stored.replid, recipe.stored.low, recipe.stored.high], ["another", 7, 7]);
  recipe.abort();
});

test("keys that a scan found keep the snapshot pending until they are written", async () => {
  const recipe = new Recipe({ batch: 1 });
  recipe.hashes?.set("k:1", "a").set("k:2", "b");
  recipe.scanned = Infinity;
  recipe.pass(50);
  recipe.partition.touch("k:1");
  recipe.partition.touch("k:2");
  void recipe.run();
  await waitFor(() => recipe.batches.length === 2);
  assert.equal(recipe.stored.snapshot, "pending", "the scan is not over");
  recipe.scanned = 50;
  recipe.partition.wake();
  // An idle partition would store it only after five seconds.
  await waitFor(() => recipe.batches.length === 3, { timeoutMs: 2500 });
  assert.equal(recipe.stored.snapshot, "done", "stored at once, though there is nothing to write");
  assert.deepEqual(ids(recipe).at(-1), []);
  recipe.abort();
});
