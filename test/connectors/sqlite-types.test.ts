/** What is peculiar to SQLite. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { after, describe, test } from "node:test";
import { DatabaseSync } from "@photostructure/sqlite";
import { sqlite } from "../../src/connectors/sqlite.js";
import { sqliteBinder } from "../../src/connectors/sqlite/bind.js";
import { affinityOf, sqliteKind } from "../../src/connectors/sqlite/types.js";
import { RefusedValueError, UserError } from "../../src/errors.js";
import type { Row, Value } from "../../src/model.js";
import { converterFor } from "../../src/recipe/convert.js";
import { checkpoint, NEVER } from "../contract/harness.js";
import { tempDir } from "../support/process.js";

const folder = tempDir("wbsync-sqlite");
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;

/** A file with this schema, and what the tests do with its table `t`. */
function database(schema: string) {
  const file = join(folder, `${++files}.db`);
  const db = new DatabaseSync(file);
  db.exec(schema);
  after(() => db.isOpen && db.close());
  return {
    file,
    db,
    write: async (columns: readonly string[], rows: readonly (readonly string[])[], primaryKey = "id") => {
      const sink = sqlite(file)
        .table("t", { primaryKey })
        .sink({ recipe: `r${Math.random()}`, columns });
      try {
        const opened = await sink.open(NEVER);
        const [key, ...others] = [primaryKey, ...columns].map((name) =>
          converterFor(opened.columns.find((column) => column.name === name)!),
        );
        const converted = rows.map(([id, ...values]): Row => {
          const value = (text: string, i: number): Value => others[i]!.fromBytes(Buffer.from(text).toString("latin1"));
          return { id: [key!.fromBytes(id!)], values: values.map(value), offset: 1 };
        });
        await sink.write(
          { upserts: [{ columns, rows: converted }], deletes: [] },
          [{ partition: 0, from: undefined, to: checkpoint(0, "a") }],
          NEVER,
        );
      } catch (error) {
        throw Object.assign(error as Error, { class: sink.classify(error) });
      } finally {
        await sink.close();
      }
    },
    rows: (sql = "SELECT * FROM t ORDER BY 1") => {
      const select = db.prepare(sql);
      select.setReadBigInts(true);
      return (select.all() as Record<string, unknown>[]).map((row) => ({ ...row }));
    },
  };
}

describe("affinity", () => {
  for (const [declared, affinity, kind] of [
    ["INTEGER", "INTEGER", "integer"],
    ["BIGINT UNSIGNED", "INTEGER", "integer"],
    ["VARCHAR(20)", "TEXT", "text"],
    ["CLOB", "TEXT", "text"],
    ["BLOB", "BLOB", "binary"],
    ["", "BLOB", "other"],
    ["ANY", "NUMERIC", "other"],
    ["DOUBLE PRECISION", "REAL", "float"],
    ["NUMERIC", "NUMERIC", "decimal"],
    ["DECIMAL(10, 2)", "NUMERIC", "decimal"],
    ["BOOLEAN", "NUMERIC", "boolean"],
    ["DATE", "NUMERIC", "date"],
    ["datetime", "NUMERIC", "datetime"],
    ["TIMESTAMP", "NUMERIC", "datetime"],
    ["TIME", "NUMERIC", "time"],
    ["JSON", "NUMERIC", "json"],
    ["UUID", "NUMERIC", "uuid"],
    ["VARBINARY(16)", "NUMERIC", "binary"],
    ["WHATEVER", "NUMERIC", "other"],
  ] as const) {
    test(`"${declared}" is ${affinity}, and takes ${kind}`, () => {
      assert.equal(affinityOf(declared), affinity);
      assert.equal(sqliteKind(declared, affinity).kind, kind);
    });
  }

  test('"ANY" in a STRICT table has none', () => {
    assert.equal(affinityOf("any", true), "BLOB");
    assert.equal(affinityOf("TEXT", true), "TEXT");
  });

  test("what a NUMERIC column would round is refused", () => {
    const bind = sqliteBinder("DECIMAL", { kind: "decimal" }, "NUMERIC");
    assert.equal(bind("1.5"), 1.5);
    assert.equal(bind("-9223372036854775808"), -9223372036854775808n);
    assert.equal(bind("123456789012.345"), 123456789012.345);
    for (const text of ["1234567890123.4567", "9223372036854775808", "0.1234567890123456"]) {
      assert.throws(() => bind(text), RefusedValueError, text);
    }
    const other = sqliteBinder("WHATEVER", { kind: "other" }, "NUMERIC");
    assert.equal(other("12"), "12");
    assert.equal(other("2024-01-01"), "2024-01-01");
    assert.throws(() => other("12345678901234567890"), RefusedValueError);
  });
});

test("values are stored in the class of their column, in strict tables too", async () => {
  const columns = ["i", "r", "t", "b"];
  for (const strict of ["", " STRICT"]) {
    const { db, rows, write } = database(
      `CREATE TABLE t (id INTEGER PRIMARY KEY, i INTEGER, r REAL, t TEXT, b BLOB)${strict}`,
    );
    await write(columns, [
      ["1", "9223372036854775807", "2", "007", "\u00ff"],
      ["2", "0", "5e-324", "", ""],
    ]);
    assert.deepEqual(
      rows(
        "SELECT i, r, t, hex(b) AS b, typeof(i) || typeof(r) || typeof(t) || typeof(b) AS classes FROM t ORDER BY id",
      ),
      [
        { i: 9223372036854775807n, r: 2, t: "007", b: "C3BF", classes: "integerrealtextblob" },
        { i: 0n, r: 5e-324, t: "", b: "", classes: "integerrealtextblob" },
      ],
    );
    db.close();
  }
});

