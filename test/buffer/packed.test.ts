import assert from "node:assert/strict";
import { test } from "node:test";
import { EntryQueue } from "../../src/buffer/entry-queue.js";
import { Entry } from "../../src/buffer/entry.js";
import { pack, packedSize, unpack } from "../../src/buffer/packed.js";

/** Every byte there is. */
const BYTES = String.fromCharCode(...Array.from({ length: 254 }, (_, i) => i + 2));

for (const values of [
  ["Ada", null, "36"],
  [""],
  [null],
  [null, "", null],
  [BYTES, "\xff\xfe\x00", "\xff"],
  ["x".repeat(254), "y".repeat(254), "z".repeat(254), "w".repeat(200)],
]) {
  test(`values are the same after they were packed: ${JSON.stringify(values).slice(0, 40)}`, () => {
    const packed = pack(values);
    assert.ok(packed !== undefined);
    assert.deepEqual(unpack(packed), values);
    assert.equal(
      packedSize(packed),
      values.reduce((sum, value) => sum + (value?.length ?? 0), 0),
    );
  });
}

test("what is long, or not known, is left as it is", () => {
  assert.equal(pack(["x".repeat(255)]), undefined);
  assert.equal(pack(Array.from({ length: 5 }, () => "x".repeat(250))), undefined);
  assert.equal(pack(new Array<null>(2000).fill(null)), undefined);
  assert.equal(pack(["a", undefined]), undefined);
});

test("a queue finds what stands in it, and nothing that has gone", () => {
  const queue = new EntryQueue();
  const entries = Array.from({ length: 5000 }, (_, i) => new Entry(`key:${i}`, i, 0, 0));
  for (const entry of entries) queue.push(entry);
  for (const entry of entries) if (entry.first % 10 > 0) queue.remove(entry);
  assert.equal(queue.size, 500);
  for (const entry of entries) assert.equal(queue.get(entry.key), entry.first % 10 > 0 ? undefined : entry);
  // A key that comes back stands at the end, whatever its first entry does.
  const again = new Entry("key:1", 9999, 0, 0);
  queue.push(again);
  assert.equal(queue.get("key:1"), again);
  assert.equal([...queue].at(-1), again);
  queue.clear();
  assert.deepEqual([queue.size, queue.get("key:1"), [...queue]], [0, undefined, []]);
});
