import assert from "node:assert/strict";
import { test } from "node:test";
import type { Sink } from "../../src/connectors/connector.js";
import { Sweep } from "../../src/pipeline/sweep.js";
import type { Bytes } from "../../src/model.js";
import type { Logger } from "../../src/observe/logger.js";
import { waitFor } from "../support/wait.js";

/** A table with these ids; what is swept goes when `carry` is called. */
function flushed(ids: string[]) {
  const taken: string[] = [];
  let carry: () => void = () => undefined;
  const sink = {
    open: () => Promise.resolve(),
    close: () => Promise.resolve(),
    keys: (after: readonly Bytes[] | undefined) =>
      Promise.resolve(ids.filter((id) => !after || id > after[0]!).map((id) => [id])),
  };
  let settled = 0;
  const sweep = new Sweep({
    sink: () => sink as unknown as Sink,
    take: (page) => Promise.resolve(void taken.push(...page.map(([id]) => id!))),
    carried: () => new Promise<void>((resolve) => (carry = resolve)),
    onSettled: () => settled++,
    log: {} as Logger,
  });
  const abort = new AbortController();
  void sweep.run(abort.signal);
  return { sweep, taken, carry: () => carry(), settled: () => settled, stop: () => abort.abort() };
}

test("a flush holds the checkpoint back until the rows that it took are gone", async () => {
  const table = flushed(["1", "2"]);
  table.sweep.request({ offset: 5, db: 0 });
  await waitFor(() => table.taken.length === 2);
  await new Promise(setImmediate);
  assert.deepEqual(table.sweep.since, { offset: 5, db: 0 }, "they are only on their way");
  table.carry();
  await waitFor(() => table.settled() === 1);
  assert.equal(table.sweep.since, undefined);
  table.stop();
});

test("a flush during a sweep is swept as well: rows may have come behind it", async () => {
  const ids = ["1"];
  const table = flushed(ids);
  table.sweep.request({ offset: 5, db: 0 });
  await waitFor(() => table.taken.length === 1);
  ids[0] = "0";
  table.sweep.request({ offset: 50, db: 0 });
  table.carry();
  await waitFor(() => table.taken.length === 2);
  assert.deepEqual(table.sweep.since, { offset: 50, db: 0 });
  table.carry();
  await waitFor(() => table.sweep.since === undefined);
  assert.deepEqual(table.taken, ["1", "0"]);
  table.stop();
});
