/** Texts that SQLite, or its driver, would silently make something else of: refused when written, and harmless when deleted. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fails, openTable } from "./sqlite-table.js";

describe("U+0000 in a text", () => {
  for (const [declared, value] of [
    ["TEXT", "x\0y"],
    ["VARCHAR(20)", "\0"],
    ["", "x\0"],
    ["STRING", "7\0"],
    ["STRING", "x\0y"],
  ] as const) {
    test(`a value in a column of type "${declared}" is refused, and not cut`, async (t) => {
      const table = await openTable(t, `CREATE TABLE t (id TEXT PRIMARY KEY, v ${declared})`);
      await table.set(["1", "whole"]);
      await fails(table, "reject", table.set(["1", value]), /U\+0000.*BLOB/);
      assert.deepEqual(table.rows(), [{ id: "1", v: "whole" }]);
    });
  }

  for (const declared of ["TEXT", "", "STRING"]) {
    test(`an id in a column of type "${declared}" is refused, and no other row is touched`, async (t) => {
      const table = await openTable(t, `CREATE TABLE t (id ${declared} PRIMARY KEY, v INT)`);
      await table.set(["a", "1"]);
      await fails(table, "reject", table.set(["a\0b", "2"]), /U\+0000.*BLOB/);
      await fails(table, "reject", table.set(["b", "2"], ["a\0c", "2"]), /U\+0000/);
      await table.remove("a\0b");
      assert.deepEqual(table.rows(), [{ id: "a", v: 1 }]);
      await table.remove("a\0b", "a");
      assert.deepEqual(table.rows(), []);
    });
  }

  test("an id is refused where only some columns are known", async (t) => {
    const table = await openTable(t, "CREATE TABLE t (id TEXT PRIMARY KEY, v INT, must INT NOT NULL)");
    table.db.exec("INSERT INTO t VALUES ('a', 1, 1)");
    await fails(table, "reject", table.set(["a\0b", "2"]), /U\+0000/);
    assert.deepEqual(table.rows(), [{ id: "a", v: 1, must: 1 }]);
  });

  test("bytes are kept, in values and in ids", async (t) => {
    const table = await openTable(t, "CREATE TABLE t (id BLOB PRIMARY KEY, v BLOB)");
    await table.set(["a\0b", "x\0y"], ["a\0c", "\0"], ["a", ""]);
    assert.deepEqual(await table.keys(1), ["a", "a\0b", "a\0c"]);
    await table.remove("a\0b");
    assert.deepEqual(table.rows("SELECT hex(id) AS id, hex(v) AS v FROM t ORDER BY id"), [
      { id: "61", v: "" },
      { id: "610063", v: "00" },
    ]);
  });

  for (const [declared, id, foreign] of [
    ["TEXT", "k", "x'7a'"],
    ["", "k", "x'7a'"],
    ["INT", "5", "x'37'"],
    ["BLOB", "k", "'7'"],
  ] as const) {
    test(`an id ${foreign} of another program in a column of type "${declared}" is not listed, nor what comes after it again`, async (t) => {
      const table = await openTable(t, `CREATE TABLE t (id ${declared} PRIMARY KEY, v INT)`);
      await table.set([id, "1"]);
      table.db.exec(`INSERT INTO t VALUES (${foreign}, 2)`);
      assert.deepEqual(await table.keys(1), [id]);
    });
  }

  for (const declared of ["TEXT", "", "STRING"]) {
    test(`ids of another program in a column of type "${declared}" are listed whole, and once`, async (t) => {
      const table = await openTable(t, `CREATE TABLE t (id ${declared} PRIMARY KEY, v INT)`);
      for (const id of ["a", "a\0b", "a\0c", "b", "ü\0", "ü\0é"]) {
        table.db.prepare("INSERT INTO t (id) VALUES (CAST(? AS TEXT))").run(Buffer.from(id));
      }
      for (const count of [1, 2, 3]) {
        assert.deepEqual(await table.keys(count), ["a", "a\0b", "a\0c", "b", "ü\0", "ü\0é"]);
      }
    });
  }
});

describe("text that looks like a number", () => {
  /** What these columns keep as it is, and what they would keep as another text. */
  const KEPT = ["7", "-7", "0", "1.5", "9223372036854775807", "1e+21", "1e-7", "-", "1e", "0x10", "1_000", "\u00a05"];
  const CHANGED = ["007", "1.0", "1.50", "1e5", "+5", " 5", "5\n", "5.", ".5", "-0", "9223372036854775808", "1e999"];

  for (const declared of ["STRING", "ANY"]) {
    test(`a column of type ${declared} takes what is spelt as the number is`, async (t) => {
      const table = await openTable(t, `CREATE TABLE t (id ${declared} PRIMARY KEY, v ${declared})`);
      for (const text of KEPT) await table.set([text, text]);
      const listed = await table.keys(3);
      assert.deepEqual(listed.sort(), [...KEPT].sort());
      for (const text of CHANGED) {
        await fails(table, "reject", table.set(["x", text]), /TEXT/);
        await fails(table, "reject", table.set([text, "x"]), /TEXT/);
      }
      assert.deepEqual(table.rows("SELECT count(*) AS n FROM t"), [{ n: KEPT.length }]);
    });
  }

  test("a deletion does not reach the row of another id", async (t) => {
    const table = await openTable(t, "CREATE TABLE t (id STRING PRIMARY KEY, v INT)");
    await table.set(["7", "1"], ["8", "2"]);
    await table.remove("007", "7.0", "8");
    assert.deepEqual(table.rows(), [{ id: 7, v: 1 }]);
  });

  test("a column of type JSON takes numbers that it keeps", async (t) => {
    const table = await openTable(t, "CREATE TABLE t (id TEXT PRIMARY KEY, v JSON)");
    await table.set(["1", "42"], ["2", "[1.0]"], ["3", '"007"'], ["4", "null"]);
    const before = table.rows();
    assert.deepEqual(
      before.map(({ v }) => v),
      [42, "[1.0]", '"007"', "null"],
    );
    for (const text of ["12345678901234567890", "1.0", " 1", "1E2", "1e999"]) {
      await fails(table, "reject", table.set(["1", text]), /JSON.*TEXT/);
    }
    assert.deepEqual(table.rows(), before);
  });

  test("a column without a type, one of type TEXT, and ANY in a STRICT table keep everything", async (t) => {
    const columns = ["a", "b"];
    const table = await openTable(t, "CREATE TABLE t (id ANY PRIMARY KEY, a ANY, b TEXT) STRICT", columns);
    const untyped = await openTable(t, "CREATE TABLE t (id PRIMARY KEY, a, b TEXT)", columns);
    for (const text of [...KEPT, ...CHANGED]) {
      for (const one of [table, untyped]) {
        await one.set([text, text, text]);
        const [row] = one.rows("SELECT * FROM t ORDER BY rowid DESC LIMIT 1");
        assert.deepEqual(row, { id: text, a: text, b: text });
      }
    }
  });

  test("a long text of digits is told from a number at once", async (t) => {
    const table = await openTable(t, "CREATE TABLE t (id TEXT PRIMARY KEY, v STRING)");
    const digits = "1".repeat(50_000);
    const began = performance.now();
    await table.set(["1", `${digits}x`]);
    await fails(table, "reject", table.set(["2", digits]), /TEXT/);
    assert.ok(performance.now() - began < 2000);
  });
});
