/** Rows that the database does not take: refused, and nothing else is harmed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fixture, type Harness, type TableSpec } from "./harness.js";

const PERSONS: TableSpec = {
  columns: [
    ["id", "int64"],
    ["name", "varchar(20)", "NOT NULL"],
    ["email", "varchar(20)", "UNIQUE"],
  ],
  primaryKey: ["id"],
};

export function refusals(harness: () => Harness): void {
  test("a row refused in the middle of a batch takes nothing with it, and the sink can go on", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "0", name: "Zoe", email: null });
    const rows = Array.from({ length: 100 }, (_, i) => ({
      id: String(i + 1),
      name: i === 50 ? null : `n${i}`,
      email: null,
    }));
    const { kind } = await table.failure(() => table.set(...rows));
    assert.equal(kind, "reject");
    assert.equal((await table.rows()).length, 1);
    // Halves follow at once: no open in between.
    await table.set(...rows.slice(0, 50));
    await table.set(...rows.slice(51));
    assert.equal((await table.failure(() => table.set(rows[50]!))).kind, "reject");
    assert.equal((await table.rows()).length, 100);
    const { checkpoints } = await table.open();
    assert.equal(checkpoints.length, 1);
  });

  test("a value that another row holds in a unique column is refused, and that row is left alone", async (t) => {
    if (harness().capabilities.enforcesKeys === false) return t.skip("this database does not enforce keys");
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada", email: "a@x" }, { id: "2", name: "Alan", email: "b@x" });
    const before = await table.rows();
    for (const row of [
      { id: "3", name: "Eve", email: "a@x" },
      { id: "2", name: "Eve", email: "a@x" },
    ]) {
      assert.equal((await table.failure(() => table.set(row))).kind, "reject");
      assert.equal((await table.failure(() => table.set({ id: "9", name: "n", email: null }, row))).kind, "reject");
      assert.deepEqual(await table.rows(), before);
    }
    await table.set({ id: "1", name: "Ada", email: "c@x" }, { id: "3", name: "Eve", email: "a@x" });
    await table.write(table.batch([{ id: "4", name: "Tom", email: "b@x" }], [{ id: "2" }]));
    assert.deepEqual(
      (await table.rows()).map(({ email }) => email),
      ["c@x", "a@x", "b@x"],
    );
  });

  test("a row that lacks a column without default updates an existing row, and a new one is refused", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada", email: null });
    await table.set({ id: "1", email: "a@x" });
    assert.deepEqual(await table.rows(), [{ id: "1", name: "Ada", email: "a@x" }]);
    assert.equal(
      (await table.failure(() => table.set({ id: "1", email: "b@x" }, { id: "2", email: "c@x" }))).kind,
      "reject",
    );
    assert.deepEqual(await table.rows(), [{ id: "1", name: "Ada", email: "a@x" }]);
    // Writing what is there already is an update of one row, too.
    await table.set({ id: "1", email: "a@x" });
  });
}