test("dates, truths and decimals are kept as what they are", async () => {
  const { rows, write } = database(
    "CREATE TABLE t (id TEXT PRIMARY KEY, d DATETIME, b BOOLEAN, n DECIMAL(10,2), u UUID, a) WITHOUT ROWID",
  );
  await write(
    ["d", "b", "n", "u", "a"],
    [["1", "2024-02-29T10:00:00.50+01:00", "yes", "12.50", "550E8400E29B41D4A716446655440000", "007"]],
  );
  assert.deepEqual(rows("SELECT d, b, n, u, a, typeof(b) AS tb, typeof(a) AS ta FROM t"), [
    {
      d: "2024-02-29 09:00:00.5",
      b: 1n,
      n: 12.5,
      u: "550e8400-e29b-41d4-a716-446655440000",
      a: "007",
      tb: "integer",
      ta: "text",
    },
  ]);
});

test("what a STRICT table, a CHECK or a trigger refuses is a refused row", async () => {
  const { rows, write } = database(`
    CREATE TABLE t (id INTEGER PRIMARY KEY, v INT CHECK (v > 0), j ANY, k TEXT AS (json_extract(j, '$.k')) STORED) STRICT;
    CREATE TRIGGER no BEFORE INSERT ON t WHEN NEW.v = 13 BEGIN SELECT RAISE(ABORT, 'not thirteen'); END;`);
  for (const row of [
    ["1", "-1", "{}"],
    ["1", "13", "{}"],
    ["1", "1", "{not json"],
  ]) {
    await assert.rejects(write(["v", "j"], [["9", "9", "{}"], row]), { class: "reject" });
  }
  await write(["v", "j"], [["1", "1", '{"k":"v"}']]);
  assert.deepEqual(rows("SELECT id, k FROM t"), [{ id: 1n, k: "v" }]);
  await assert.rejects(write(["k"], []), /computes its column "k" itself/);
});

test("ids that a collation takes for one are one row, and no error", async () => {
  const { rows, write } = database("CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, v INT)");
  await write(
    ["v"],
    [
      ["ada", "1"],
      ["ADA", "2"],
      ["alan", "3"],
    ],
  );
  assert.deepEqual(rows(), [
    { id: "ada", v: 2n },
    { id: "alan", v: 3n },
  ]);
});

test("only a unique index that holds for every row will do", async () => {
  const { write } = database(`CREATE TABLE t (a INT, b TEXT, c INT UNIQUE);
    CREATE UNIQUE INDEX one ON t (a) WHERE a > 0; CREATE UNIQUE INDEX two ON t (lower(b)); CREATE VIEW w AS SELECT * FROM t;`);
  for (const key of ["a", "b"]) await assert.rejects(write([], [], key), /no PRIMARY KEY or UNIQUE index on exactly/);
  await write(["a"], [["1", "5"]], "c");
});

test("a file that is missing, a folder, or something else is refused, and nothing is made", async () => {
  mkdirSync(join(folder, "dir"), { recursive: true });
  writeFileSync(join(folder, "text.db"), "no database at all ".repeat(100));
  for (const [name, expected] of [
    ["dir", /is not a file/],
    ["none.db", /does not exist/],
    ["text.db", /not a database/],
  ] as const) {
    const sink = sqlite({ file: () => join(folder, name) })
      .table("t", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    await assert.rejects(sink.open(NEVER), (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, expected);
      assert.equal(sink.classify(error), "fatal");
      return true;
    });
  }
});

test("a path is relative to the working folder, and may be a file: URL", async () => {
  const { file } = database("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  for (const path of [relative(process.cwd(), file), `file://${file}`]) {
    const sink = sqlite(path).table("t", { primaryKey: "id" }).sink({ recipe: "r", columns: [] });
    assert.equal((await sink.open(NEVER)).columns.length, 1);
    await sink.close();
  }
});

test("while somebody else writes a sink waits, and then gives up for a while", async (t) => {
  const { file, db } = database("CREATE TABLE t (id INTEGER PRIMARY KEY)");
  const sink = sqlite({ file, busyTimeoutMs: 50 }).table("t", { primaryKey: "id" }).sink({ recipe: "r", columns: [] });
  t.after(() => sink.close());
  await sink.open(NEVER);
  const write = (from: string | undefined, token: string) =>
    sink.write({ upserts: [], deletes: [] }, [{ partition: 0, from, to: checkpoint(0, token) }], NEVER);
  db.exec("BEGIN IMMEDIATE");
  await assert.rejects(write(undefined, "a"), (error: unknown) => sink.classify(error) === "retry");
  const waiting = write(undefined, "a");
  setTimeout(() => db.exec("ROLLBACK"), 10);
  await waiting;
});

test("partitions of one process never lock each other out", async (t) => {
  const { file, rows } = database("CREATE TABLE t (id INTEGER PRIMARY KEY, v INT)");
  const connector = sqlite({ file, busyTimeoutMs: 1 }).table("t", { primaryKey: "id" });
  const sinks = Array.from({ length: 4 }, () => connector.sink({ recipe: "r", columns: ["v"] }));
  t.after(() => Promise.all(sinks.map((sink) => sink.close())));
  for (const sink of sinks) await sink.open(NEVER);
  const work = async (sink: (typeof sinks)[number], partition: number) => {
    let from: string | undefined;
    for (let i = 0; i < 25; i++) {
      const upserts = [
        { columns: ["v"], rows: [{ id: [String(partition * 100 + i)], values: [String(i)], offset: 1 }] },
      ];
      await sink.write({ upserts, deletes: [] }, [{ partition, from, to: checkpoint(partition, `${i}`) }], NEVER);
      from = `${i}`;
    }
  };
  await Promise.all(sinks.map(work));
  assert.equal(rows().length, 100);
});
