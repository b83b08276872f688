/** Upserts and deletes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Fixture, type Harness, type TableSpec } from "./harness.js";

const PERSONS: TableSpec = {
  columns: [
    ["id", "int64"],
    ["name", "varchar(20)"],
    ["age", "int32"],
  ],
  primaryKey: ["id"],
};

const ODD = { table: "we ird\"t`a'b;l--e", columns: ['se"lect', "gr`oup", "UPPER lower ü", "?", "$1"] };

export function writing(harness: () => Harness): void {
  test("a row that is new is inserted, one that is there is updated", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada", age: "36" }, { id: "2", name: "Alan", age: "41" });
    await table.set({ id: "2", name: "Alan", age: "42" }, { id: "3", name: "Grace", age: "85" });
    assert.deepEqual(await table.rows(), [
      { id: "1", name: "Ada", age: "36" },
      { id: "2", name: "Alan", age: "42" },
      { id: "3", name: "Grace", age: "85" },
    ]);
  });

  test("columns that a row does not set keep what they hold", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada", age: "36" });
    await table.set({ id: "1", age: "37" }, { id: "2", name: "Alan" }, { id: "3", age: null });
    assert.deepEqual(
      await table.rows(),
      table.stored([
        { id: "1", name: "Ada", age: "37" },
        { id: "2", name: "Alan", age: null },
        { id: "3", name: null, age: null },
      ]),
    );
  });

  test("a column that the recipe does not name is never touched", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS, { columns: ["age"] });
    await harness().insert(table.name, { id: "1", name: "Ada", age: null });
    await table.set({ id: "1", age: "37" });
    assert.deepEqual(await table.rows(), [{ id: "1", name: "Ada", age: "37" }]);
  });

  test("a table of keys alone gets the key, and an existing row stays as it is", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS, { columns: [] });
    await harness().insert(table.name, { id: "1", name: "Ada", age: "36" });
    await table.set({ id: "1" }, { id: "2" });
    assert.deepEqual(
      await table.rows(),
      table.stored([
        { id: "1", name: "Ada", age: "36" },
        { id: "2", name: null, age: null },
      ]),
    );
  });

  test("a deleted row is gone, and one that was never there is no error", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada" }, { id: "2", name: "Alan" });
    await table.write(table.batch([{ id: "3", name: "Grace" }], [{ id: "1" }, { id: "77" }]));
    await table.write(table.batch([], [{ id: "1" }]));
    assert.deepEqual(
      (await table.rows()).map(({ id }) => id),
      ["2", "3"],
    );
  });

  test("NULL is written over a value, and an empty text is not NULL", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.set({ id: "1", name: "Ada", age: "36" }, { id: "2", name: "", age: null });
    await table.set({ id: "1", name: null, age: null });
    assert.deepEqual(
      await table.rows(),
      table.stored([
        { id: "1", name: null, age: null },
        { id: "2", name: "", age: null },
      ]),
    );
  });

  test("a key of several columns identifies a row by all of them", async (t) => {
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["customer", "varchar(20)"],
        ["line", "int32"],
        ["amount", "double"],
      ],
      primaryKey: ["customer", "line"],
    });
    await table.set(
      { customer: "a", line: "1", amount: "1.5" },
      { customer: "a", line: "2", amount: "2" },
      { customer: "b", line: "1", amount: "3" },
    );
    await table.write(
      table.batch(
        [{ customer: "a", line: "2", amount: "2.25" }],
        [
          { customer: "b", line: "1" },
          { customer: "b", line: "2" },
        ],
      ),
    );
    assert.deepEqual(await table.rows(), [
      { customer: "a", line: "1", amount: "1.5" },
      { customer: "a", line: "2", amount: "2.25" },
    ]);
  });

  test("the ids of all rows are found page by page", async (t) => {
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["customer", "varchar(20)"],
        ["line", "int64"],
        ["amount", "double"],
      ],
      primaryKey: ["customer", "line"],
    });
    if (!table.sink.keys) return t.skip("this connector does not list keys");
    const ids = ["a", "b", "ü"].flatMap((customer) => ["1", "2", "9007199254740993"].map((line) => [customer, line]));
    await table.set(...ids.map(([customer, line]) => ({ customer: customer!, line: line!, amount: "1" })));
    assert.deepEqual((await table.keys(4)).sort(), ids.map((id) => id.join(":")).sort());
  });

  test("keys that differ late, above 2^53, are different rows", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    const ids = [
      "9007199254740992",
      "9007199254740993",
      "9223372036854775807",
      "9223372036854775806",
      "-9223372036854775808",
    ];
    await table.set(...ids.map((id) => ({ id, name: id })));
    await table.write(table.batch([], [{ id: "9007199254740993" }, { id: "9223372036854775807" }]));
    assert.deepEqual(
      (await table.rows()).map(({ id }) => id),
      ["-9223372036854775808", "9007199254740992", "9223372036854775806"],
    );
  });

  test("an empty batch writes nothing but the checkpoint", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    await table.write({ upserts: [], deletes: [] });
    await table.write({ upserts: [{ columns: ["name"], rows: [] }], deletes: [] });
    assert.deepEqual(await table.rows(), []);
  });

  test("a batch of 10,000 rows arrives whole, is changed whole, and is deleted whole", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    const count = harness().large ?? 10_000;
    if (count < 10_000) t.diagnostic(`with ${count} rows here`);
    const rows = Array.from({ length: count }, (_, i) => ({ id: String(i), name: `n${i}`, age: String(i % 100) }));
    await table.set(...rows);
    await table.set(...rows.map((row) => ({ ...row, name: `m${row.id}` })));
    const stored = await table.rows();
    assert.equal(stored.length, count);
    assert.ok(stored.every(({ id, name, age }) => name === `m${String(id)}` && Number(age) === Number(id) % 100));
    await table.write(
      table.batch(
        [{ id: "5", name: "five" }],
        rows.slice(6).map(({ id }) => ({ id })),
      ),
    );
    assert.equal((await table.rows()).length, 6);
  });

  test("batches of every size up to seventy arrive whole", async (t) => {
    const table = await Fixture.open(t, harness(), PERSONS);
    for (let size = 1; size <= 70; size += 3) {
      await table.set(...Array.from({ length: size }, (_, i) => ({ id: String(i), name: `${size}`, age: null })));
      const stored = await table.rows();
      assert.equal(stored.filter(({ name }) => name === `${size}`).length, size);
    }
  });

  test("two keys that turn into one id leave the newer of them", async (t) => {
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["id", "uuid"],
        ["name", "text"],
      ],
      primaryKey: ["id"],
    });
    const id = "550e8400-e29b-41d4-a716-446655440000";
    await table.set({ id: id.toUpperCase(), name: "old" }, { id: id.replaceAll("-", ""), name: "new" });
    assert.deepEqual(await table.rows(), [{ id, name: "new" }]);
    const written = table.row({ id, name: "newest" });
    const deleted = table.row({ id: id.toUpperCase() }).row;
    await table.write({
      upserts: [{ columns: written.columns, rows: [written.row] }],
      deletes: [{ ...deleted, values: [] }],
    });
    assert.deepEqual(await table.rows(), []);
  });

  test("names that need quoting are quoted", async (t) => {
    const { table: end, columns: odd } = harness().odd ?? ODD;
    const name = `${harness().prefix}${end}`;
    const spec: TableSpec = {
      columns: [["order", "int64"], ...odd.map((column) => [column, "text"] as const)],
      primaryKey: ["order"],
    };
    const table = await Fixture.open(t, harness(), spec, {
      name,
      checkpointTable: `${harness().prefix}c${end}`,
    });
    t.after(() => harness().drop(`${harness().prefix}c${end}`));
    const fields = Object.fromEntries(odd.map((column, i) => [column, `value ${i}`]));
    await table.set({ order: "1", ...fields }, { order: "2", ...fields });
    await table.write(table.batch([{ order: "1", "?": "x" }], [{ order: "2" }]));
    assert.deepEqual(await table.rows(), [{ order: "1", ...fields, "?": "x" }]);
  });
}
