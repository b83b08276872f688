import assert from "node:assert/strict";
import { test } from "node:test";
import { Buffer as ChangeBuffer } from "../../src/buffer/buffer.js";
import { Entry } from "../../src/buffer/entry.js";
import type { Change, GoneCause } from "../../src/model.js";

const FIELDS = new Map([
  ["a", 0],
  ["b", 1],
]);

function makeBuffer(options: { maxBytes?: number; removes?: readonly GoneCause[] } = {}): ChangeBuffer {
  const removes = options.removes ?? ["delete"];
  return new ChangeBuffer({
    fields: FIELDS,
    maxBytes: options.maxBytes ?? Infinity,
    removes: (cause) => removes.includes(cause),
  });
}

/** A change that begins at `start` and is ten bytes long. */
const at = (start: number) => ({ start, startDb: 3, end: start + 10, own: false as const });
const set = (key: string, start: number, fields: string[]): Change => ({ ...at(start), key, kind: "set", fields });
const gone = (key: string, start: number, cause: GoneCause): Change => ({ ...at(start), key, kind: "gone", cause });
const position = (offset: number) => ({ replid: "r", offset, db: 5 });
const keysOf = (entries: readonly Entry[]) => entries.map(({ key }) => key);

test("entries are taken in the order of their first change", () => {
  const buffer = makeBuffer();
  for (const [key, start] of [
    ["x", 0],
    ["y", 10],
    ["x", 20],
    ["z", 30],
  ] as const)
    buffer.merge(set(key, start, ["a", "1"]), 0);
  assert.deepEqual(buffer.oldest(), { offset: 0, db: 3 });
  assert.deepEqual(keysOf(buffer.take(2, 40)), ["x", "y"]);
  assert.deepEqual(buffer.oldest(), { offset: 30, db: 3 });
  assert.equal(buffer.size, 1);
});

test("what could not be written comes before everything that came later", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  buffer.merge(set("y", 10, ["a", "1"]), 0);
  const taken = buffer.take(2, 20);
  buffer.merge(set("z", 20, ["a", "1"]), 0);
  buffer.merge(set("y", 30, ["b", "2"]), 0);
  buffer.putBack(taken);
  const entries = buffer.take(9, 40);
  assert.deepEqual(keysOf(entries), ["x", "y", "z"]);
  assert.deepEqual(entries[1]?.values, ["1", "2"]);
  assert.deepEqual([entries[1]?.first, entries[1]?.last], [10, 40]);
});

test("what was not found in Redis waits also in the buffer of a newer version, until capture tells why", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  const [entry] = buffer.take(1, 50);
  entry!.absentAt = 100;
  buffer.putBackAbsent(entry!);
  const next = makeBuffer();
  for (const one of buffer.drain()) next.adopt(one);
  assert.deepEqual([next.size, next.isReady(50), next.take(9, 50)], [1, false, []]);
  assert.deepEqual(keysOf(next.take(9, 100)), ["x"]);
});

test("after SWAPDB nothing that was known holds, neither of what waits nor of what is on its way", () => {
  const buffer = makeBuffer();
  buffer.merge(set("taken", 0, ["a", "1", "b", "2"]), 0);
  buffer.take(1, 10);
  buffer.merge(set("waits", 10, ["a", "1", "b", "2"]), 0);
  buffer.swapped(30);
  const entries = buffer.take(9, 40);
  assert.deepEqual(keysOf(entries), ["taken", "waits"]);
  for (const entry of entries) assert.deepEqual([entry.isComplete(2), entry.last], [false, 30], entry.key);
});

test("a key that was read and not found waits until capture has passed that moment", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  const [entry] = buffer.take(1, 10);
  assert.ok(entry);
  entry.absentAt = 50;
  buffer.putBackAbsent(entry);
  buffer.settle();
  assert.equal(buffer.isReady(49), false);
  assert.deepEqual(buffer.take(9, 49), []);
  assert.deepEqual(buffer.oldest(), { offset: 0, db: 3 }, "it holds the checkpoint back");
  assert.equal(buffer.isReady(50), true);
  assert.deepEqual(buffer.take(9, 50), [entry]);
});

test("a key that was not found and is written again waits no longer", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  const [entry] = buffer.take(1, 10);
  assert.ok(entry);
  entry.absentAt = 50;
  buffer.putBackAbsent(entry);
  buffer.merge(set("x", 10, ["a", "2", "b", "2"]), 0);
  assert.deepEqual(keysOf(buffer.take(9, 20)), ["x"]);
});

