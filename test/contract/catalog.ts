/** What `open` says about tables that are not as the recipe needs them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { Fixture, NEVER, type Harness, type TableSpec } from "./harness.js";

const SPEC: TableSpec = {
  columns: [
    ["id", "int64"],
    ["name", "varchar(20)"],
    ["code", "varchar(20)", "UNIQUE"],
  ],
  primaryKey: ["id"],
};

/** How databases spell it. */
const UNIQUE = /CREATE UNIQUE INDEX|ALTER TABLE .* ADD (CONSTRAINT .* )?UNIQUE/;

export function catalog(harness: () => Harness): void {
  test("open describes the key's and the mapped columns", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC, { columns: ["name"] });
    assert.deepEqual(
      table.columns.map(({ name }) => name),
      ["id", "name"],
    );
    const { kind } = table.column("id");
    assert.ok(kind.kind === "integer" && kind.min <= -(2n ** 63n) && kind.max >= 2n ** 63n - 1n, "64 bits");
    assert.equal(table.column("name").kind.kind, "text");
  });

  test("a missing table or column, or a key that is not unique, is named with what mends it", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    const cases = [
      {
        name: `${table.name}_nope`,
        primaryKey: "id",
        columns: ["name"],
        expected: /does not exist/,
        hint: /CREATE TABLE/,
      },
      {
        name: table.name,
        primaryKey: "id",
        columns: ["name", "surname"],
        expected: /no column "surname"; it has/,
        hint: /ALTER TABLE/,
      },
      { name: table.name, primaryKey: "key", columns: ["name"], expected: /no column "key"/, hint: /ALTER TABLE/ },
      {
        name: table.name,
        primaryKey: "name",
        columns: ["code"],
        expected: /UNIQUE index on exactly \(name\)/,
        hint: UNIQUE,
      },
      {
        name: table.name,
        primaryKey: ["id", "name"],
        columns: [],
        expected: /UNIQUE index on exactly/,
        hint: UNIQUE,
      },
    ];
    for (const { name, primaryKey, columns, expected, hint } of cases) {
      const sink = harness()
        .connector(name, { primaryKey, checkpointTable: `${harness().prefix}checkpoint` })
        .sink({ recipe: "r", columns });
      t.after(() => sink.close());
      await assert.rejects(sink.open(NEVER), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.code, "DATABASE_MISCONFIGURED");
        assert.match(error.message, expected);
        assert.match(error.hint ?? "", hint);
        assert.equal(sink.classify(error), "fatal");
        return true;
      });
    }
  });

  test("what was wrong with the table can be mended while the sink is kept", async (t) => {
    const name = `${harness().prefix}later`;
    const sink = harness()
      .connector(name, { primaryKey: "id", checkpointTable: `${harness().prefix}checkpoint` })
      .sink({ recipe: "r", columns: ["name"] });
    t.after(() => sink.close());
    await assert.rejects(sink.open(NEVER), UserError);
    t.after(() => harness().drop(name));
    await harness().createTable(name, SPEC);
    assert.equal((await sink.open(NEVER)).columns.length, 2);
  });

  test("a unique column beside the primary key can be the recipe's key", async (t) => {
    const spec: TableSpec = {
      columns: [
        ["id", "int64"],
        ["code", "varchar(20)", "UNIQUE"],
        ["name", "text"],
      ],
      primaryKey: ["id"],
    };
    const base = await Fixture.open(t, harness(), spec);
    await harness().insert(base.name, { id: "1", code: "a", name: "before" });
    await harness().insert(base.name, { id: "2", code: "b", name: "before" });
    const table = new Fixture(harness(), base.name, { ...spec, primaryKey: ["code"] }, { columns: ["id", "name"] });
    t.after(() => table.sink.close());
    await table.open();
    await table.set({ code: "a", name: "after" });
    await table.set({ code: "c", id: "3", name: "new" });
    // The id belongs to another row: that one must not be changed.
    if (harness().capabilities.enforcesKeys === false) return;
    assert.equal((await table.failure(() => table.set({ code: "d", id: "1", name: "thief" }))).kind, "reject");
    assert.deepEqual(await base.rows(), [
      { id: "1", code: "a", name: "after" },
      { id: "2", code: "b", name: "before" },
      { id: "3", code: "c", name: "new" },
    ]);
  });
}
