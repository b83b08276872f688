import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change, Checkpoint } from "../../src/model.js";
import type { Partition } from "../../src/pipeline/partition.js";
import { PartitionMaker, type PartitionMakerOptions } from "../../src/pipeline/partition-maker.js";
import type { RowMaker } from "../../src/pipeline/rows.js";

/** As the documentation says, of a recipe. */
const MAX_BYTES = 64 * 2 ** 20;

/** The partitions of a recipe with one field. */
function make(partitions: number): Partition[] {
  const maker = new PartitionMaker({
    recipe: { partitions, batch: 100, duration: 0, mappings: [{ field: "a", column: "a" }], onDelete: "delete" },
    head: "k:",
    redis: { options: {}, once: () => undefined },
    sinks: [],
  } as unknown as PartitionMakerOptions);
  const at = { token: "t", replid: "r", low: 0, db: 0, high: 0, snapshot: "done", version: "1.0.0" } as const;
  return Array.from({ length: partitions }, (_, partition) =>
    maker.make({ ...at, partition } satisfies Checkpoint, {} as RowMaker, at),
  );
}

for (const count of [1, 8]) {
  test(`while nothing can be written, ${count} ${count === 1 ? "partition holds" : "partitions hold"} every key, and 64 MB of values at most`, () => {
    const partitions = make(count);
    // Held a thousand times, and in memory once.
    const value = "x".repeat(2 ** 20);
    for (let i = 0; i < 1000; i++) {
      const at = { start: i * 10, startDb: 0, end: i * 10 + 10, own: false as const };
      const change: Change = { ...at, key: `k:${i}`, kind: "set", fields: ["a", value] };
      partitions[i % count]!.buffer.merge(change, 0);
    }
    const total = (of: (partition: Partition) => number) => partitions.reduce((sum, one) => sum + of(one), 0);
    assert.equal(
      total(({ size }) => size),
      1000,
    );
    const bytes = total(({ buffer }) => buffer.bytes);
    assert.ok(bytes > MAX_BYTES / 2 && bytes <= MAX_BYTES, `${bytes} bytes`);
  });
}