test("a hash that lost its last field and was not found takes its row, also when it is made anew before that is written", () => {
  const lost = (buffer: ChangeBuffer) => {
    buffer.merge(set("x", 0, ["a", "1"]), 0);
    buffer.merge({ ...at(10), key: "x", kind: "unset", fields: ["a"] }, 0);
    const [entry] = buffer.take(1, 20);
    assert.ok(entry);
    entry.absentAt = 20;
    return entry;
  };
  const again: Change = { ...at(20), key: "x", kind: "dirty" };
  const orders: Record<string, (buffer: ChangeBuffer) => void> = {
    "after the answer": (buffer) => {
      buffer.putBackAbsent(lost(buffer));
      buffer.merge(again, 0);
    },
    "before the answer": (buffer) => {
      const entry = lost(buffer);
      buffer.merge(again, 0);
      buffer.putBackAbsent(entry);
    },
  };
  for (const [name, play] of Object.entries(orders)) {
    const buffer = makeBuffer();
    play(buffer);
    buffer.merge(gone("x", 30, "expire"), 0);
    const [entry] = buffer.take(1, 40);
    assert.equal(entry?.isRemoved, true, name);
    assert.deepEqual(entry?.values, [], `${name}: what the new hash held was never seen`);
    assert.equal(buffer.bytes, 0, name);
  }
});

test("a hash that loses its last field keeps its row, where rows of deleted keys stay", () => {
  const buffer = makeBuffer({ removes: [] });
  buffer.merge(set("x", 0, ["a", "1", "b", "1"]), 0);
  buffer.merge({ ...at(10), key: "x", kind: "unset", fields: ["a", "b"] }, 0);
  const [entry] = buffer.take(1, 20);
  assert.equal(entry?.isComplete(2), true, "nothing is left to find out");
  assert.deepEqual([entry?.values, entry?.mayBeEmpty], [[null, null], false]);
});

test("keys that go while their rows stay leave nothing to do", () => {
  const buffer = makeBuffer();
  buffer.merge(gone("x", 0, "expire"), 0);
  buffer.merge({ ...gone("y", 10, "delete"), own: "settled" }, 0);
  buffer.merge({ ...at(20), key: "z", kind: "ttl", at: 1 }, 0);
  assert.equal(buffer.size, 0);
  buffer.merge(gone("x", 30, "delete"), 0);
  assert.equal(buffer.size, 1);
});

test("what happens to a key on its way to the table is kept, whatever it is", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  buffer.take(1, 10);
  buffer.merge(gone("x", 10, "expire"), 0);
  assert.equal(buffer.size, 1);
  buffer.take(1, 20);
  buffer.settle();
  buffer.merge(gone("x", 20, "expire"), 0);
  assert.equal(buffer.size, 0);
});

test("past its limit the buffer keeps keys only, and counts every byte", () => {
  const buffer = makeBuffer({ maxBytes: 10 });
  buffer.merge(set("x", 0, ["a", "12345", "b", "12345"]), 0);
  assert.equal(buffer.bytes, 10);
  buffer.merge(set("y", 10, ["a", "1", "b", "1"]), 0);
  assert.equal(buffer.bytes, 10);
  const [x, y] = buffer.take(9, 20);
  assert.equal(x?.isComplete(2), true);
  assert.equal(y?.isComplete(2), false);
  assert.equal(buffer.bytes, 0);
});

test("bytes that leave with a key, a flush or a new incarnation are no longer counted", () => {
  const cases: Record<string, (buffer: ChangeBuffer) => void> = {
    DEL: (buffer) => void buffer.merge(gone("x", 10, "delete"), 0),
    "a flush that deletes": (buffer) => buffer.flushed(20),
    "HDEL of both": (buffer) => void buffer.merge({ ...at(10), key: "x", kind: "unset", fields: ["a", "b"] }, 0),
    "HINCRBY, then DEL": (buffer) => {
      buffer.merge({ ...at(10), key: "x", kind: "dirty" }, 0);
      buffer.merge(set("x", 20, ["a", "7"]), 0);
      buffer.merge(gone("x", 30, "delete"), 0);
    },
    "expiry, then HSET of nothing mapped": (buffer) => {
      buffer.merge(gone("x", 10, "expire"), 0);
      buffer.merge(set("x", 20, ["c", "1"]), 0);
    },
  };
  for (const [name, change] of Object.entries(cases)) {
    const buffer = makeBuffer({ removes: ["delete", "flush"] });
    buffer.merge(set("x", 0, ["a", "123", "b", "456"]), 0);
    assert.equal(buffer.bytes, 6, name);
    change(buffer);
    assert.equal(buffer.bytes, 0, name);
  }
});

