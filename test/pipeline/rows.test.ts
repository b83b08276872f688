import assert from "node:assert/strict";
import { test } from "node:test";
import { Entry, type Known } from "../../src/buffer/entry.js";
import { RefusedValueError, UserError } from "../../src/errors.js";
import type { Column } from "../../src/model.js";
import { batchOf, RowMaker, type RowMakerOptions } from "../../src/pipeline/rows.js";

const column = (name: string, kind: Column["kind"]): Column => ({ name, type: kind.kind, kind, nullable: true });
const INTEGER = { kind: "integer", min: -(2n ** 31n), max: 2n ** 31n - 1n } as const;
const COLUMNS = [
  column("id", INTEGER),
  column("line", { kind: "text" }),
  column("first", { kind: "text", maxChars: 5 }),
  column("age", INTEGER),
];

function makeRows(over: Partial<RowMakerOptions> = {}): RowMaker {
  return new RowMaker({
    idOf: (key) => (key.includes(":") ? key.slice(key.indexOf(":") + 1) : undefined),
    primaryKey: ["id"],
    mappings: [
      { field: "first_name", column: "first" },
      { field: "age", column: "age", default: 18 },
    ],
    columns: COLUMNS,
    ...over,
  });
}

const entry = (key: string) => new Entry(key, 0, 0, 0);
const upsert = (rows: RowMaker, values: Known[], key = "person:7") => rows.upsert(entry(key), values, 99);
const refuses = (make: () => unknown, message: RegExp) =>
  assert.throws(make, (error) => error instanceof RefusedValueError && message.test(error.message));

test("fields become columns, in the column's own type", () => {
  const item = upsert(makeRows(), ["Ann", "42"]);
  assert.deepEqual(item.kind === "upsert" && item.columns, ["first", "age"]);
  assert.deepEqual(item.row, { id: ["7"], values: ["Ann", "42"], offset: 99 });
});

test("a field that the hash lacks becomes NULL, or its default", () => {
  assert.deepEqual(upsert(makeRows(), [null, null]).row.values, [null, "18"]);
});

test("a default that its column cannot hold is told with its mapping, once, and not for every row", () => {
  const mappings = [{ field: "age", column: "age", default: "abc" }];
  assert.throws(
    () => makeRows({ mappings }),
    (error: UserError) => {
      assert.equal(error.code, "RECIPE_INVALID");
      assert.match(error.message, /^the default of field "age", column "age": .*"abc"/);
      return true;
    },
  );
});

test("a column of whose field nothing is known is left alone", () => {
  const rows = makeRows();
  const item = upsert(rows, [undefined, "1"]);
  assert.deepEqual(item.kind === "upsert" && item.columns, ["age"]);
  assert.deepEqual(item.row.values, ["1"]);
  const another = upsert(rows, [undefined, "2"], "person:8");
  assert.equal(batchOf([item, another]).upserts.length, 1, "rows that set the same columns go together");
});

test("bytes are decoded as UTF-8", () => {
  const bytes = Buffer.from("Zoë").toString("latin1");
  assert.deepEqual(upsert(makeRows(), [bytes, "1"]).row.values, ["Zoë", "1"]);
});

test("what its column cannot hold is refused, and the message names field and column", () => {
  refuses(() => upsert(makeRows(), ["Ann", "abc"]), /field "age", column "age".*abc/);
  refuses(() => upsert(makeRows(), ["Annabel", "1"]), /field "first_name", column "first"/);
  refuses(() => upsert(makeRows(), ["Ann", "99999999999"]), /column "age"/);
});

test("a key that is no id of the table is refused", () => {
  refuses(() => upsert(makeRows(), ["Ann", "1"], "person:x"), /primary key "id"/);
  refuses(() => upsert(makeRows(), ["Ann", "1"], "person"), /no colon/);
  refuses(() => upsert(makeRows(), ["Ann", "1"], "person:007"), /primary key "id"/);
});

test("a composite key is split at its colons, and has to have as many parts as the primary key", () => {
  const rows = makeRows({ primaryKey: ["id", "line"] });
  assert.deepEqual(upsert(rows, ["Ann", "1"], "order:7:b").row.id, ["7", "b"]);
  refuses(() => upsert(rows, ["Ann", "1"], "order:7"), /1 parts/);
  refuses(() => upsert(rows, ["Ann", "1"], "order:7:b:c"), /3 parts/);
});

test("an id of one part may hold colons", () => {
  const rows = makeRows({ primaryKey: ["line"] });
  assert.deepEqual(upsert(rows, ["Ann", "1"], "person:a:b{c} 'd\"").row.id, ["a:b{c} 'd\""]);
});

test("what a transform returned is taken by field name", () => {
  const item = makeRows().upsertRecord(entry("person:7"), { first_name: "Bob", other: 1 }, 5);
  assert.deepEqual(item.row, { id: ["7"], values: ["Bob", "18"], offset: 5 });
  refuses(() => makeRows().upsertRecord(entry("person:7"), { age: "many" }, 5), /field "age"/);
});

test("a column that the table does not have is a misconfiguration", () => {
  assert.throws(
    () => makeRows({ mappings: [{ field: "x", column: "missing" }] }),
    (error) => error instanceof UserError && error.code === "DATABASE_MISCONFIGURED",
  );
});

test("a batch has its deletes apart, and its upserts by the columns they set", () => {
  const rows = makeRows();
  const items = [
    upsert(rows, ["Ann", "1"], "p:1"),
    rows.delete(entry("p:2"), 4),
    upsert(rows, ["Bob", undefined], "p:3"),
    upsert(rows, ["Cid", "1"], "p:4"),
  ];
  const batch = batchOf(items);
  assert.deepEqual(
    batch.upserts.map(({ columns, rows }) => [columns, rows.map(({ id }) => id[0])]),
    [
      [
        ["first", "age"],
        ["1", "4"],
      ],
      [["first"], ["3"]],
    ],
  );
  assert.deepEqual(batch.deletes, [{ id: ["2"], values: [], offset: 4 }]);
});
