import assert from "node:assert/strict";
import { test } from "node:test";
import type { Checkpoint } from "../../src/model.js";
import { advance, begin, resumeFrom, stay, takeOver } from "../../src/pipeline/checkpoints.js";

function checkpoint(partition: number, over: Partial<Checkpoint> = {}): Checkpoint {
  return {
    partition,
    token: `t${partition}`,
    replid: "r",
    low: 100,
    db: 0,
    high: 150,
    snapshot: "done",
    version: "1.0.0",
    ...over,
  };
}

const counters = { runId: "run", offset: 90, expired: 1, evicted: 2 };
const at = (offset: number, replid = "r", db = 0) => ({ replid, offset, db });
const news = (low: number, high: number, replid = "r") => ({
  low: at(low, replid, 4),
  high,
  snapshot: "done" as const,
  counters: undefined,
});

test("a checkpoint moves forward only", () => {
  const next = advance(checkpoint(0), news(120, 160));
  assert.deepEqual([next.low, next.db, next.high], [120, 4, 160]);
  const back = advance(checkpoint(0), news(80, 90));
  assert.deepEqual([back.low, back.db, back.high], [100, 0, 150]);
});

test("its high is never below its low", () => {
  assert.equal(advance(checkpoint(0), news(500, 0)).high, 500);
});

test("in a new history offsets count anew", () => {
  const next = advance(checkpoint(0), news(7, 9, "new"));
  assert.deepEqual([next.replid, next.low, next.high], ["new", 7, 9]);
});

test("every checkpoint has a token of its own, also that of a half batch", () => {
  const tokens = [checkpoint(0), advance(checkpoint(0), news(1, 1)), stay(checkpoint(0), 1), stay(checkpoint(0), 1)];
  assert.equal(new Set(tokens.map(({ token }) => token)).size, tokens.length);
});

test("a half batch stays where it is, and says how new its rows are", () => {
  const { low, db, high, snapshot } = stay(checkpoint(0, { snapshot: "pending" }), 170);
  assert.deepEqual([low, db, high, snapshot], [100, 0, 170, "pending"]);
  assert.equal(stay(checkpoint(0), 10).high, 150);
});

test("a recipe begins with one checkpoint a partition, where there must be none", () => {
  const moves = begin(at(50, "r", 3), { partitions: 3, snapshot: "pending", version: "2.0.0", counters });
  assert.deepEqual(
    moves.map(({ partition, from, to }) => [partition, from, to?.low, to?.high, to?.db, to?.snapshot]),
    [0, 1, 2].map((partition) => [partition, undefined, 50, 50, 3, "pending"]),
  );
});

test("whoever takes over keeps places and gives fresh tokens", () => {
  const stored = [checkpoint(0), checkpoint(1, { low: 300, high: 400, db: 2, snapshot: "pending", counters })];
  const moves = takeOver(stored, { partitions: 2, version: "2.0.0" });
  assert.deepEqual(
    moves.map(({ partition, from }) => [partition, from]),
    [
      [0, "t0"],
      [1, "t1"],
    ],
  );
  moves.forEach(({ to }, i) => {
    assert.notEqual(to?.token, stored[i]?.token);
    assert.deepEqual({ ...to, token: "" }, { ...stored[i], token: "", version: "2.0.0" });
  });
});

test("it does not matter in which order the database tells the checkpoints", () => {
  const moves = takeOver([checkpoint(1, { low: 300, high: 400 }), checkpoint(0)], { partitions: 2, version: "2.0.0" });
  assert.deepEqual(
    moves.map(({ partition, from, to }) => [partition, from, to?.low, to?.high]),
    [
      [0, "t0", 100, 150],
      [1, "t1", 300, 400],
    ],
  );
});

const TWO = [
  checkpoint(0, { db: 3, high: 500, counters }),
  checkpoint(1, { low: 300, db: 2, high: 400, snapshot: "pending" }),
];

for (const partitions of [1, 3, 5]) {
  test(`two partitions become ${partitions}: each starts at the lowest place and respects the highest`, () => {
    const moves = takeOver(TWO, { partitions, version: "2.0.0" });
    assert.equal(moves.length, Math.max(2, partitions));
    for (const { partition, from, to } of moves) {
      assert.equal(from, partition < 2 ? `t${partition}` : undefined);
      if (partition >= partitions) assert.equal(to, undefined, "the row is removed");
      else
        assert.deepEqual([to?.low, to?.db, to?.high, to?.snapshot, to?.counters], [100, 3, 500, "pending", counters]);
    }
  });
}

test("capture goes on from the lowest place, with the database in force and the counters that belong to it", () => {
  assert.deepEqual(resumeFrom(TWO), { replid: "r", offset: 100, db: 3, high: 500, counters });
});

test("partitions of two histories have no place in common: everything is looked for again", () => {
  const mixed = [checkpoint(0), checkpoint(1, { replid: "new", low: 5, high: 6 })];
  assert.notEqual(resumeFrom(mixed).replid, "r");
  assert.notEqual(resumeFrom(mixed).replid, "new");
  for (const { to } of takeOver(mixed, { partitions: 3, version: "2.0.0" })) {
    assert.deepEqual([to?.low, to?.high, to?.snapshot], [0, 0, "pending"]);
  }
});

test("each write is refused to whoever does not know the token", () => {
  const first = takeOver([checkpoint(0)], { partitions: 1, version: "2.0.0" });
  const second = takeOver(
    first.flatMap(({ to }) => to ?? []),
    { partitions: 1, version: "2.0.0" },
  );
  assert.equal(second[0]?.from, first[0]?.to?.token);
});