test("bytes are not counted any more once a hash is gone, whose row stays, and is made anew with `+`", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "123"]), 0);
  buffer.merge(gone("x", 10, "expire"), 0);
  buffer.skip("x", ["a", "9"], 30);
  const [entry] = buffer.take(1, 20);
  assert.deepEqual(entry?.values[0], "123");
  assert.equal(buffer.bytes, 0);
});

test("a value that is written with `=` is not lost to one that is written with `+`", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1", "b", "1"]), 0);
  buffer.skip("x", ["a", "2"], 20);
  const [entry] = buffer.take(1, 10);
  assert.deepEqual(entry?.values, ["1", "1"]);
  assert.equal(entry?.isComplete(2), true);
});

test("a field that was written with `+` alone is left out of the row", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["b", "1"]), 0);
  buffer.skip("x", ["a", "2"], 20);
  const [entry] = buffer.take(1, 10);
  assert.deepEqual(entry?.values, [undefined, "1"]);
  assert.equal(entry?.isComplete(2), true, "it needs no reading");
});

test("a flush that deletes rows reaches those that are on their way to the table", () => {
  const buffer = makeBuffer({ removes: ["flush"] });
  buffer.merge(set("x", 0, ["a", "1"]), 0);
  buffer.merge(set("y", 10, ["a", "1"]), 0);
  buffer.take(1, 20);
  buffer.flushed(30);
  buffer.settle();
  assert.deepEqual(buffer.oldest(), { offset: 0, db: 3 }, "a restart would see the flush again");
  const entries = buffer.take(9, 30);
  assert.deepEqual(keysOf(entries), ["x", "y"]);
  assert.ok(entries.every(({ isRemoved, isVacant }) => isRemoved && isVacant));
});

test("when the history is lost, a hash whose every field was taken away counts as deleted", () => {
  const buffer = makeBuffer();
  const unset = (key: string, start: number, fields: string[]) =>
    buffer.merge({ ...at(start), key, kind: "unset", fields }, 0);
  unset("emptied", 1000, ["a", "b"]);
  unset("halved", 1010, ["a"]);
  unset("again", 1020, ["a", "b"]);
  buffer.merge(set("again", 1030, ["a", "1"]), 0);
  buffer.rebase(position(7), 0);
  const removed = buffer.take(9, 7).filter(({ isRemoved }) => isRemoved);
  assert.deepEqual(keysOf(removed), ["emptied"], "of the others the row may be all there is");
});

test("when the history is lost, keys and deletes are kept and values are not", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 1000, ["a", "1", "b", "1"]), 0);
  buffer.merge(gone("y", 1010, "delete"), 0);
  buffer.rebase(position(7), 0);
  assert.deepEqual(buffer.oldest(), { offset: 7, db: 5 });
  assert.equal(buffer.bytes, 0);
  const [x, y] = buffer.take(9, 7);
  assert.equal(x?.isComplete(2), false);
  assert.deepEqual([x?.isRemoved, y?.isRemoved], [false, true]);
  assert.equal(y?.isVacant, false, "it may exist in the new history: it is looked for");
});

test("what comes back after the history was lost belongs to the new one", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 5_000, ["a", "1"]), 0);
  const taken = buffer.take(1, 5_010);
  buffer.rebase(position(7), 0);
  buffer.merge(set("y", 7, ["a", "1"]), 0);
  buffer.putBackRebased(taken, position(7), 0);
  assert.deepEqual(buffer.oldest(), { offset: 7, db: 3 });
  assert.deepEqual(keysOf(buffer.take(9, 17)), ["y", "x"]);
});

test("a recipe with other fields keeps what it knows and reads the rest", () => {
  const entry = new Entry("x", 0, 0, 0);
  entry.set(["a", "1", "b", "2"], FIELDS);
  entry.rearrange([1, undefined]);
  assert.deepEqual(entry.values, ["2", undefined]);
  assert.equal(entry.isComplete(2), false);
});

test("whoever waits is carried along", () => {
  const buffer = makeBuffer();
  buffer.merge(set("x", 0, ["a", "1"]), 0)?.await("id1");
  const taken = buffer.take(1, 10);
  buffer.merge(set("x", 10, ["a", "2"]), 0)?.await("id2");
  buffer.putBack(taken);
  buffer.rebase(position(3), 0);
  const [entry] = buffer.take(1, 10);
  assert.deepEqual(entry?.waiting, ["id1", "id2"]);
});
