/** Checkpoints: stored with the rows, moved only from the token that is expected (invariants 2 and 3). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SupersededError } from "../../src/errors.js";
import type { Checkpoint } from "../../src/model.js";
import { checkpoint, Fixture, NEVER, type Harness, type TableSpec } from "./harness.js";

const SPEC: TableSpec = {
  columns: [
    ["id", "int64"],
    ["name", "varchar(20)"],
  ],
  primaryKey: ["id"],
};
const NOTHING = { upserts: [], deletes: [] };

export function checkpoints(harness: () => Harness): void {
  test("a checkpoint comes back with every field, and belongs to its recipe and table", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    assert.deepEqual((await table.open()).checkpoints, []);
    const first: Checkpoint = {
      ...checkpoint(0, "t0", Number.MAX_SAFE_INTEGER - 5),
      counters: { runId: "f00", offset: 7, expired: 1, evicted: 2 },
      snapshot: "pending",
    };
    const second = checkpoint(7, "t7", 12);
    await table.sink.write(
      NOTHING,
      [
        { partition: 7, from: undefined, to: second },
        { partition: 0, from: undefined, to: first },
      ],
      NEVER,
    );
    const sorted = (found: readonly Checkpoint[]) => [...found].sort((a, b) => a.partition - b.partition);
    assert.deepEqual(sorted((await table.open()).checkpoints), [first, second]);
    const other = table.connector.sink({ recipe: `${table.recipe}x`, columns: [] });
    t.after(() => other.close());
    assert.deepEqual((await other.open(NEVER)).checkpoints, []);
  });

  test("checkpoints are moved and removed", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    const { sink } = table;
    await sink.write(
      NOTHING,
      [
        { partition: 0, from: undefined, to: checkpoint(0, "a") },
        { partition: 1, from: undefined, to: checkpoint(1, "b") },
      ],
      NEVER,
    );
    await sink.write(
      NOTHING,
      [
        { partition: 1, from: "b", to: undefined },
        { partition: 0, from: "a", to: checkpoint(0, "c", 9) },
      ],
      NEVER,
    );
    assert.deepEqual((await sink.open(NEVER)).checkpoints, [checkpoint(0, "c", 9)]);
    await sink.write(NOTHING, [{ partition: 1, from: undefined, to: undefined }], NEVER);
  });

  test("several sinks may open at the same moment where there is no checkpoint table yet", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    const checkpointTable = `${harness().prefix}fresh`;
    t.after(() => harness().drop(checkpointTable));
    const connector = harness().connector(table.name, { primaryKey: "id", checkpointTable });
    const sinks = Array.from({ length: 6 }, () => connector.sink({ recipe: "r", columns: ["name"] }));
    t.after(() => Promise.all(sinks.map((sink) => sink.close())));
    const opened = await Promise.all(sinks.map((sink) => sink.open(NEVER)));
    assert.ok(opened.every(({ checkpoints: stored }) => stored.length === 0));
    await Promise.all(
      sinks.map((sink, i) =>
        sink.write(NOTHING, [{ partition: i, from: undefined, to: checkpoint(i, `t${i}`) }], NEVER),
      ),
    );
    assert.equal((await sinks[0]!.open(NEVER)).checkpoints.length, 6);
  });
}

/** For databases that store rows and checkpoint together. */
export function fencing(harness: () => Harness): void {
  test("a stale token is refused, and nothing is written", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    const { sink } = table;
    await sink.write(
      table.batch([{ id: "1", name: "first" }]),
      [{ partition: 0, from: undefined, to: checkpoint(0, "a") }],
      NEVER,
    );
    const rows = [
      { id: "1", name: "late" },
      { id: "2", name: "late" },
    ];
    const late = table.batch(rows, [{ id: "3" }]);
    const stale = [
      { partition: 0, from: undefined, to: checkpoint(0, "x") },
      { partition: 0, from: "old", to: checkpoint(0, "x") },
      { partition: 0, from: "old", to: undefined },
      { partition: 0, from: undefined, to: undefined },
      { partition: 1, from: "a", to: checkpoint(1, "x") },
    ];
    for (const move of stale) {
      // Without deletes too: some databases then make rows and move one statement.
      for (const batch of [late, table.batch(rows)]) {
        const { error, kind } = await table.failure(() => sink.write(batch, [move], NEVER));
        assert.ok(error instanceof SupersededError, String(error));
        assert.equal(kind, "superseded");
      }
    }
    // One stale token among good ones is enough.
    const mixed = [
      { partition: 3, from: undefined, to: checkpoint(3, "y") },
      { partition: 0, from: "old", to: checkpoint(0, "x") },
    ];
    assert.equal((await table.failure(() => sink.write(late, mixed, NEVER))).kind, "superseded");
    assert.deepEqual(await table.rows(), [{ id: "1", name: "first" }]);
    assert.deepEqual((await sink.open(NEVER)).checkpoints, [checkpoint(0, "a")]);
  });

  test("of two writers with the same token one wins, and the other learns it", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    await table.set({ id: "0", name: "start" });
    const rival = table.connector.sink({ recipe: table.recipe, columns: ["name"] });
    t.after(() => rival.close());
    await rival.open(NEVER);
    const from = table.token;
    const outcomes = await Promise.allSettled(
      [table.sink, rival].map((sink, i) =>
        sink.write(
          table.batch([{ id: "1", name: `writer ${i}` }]),
          [{ partition: 0, from, to: checkpoint(0, `t${i}`) }],
          NEVER,
        ),
      ),
    );
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    const loser = outcomes[1 - winner]!;
    assert.ok(loser.status === "rejected" && loser.reason instanceof SupersededError, JSON.stringify(outcomes));
    const [stored] = (await table.open()).checkpoints;
    assert.equal(stored?.token, `t${winner}`);
    assert.deepEqual((await table.rows())[1], { id: "1", name: `writer ${winner}` });
  });

  test("a refused row leaves the checkpoint where it was", async (t) => {
    if (!harness().capabilities.refusesRows) return t.skip("this database refuses no rows");
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["id", "int64"],
        ["name", "varchar(20)", "NOT NULL"],
      ],
      primaryKey: ["id"],
    });
    await table.set({ id: "1", name: "a" });
    const before = (await table.open()).checkpoints;
    assert.equal(
      (await table.failure(() => table.set({ id: "2", name: "b" }, { id: "3", name: null }))).kind,
      "reject",
    );
    assert.deepEqual((await table.open()).checkpoints, before);
    assert.equal((await table.rows()).length, 1);
  });
}
