import assert from "node:assert/strict";
import { test } from "node:test";
import { Entry } from "../../src/buffer/entry.js";
import type { ErrorClass, Opened, Sink } from "../../src/connectors/connector.js";
import { RefusedRowsError, SupersededError } from "../../src/errors.js";
import type { Batch, Checkpoint, CheckpointMove } from "../../src/model.js";
import { advance } from "../../src/pipeline/checkpoints.js";
import type { Item } from "../../src/pipeline/rows.js";
import { Writer } from "../../src/pipeline/write.js";

class Refused extends Error {}

/** A table that refuses rows called "bad", and whose connection gets lost as planned. */
class TinySink implements Sink {
  stored: Checkpoint;
  readonly rows: string[] = [];
  readonly moves: CheckpointMove[] = [];
  opens = 0;
  writes = 0;
  /** It says which rows it refuses. */
  names = false;
  /** What happens to the next writes: lost before or after the commit, or committed only when the next comes; no table. */
  plan: ("before" | "after" | "late" | "missing")[] = [];
  #late: (() => void) | undefined;

  constructor(stored: Checkpoint) {
    this.stored = stored;
  }

  async open(): Promise<Opened> {
    this.opens++;
    return { columns: [], checkpoints: [this.stored] };
  }

  async write(batch: Batch, moves: readonly CheckpointMove[]): Promise<void> {
    this.writes++;
    this.#late?.();
    this.#late = undefined;
    const planned = this.plan.shift();
    if (planned === "missing") throw new Error("no such table");
    if (planned === "late") this.#late = () => this.#commit(batch, moves);
    if (planned === "before" || planned === "late") throw new Error("connection lost");
    this.#commit(batch, moves);
    if (planned === "after") throw new Error("connection lost");
  }

  #commit(batch: Batch, [move]: readonly CheckpointMove[]): void {
    if (!move?.to || move.from !== this.stored.token) throw new SupersededError();
    const bad = batch.upserts.flatMap(({ rows }) => rows.filter(({ id }) => String(id[0]).startsWith("bad")));
    if (this.names && bad.length > 0)
      throw new RefusedRowsError(bad.map((row) => ({ row, error: new Error(String(row.id[0])) })));
    const names = batch.upserts.flatMap(({ rows }) => rows.map(({ id }) => String(id[0])));
    if (names.some((name) => name.startsWith("bad"))) throw new Refused(`${names.join()} refused`);
    this.rows.push(...names);
    this.moves.push(move);
    this.stored = move.to;
  }

  classify(error: unknown): ErrorClass {
    if (error instanceof SupersededError) return "superseded";
    return error instanceof Refused || error instanceof RefusedRowsError ? "reject" : "retry";
  }

  async close(): Promise<void> {}
}

const FIRST: Checkpoint = {
  partition: 0,
  token: "first",
  replid: "r",
  low: 10,
  db: 0,
  high: 10,
  snapshot: "done",
  version: "1.0.0",
};
const NEXT = advance(FIRST, {
  low: { replid: "r", offset: 50, db: 0 },
  high: 60,
  snapshot: "done",
  counters: undefined,
});
const COLUMNS = ["a"];
const never = new AbortController().signal;

const items = (...names: string[]): Item[] =>
  names.map((name) => ({
    kind: "upsert",
    entry: new Entry(name, 0, 0, 0),
    columns: COLUMNS,
    row: { id: [name], values: ["1"], offset: 1 },
  }));

function makeWriter() {
  const sink = new TinySink(FIRST);
  const refused: [string, string][] = [];
  const troubles: (string | undefined)[] = [];
  const written: string[] = [];
  const writer = new Writer({
    sink,
    checkpoint: FIRST,
    refuse: async ({ entry }, error) => void refused.push([entry.key, error]),
    onTrouble: (reason) => troubles.push(reason),
    onOpened: () => undefined,
    onWritten: (found) => written.push(...found.map(({ entry }) => entry.key)),
  });
  return { sink, writer, refused, troubles, written };
}

test("a batch is one transaction with its checkpoint", async () => {
  const { sink, writer } = makeWriter();
  await writer.write(items("x", "y"), NEXT, never);
  assert.deepEqual(sink.rows, ["x", "y"]);
  assert.deepEqual(sink.moves, [{ partition: 0, from: "first", to: NEXT }]);
  assert.equal(writer.checkpoint, NEXT);
});

test("a refused row is found by halving; all others are written, and only then the position moves", async () => {
  for (let bad = 0; bad < 7; bad++) {
    const { sink, writer, refused } = makeWriter();
    const names = Array.from({ length: 7 }, (_, i) => (i === bad ? "bad" : `x${i}`));
    await writer.write(items(...names), NEXT, never);
    assert.deepEqual(refused, [["bad", "bad refused"]]);
    assert.deepEqual(
      sink.rows.toSorted(),
      names.filter((name) => name !== "bad"),
    );
    const halves = sink.moves.slice(0, -1);
    assert.ok(halves.every(({ to }) => to?.low === FIRST.low && to.high === NEXT.high));
    assert.equal(sink.stored, NEXT);
  }
});

