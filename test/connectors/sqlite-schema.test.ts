/** Another program changes the tables while statements are prepared: that is nobody's row's fault. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fails, openTable } from "./sqlite-table.js";

const PERSONS = "CREATE TABLE t (id TEXT PRIMARY KEY, v INT)";

for (const [what, harm, mend, said] of [
  ["a table that is renamed", "ALTER TABLE t RENAME TO gone", "ALTER TABLE gone RENAME TO t", /no such table: t/],
  ["a table that is dropped", "DROP TABLE t", `${PERSONS}; INSERT INTO t VALUES ('1', 1)`, /no such table: t/],
  ["a column that is dropped", "ALTER TABLE t DROP COLUMN v", "ALTER TABLE t ADD COLUMN v INT", /column/],
  [
    "a checkpoint table that is renamed",
    "ALTER TABLE wbsync_checkpoint RENAME TO gone",
    "DROP TABLE IF EXISTS wbsync_checkpoint; ALTER TABLE gone RENAME TO wbsync_checkpoint",
    /no such table: wbsync_checkpoint/,
  ],
  [
    "a table that a trigger writes",
    "ALTER TABLE log RENAME TO gone",
    "ALTER TABLE gone RENAME TO log",
    /no such table: main.log/,
  ],
] as const) {
  test(`${what} is no refused row, and is waited for`, async (t) => {
    const table = await openTable(
      t,
      `${PERSONS}; CREATE TABLE log (id TEXT);
       CREATE TRIGGER logs AFTER INSERT ON t BEGIN INSERT INTO log VALUES (NEW.id); END;
       PRAGMA legacy_alter_table = ON;`,
    );
    await table.set(["1", "1"]);
    await table.set(["1", "1"]);
    table.db.exec(harm);
    for (let i = 0; i < 2; i++) await fails(table, "fatal", table.set(["2", "2"]), said);
    table.db.exec(mend);
    await table.open();
    await table.set(["2", "2"]);
    assert.deepEqual(
      table.rows().map(({ id }) => id),
      ["1", "2"],
    );
  });
}

test("a delete from a table that is gone is no refused row", async (t) => {
  const table = await openTable(t, PERSONS);
  await table.remove("1");
  table.db.exec("DROP TABLE t");
  await fails(table, "fatal", table.remove("1"), /no such table: t/);
});

test("a checkpoint table that was dropped is made again", async (t) => {
  const table = await openTable(t, PERSONS);
  await table.set(["1", "1"]);
  table.db.exec("DROP TABLE wbsync_checkpoint");
  await fails(table, "fatal", table.set(["1", "2"]), /no such table: wbsync_checkpoint/);
  await table.open();
  await table.set(["1", "2"]);
  assert.deepEqual(table.rows(), [{ id: "1", v: 2 }]);
});

test("what fails while its statement is sound is still a refused row", async (t) => {
  const table = await openTable(
    t,
    "CREATE TABLE t (id TEXT PRIMARY KEY, v TEXT, k AS (json_extract(v, '$.k')) STORED)",
  );
  await table.set(["1", "{}"]);
  for (let i = 0; i < 2; i++) await fails(table, "reject", table.set(["1", "{"]), /malformed JSON/);
  await table.set(["1", '{"k":1}']);
  assert.deepEqual(table.rows("SELECT k FROM t"), [{ k: 1 }]);
});