test("rows that the database names are tried alone, and all others together", async () => {
  const { sink, writer, refused } = makeWriter();
  sink.names = true;
  await writer.write(items("a", "bad1", "b", "c", "bad2", "d"), NEXT, never);
  assert.deepEqual(refused, [
    ["bad1", "A row was refused: bad1"],
    ["bad2", "A row was refused: bad2"],
  ]);
  assert.deepEqual(sink.rows, ["a", "b", "c", "d"]);
  // The whole, the good ones, each bad one, and the position.
  assert.equal(sink.writes, 5);
  assert.equal(sink.stored, NEXT);
});

test("a batch of refused rows alone writes nothing, and moves on", async () => {
  const { sink, writer, refused } = makeWriter();
  await writer.write(items("bad1", "bad2", "bad3"), NEXT, never);
  assert.deepEqual(
    refused.map(([key]) => key),
    ["bad1", "bad2", "bad3"],
  );
  assert.deepEqual([sink.rows, sink.stored], [[], NEXT]);
});

test("what was given up and lands late is neither taken for another writer's, nor written twice", async () => {
  const { sink, writer, written } = makeWriter();
  sink.plan = ["late"];
  await writer.write(items("x"), NEXT, never);
  assert.deepEqual([sink.rows, sink.stored, written], [["x"], NEXT, ["x"]]);
});

test("what nobody waits for any more is known to be written before anything else is", async () => {
  for (const planned of ["before", "after", "late"] as const) {
    const { sink, writer, written } = makeWriter();
    sink.plan = [planned];
    const abort = new AbortController();
    const given = writer.write(items("x"), NEXT, abort.signal);
    abort.abort(new Error("too late"));
    await assert.rejects(given);
    const after = { ...NEXT, token: "after" };
    await writer.write(items("y"), after, never);
    const both = planned === "before" ? ["y"] : ["x", "y"];
    assert.deepEqual([sink.rows, written, sink.stored], [both, both, after], planned);
  }
});

test("a connection lost before the commit: written once more", async () => {
  const { sink, writer, troubles } = makeWriter();
  sink.plan = ["before", "before"];
  await writer.write(items("x"), NEXT, never);
  assert.deepEqual([sink.rows, sink.opens], [["x"], 2]);
  assert.deepEqual(troubles, ["connection lost", "connection lost", undefined]);
});

test("a connection lost after the commit: the stored token tells, and nothing is written twice", async () => {
  const { sink, writer } = makeWriter();
  sink.plan = ["after"];
  await writer.write(items("x"), NEXT, never);
  assert.deepEqual([sink.rows, sink.stored], [["x"], NEXT]);
});

test("a connection lost while a batch is halved loses and repeats no row", async () => {
  for (const how of ["before", "after"] as const) {
    for (let when = 1; when < 6; when++) {
      const { sink, writer, refused } = makeWriter();
      sink.plan = Array.from({ length: when + 1 }, (_, i) => (i === when ? how : undefined)) as typeof sink.plan;
      await writer.write(items("a", "b", "bad", "c"), NEXT, never);
      assert.deepEqual([sink.rows.toSorted(), refused.length], [["a", "b", "c"], 1], `${how} ${when}`);
      assert.equal(sink.stored, NEXT);
    }
  }
});

test("whoever was overtaken writes nothing", async () => {
  const { sink, writer } = makeWriter();
  sink.stored = { ...FIRST, token: "another" };
  await assert.rejects(writer.write(items("x"), NEXT, never), SupersededError);
  assert.deepEqual(sink.rows, []);
});

test("whoever was overtaken while the database was away writes nothing", async () => {
  const { sink, writer } = makeWriter();
  sink.plan = ["before"];
  const writing = writer.write(items("x"), NEXT, never);
  sink.stored = { ...FIRST, token: "another" };
  await assert.rejects(writing, SupersededError);
  assert.deepEqual(sink.rows, []);
});

test("an abort ends the wait for a database that is away; what was sent is found out about later", async () => {
  const { sink, writer } = makeWriter();
  sink.plan = ["after"];
  const abort = new AbortController();
  const writing = writer.write(items("x"), NEXT, abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(writing, /enough/);
  const after = advance(FIRST, {
    low: { replid: "r", offset: 70, db: 0 },
    high: 70,
    snapshot: "done",
    counters: undefined,
  });
  await writer.write(items("y"), after, never);
  assert.deepEqual(sink.rows, ["x", "y"]);
  assert.equal(sink.moves.at(-1)?.from, NEXT.token);
});

test("an abort ends the wait for a dead letter that cannot be stored", async () => {
  const sink = new TinySink(FIRST);
  const abort = new AbortController();
  const writer = new Writer({
    sink,
    checkpoint: FIRST,
    refuse: () => {
      abort.abort(new Error("enough"));
      return new Promise(() => undefined);
    },
    onTrouble: () => undefined,
    onOpened: () => undefined,
  });
  await assert.rejects(writer.write(items("bad"), NEXT, abort.signal), /enough/);
});
