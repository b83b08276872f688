/** SQL Server: its statements and values, and what its driver does over the wire. */
import assert from "node:assert/strict";
import { after, before, describe, test, type TestContext } from "node:test";
import type sql from "mssql";
import { mssql } from "../../src/connectors/mssql.js";
import { mssqlBinding } from "../../src/connectors/mssql/binding.js";
import { statementsOf } from "../../src/connectors/sql/steps.js";
import { mssqlDialect, removeText, upsertText } from "../../src/connectors/mssql/dialect.js";
import type { MssqlPool, MssqlRequest, MssqlTransaction } from "../../src/connectors/mssql/driver.js";
import { classifyMssql } from "../../src/connectors/mssql/errors.js";
import { mssqlKind, type MssqlColumn, type MssqlType } from "../../src/connectors/mssql/types.js";
import { keyPage } from "../../src/connectors/sql/key-page.js";
import { RefusedValueError } from "../../src/errors.js";
import type { Batch, Row } from "../../src/model.js";
import { checkpoint, NEVER } from "../contract/harness.js";
import { missingForH2, startH2, type H2Server } from "../support/h2.js";
import { backendOnH2, imitateCatalog } from "../support/h2/mssql.js";
import { freePort } from "../support/process.js";
import { startTds, type TdsServer } from "../support/tds/server.js";

// What the connector takes the driver for is what the driver's own types say: this does not compile otherwise.
const poolSlice = (pool: sql.ConnectionPool): MssqlPool => pool;
const transactionSlice = (transaction: sql.Transaction): MssqlTransaction => transaction;
const requestSlice = (request: sql.Request): Pick<MssqlRequest, "arrayRowMode" | "query"> => request;

const columnOf = (name: string, typeName: string, more: Partial<MssqlType> & { identity?: true } = {}): MssqlColumn => {
  const { identity = false, ...said } = more;
  const collation = /char|text/.test(typeName) ? "Latin1_General_CI_AS" : undefined;
  const type = { length: 40, precision: 18, scale: 0, collation, codePage: 1252, ...said, name: typeName };
  const plain = { name, type: typeName, nullable: true, generated: false, required: false, identity };
  return { ...plain, kind: mssqlKind(type), ...mssqlBinding(type) };
};

const targetOf = (key: MssqlColumn, ...columns: MssqlColumn[]) => ({
  ...{ table: "[T]", key: [key], required: [], otherUniqueKeys: [] },
  columns: new Map([key, ...columns].map((one) => [one.name, one])),
});

describe("SQL Server's driver", () => {
  test("it has the classes and methods that the connector uses", async () => {
    const { default: driver } = await import("mssql");
    for (const slice of [poolSlice, transactionSlice, requestSlice]) assert.equal(typeof slice, "function");
    assert.ok(driver.NVarChar(driver.MAX));
    assert.equal(typeof driver.ISOLATION_LEVEL.READ_COMMITTED, "number");
  });

  test("the real one says that nobody listens, and that may be tried again", async () => {
    const port = await freePort();
    const sink = mssql({ server: "127.0.0.1", port, user: "u", password: "p" })
      .table("t", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    await assert.rejects(sink.open(NEVER), (error: unknown) => {
      assert.match((error as Error).message, new RegExp(`127.0.0.1:${port} cannot be reached: .*ECONNREFUSED`));
      assert.equal(sink.classify(error), "retry");
      return true;
    });
  });

  test("its errors are classified by number and code", () => {
    const expected = {
      reject: [515, 547, 2601, 2627, 2628, 8152, 8114, 8115, 3609, 50_000, 51_000, 9420],
      retry: [
        1205,
        1222,
        9002,
        40_613,
        10_928,
        596,
        6005,
        3906,
        "ETIMEOUT",
        "ESOCKET",
        "ECONNCLOSED",
        "EABORT",
        "EINVALIDSTATE",
      ],
      fatal: [207, 208, 229, 4060, 18_456, 102, "ELOGIN", "EARGS", "anything"],
    };
    for (const [kind, codes] of Object.entries(expected)) {
      for (const code of codes) {
        const error = typeof code === "number" ? { number: code, code: "EREQUEST" } : { code };
        assert.equal(classifyMssql(error), kind, String(code));
      }
    }
    assert.equal(classifyMssql({ number: 3902, code: "EREQUEST", precedingErrors: [{ number: 2627 }] }), "reject");
    assert.equal(classifyMssql(undefined), "fatal");
  });
});

describe("SQL Server's statements", () => {
  const id = columnOf("id", "bigint");
  const name = columnOf("name", "nvarchar");
  const bytes = columnOf("bytes", "varbinary", { length: -1 });

  test("an upsert is one MERGE with one parameter, and values are never text", () => {
    assert.equal(
      upsertText(targetOf(id, name, bytes), [name, bytes]),
      "MERGE INTO [T] WITH (HOLDLOCK) AS t USING (SELECT CAST(j.c0 AS bigint) AS c0, CAST(j.c1 COLLATE Latin1_General_CI_AS AS nvarchar(20)) AS c1, " +
        "CONVERT(varbinary(max), j.c2, 2) AS c2 FROM OPENJSON(@p1) WITH (c0 nvarchar(max) '$[0]', c1 nvarchar(max) '$[1]', " +
        "c2 nvarchar(max) '$[2]', n nvarchar(20) '$[3]') j) s ON (t.[id] = s.c0) " +
        "WHEN MATCHED THEN UPDATE SET [name] = s.c1, [bytes] = s.c2 " +
        "WHEN NOT MATCHED THEN INSERT ([id], [name], [bytes]) VALUES (s.c0, s.c1, s.c2);",
    );
    const row: Row = { id: ["9007199254740993"], values: ["'; DROP TABLE T; --", Buffer.from([0, 255])], offset: 7 };
    const { value } = mssqlDialect.upsert(targetOf(id, name, bytes), [name, bytes], [row]).next();
    const [statement] = value ? statementsOf(value) : [];
    assert.deepEqual(statement?.params, [`[["9007199254740993","'; DROP TABLE T; --","00ff","7"]]`]);
    assert.doesNotMatch(statement?.sql ?? "", /DROP/);
  });

  test("of two keys that are one to the server the newest is written, by the rules of the column's collation", () => {
    const key = columnOf("id", "nvarchar", { collation: "Greek_CI_AS" });
    assert.match(
      upsertText(targetOf(key, name), [name]),
      /ROW_NUMBER\(\) OVER \(PARTITION BY CAST\(j.c0 COLLATE Greek_CI_AS AS nvarchar\(20\)\) ORDER BY CAST\(j.n AS bigint\) DESC\) AS r .* WHERE r = 1\) s ON/,
    );
    assert.doesNotMatch(upsertText(targetOf(id, name), [name]), /ROW_NUMBER/);
  });

  test("a key that the server would number itself is given by Redis", () => {
    const key = columnOf("id", "int", { identity: true });
    assert.match(
      upsertText(targetOf(key, name), [name]),
      /^SET IDENTITY_INSERT \[T\] ON; MERGE .*; SET IDENTITY_INSERT \[T\] OFF;$/,
    );
  });

  test("rows are deleted by one MERGE, which refuses to be given a row twice", () => {
    assert.equal(
      removeText(targetOf(id)),
      "MERGE INTO [T] AS t USING (SELECT DISTINCT CAST(j.c0 AS bigint) AS c0 FROM OPENJSON(@p1) WITH " +
        "(c0 nvarchar(max) '$[0]', n nvarchar(20) '$[1]') j) s ON (t.[id] = s.c0) WHEN MATCHED THEN DELETE;",
    );
  });

  test("keys are listed as texts, and compared as what they are", () => {
    const key = [columnOf("a", "datetime"), columnOf("b", "uniqueidentifier")];
    const page = (after?: string[]) => keyPage(mssqlDialect, { ...targetOf(id), key }, after, 10);
    const shown = "CAST(CAST([a] AS datetime2(3)) AS nvarchar(60)), LOWER(CAST([b] AS nvarchar(60)))";
    const end = "ORDER BY [a], [b] OFFSET 0 ROWS FETCH NEXT 10 ROWS ONLY";
    assert.equal(page().sql, `SELECT ${shown} FROM [T] ${end}`);
    assert.deepEqual(page(["x", "y"]), {
      sql:
        `SELECT ${shown} FROM [T] WHERE ([a] > CAST(@p1 AS datetime)) OR ` +
        `([a] = CAST(@p2 AS datetime) AND [b] > CAST(@p3 AS uniqueidentifier)) ${end}`,
      params: ["x", "x", "y"],
    });
    const padded = [columnOf("a", "char"), columnOf("b", "nchar"), columnOf("c", "varchar"), columnOf("d", "nvarchar")];
    const { sql } = keyPage(mssqlDialect, { ...targetOf(id), key: padded }, undefined, 10);
    assert.match(sql, /^SELECT RTRIM\(\[a\]\), RTRIM\(\[b\]\), \[c\], \[d\] FROM /);
  });

  test("what the server would cut, round or replace is refused", () => {
    const cases: readonly (readonly [MssqlColumn, readonly string[], readonly string[]])[] = [
      [columnOf("c", "nvarchar", { length: 4 }), ["ab", "é", "👍"], ["a👍"]],
      [columnOf("c", "varchar", { codePage: 1252 }), ["abc", "é€"], ["日", "\u0141"]],
      [columnOf("c", "varchar", { codePage: 65001 }), ["日本"], []],
      [columnOf("c", "varchar", { codePage: 932 }), ["abc"], ["é"]],
      [columnOf("c", "datetime"), ["2024-02-29 10:00:00", "2024-02-29 10:00:00.123"], ["2024-02-29 10:00:00.124"]],
      [columnOf("c", "smalldatetime"), ["2024-02-29 10:01:00"], ["2024-02-29 10:01:01"]],
      [columnOf("c", "float"), ["0", "2.3e-308", "-1e+300"], ["5e-324"]],
      [columnOf("c", "real"), ["0.1"], ["1e-40"]],
    ];
    for (const [{ bind, type }, good, bad] of cases) {
      for (const value of good) assert.equal(typeof bind(value), "string", `${type} ${value}`);
      for (const value of bad) assert.throws(() => bind(value), RefusedValueError, `${type} ${value}`);
      assert.equal(bind(null), null);
    }
    assert.equal(columnOf("c", "datetime").bind("2024-02-29 10:00:00.5".replace(".5", "")), "2024-02-29T10:00:00");
  });
});

describe("SQL Server's session over TDS, on H2", { skip: await missingForH2() }, () => {
  const credentials = { user: "wbsync", password: "secret" };
  let server: H2Server;
  let tds: TdsServer;
  before(async () => {
    server = await startH2("MSSQLServer");
    await imitateCatalog(server);
    tds = await startTds(backendOnH2(server), credentials);
  });
  after(async () => {
    await tds?.down();
    await server?.stop();
  });

  async function open(t: TestContext, table: string, definition: string, columns: readonly string[]) {
    await run(`CREATE TABLE "${table}" (${definition})`);
    const options = { ...credentials, server: "127.0.0.1", port: tds.port, encrypt: false };
    const sink = mssql(options).table(table, { primaryKey: "ID" }).sink({ recipe: "r", columns });
    t.after(() => sink.close());
    await sink.open(NEVER);
    tds.calls.length = 0;
    return sink;
  }

  async function run(sql: string) {
    const connection = await server.connect();
    const { rows } = await connection.execute(sql);
    await connection.commit();
    connection.destroy();
    return rows;
  }

  const methods = () => tds.calls.map(({ method }) => method);
  const named = (...rows: readonly (readonly [string, string | null])[]): Batch => ({
    upserts: [{ columns: ["Name"], rows: rows.map(([id, name], i) => ({ id: [id], values: [name], offset: i })) }],
    deletes: [],
  });

  test("rows and checkpoint are one transaction, and a refused row ends it without a second rollback", async (t) => {
    const sink = await open(t, "a", '"id" int PRIMARY KEY, "name" nvarchar(20) NOT NULL', ["Name"]);
    const first = { partition: 0, from: undefined, to: checkpoint(0, "t1") };
    await sink.write(named(["1", "x"], ["2", "y"]), [first], NEVER);
    assert.deepEqual(methods(), ["begin 2", "execute", "execute", "commit"]);
    assert.deepEqual(tds.calls[2]?.inputs, {
      p1: { type: "nvarchar(4000)", value: '[["1","x","0"],["2","y","1"]]' },
    });
    tds.calls.length = 0;
    const move = { partition: 0, from: "t1", to: checkpoint(0, "t2") };
    await assert.rejects(sink.write(named(["3", "x"], ["4", null]), [move], NEVER), (error: unknown) => {
      assert.equal((error as { number?: unknown }).number, 515);
      assert.equal(sink.classify(error), "reject");
      return true;
    });
    assert.deepEqual(methods(), ["begin 2", "execute", "execute"]);
    await sink.write(named(["3", "x".repeat(20)]), [move], NEVER);
    assert.deepEqual(await run('SELECT "id" FROM "a" ORDER BY 1'), [["1"], ["2"], ["3"]]);
  });

  test("a batch is one parameter, of no length that is too small", async (t) => {
    const sink = await open(t, "b", '"id" int PRIMARY KEY, "name" nvarchar(max)', ["Name"]);
    const name = "😀".repeat(5000);
    await sink.write(named(["1", name], ["2", null]), [], NEVER);
    assert.equal(tds.calls[1]?.inputs?.["p1"]?.type, "nvarchar(max)");
    assert.deepEqual(await run('SELECT "name" FROM "b" ORDER BY "id"'), [[name], [null]]);
  });

  test("the settings of a session are those that the statements count on", async (t) => {
    await open(t, "c", '"id" int PRIMARY KEY, "name" nvarchar(20)', ["Name"]);
    const sink = mssql({ ...credentials, server: "127.0.0.1", port: tds.port, encrypt: false })
      .table("c", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    t.after(() => sink.close());
    await sink.open(NEVER);
    const settings = tds.calls.find(({ method }) => method === "batch")?.sql ?? "";
    for (const one of [
      "xact_abort on",
      "ansi_nulls on",
      "quoted_identifier on",
      "dateformat ymd",
      "language us_english",
    ])
      assert.match(settings, new RegExp(`set ${one}`));
    assert.match(settings, /set textsize 2147483647/);
  });

  test("keys are listed as they are written in Redis", async (t) => {
    const sink = await open(t, "d", '"id" uniqueidentifier PRIMARY KEY, "name" nvarchar(20)', ["Name"]);
    const id = "6f9619ff-8b86-d011-b42d-00c04fc964ff";
    await sink.write(named([id, "x"]), [], NEVER);
    assert.deepEqual(await sink.keys?.(undefined, 10, NEVER), [[id]]);
    assert.deepEqual(await sink.keys?.([id], 10, NEVER), []);
  });

  test("a sign-in that is refused is for a person to mend, unless the server is only starting", async (t) => {
    await run('CREATE TABLE "e" ("id" int PRIMARY KEY)');
    const sink = mssql({ ...credentials, server: "127.0.0.1", port: tds.port, encrypt: false })
      .table("e", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    t.after(() => sink.close());
    for (const [number, kind] of [
      [18_401, "retry"],
      [18_470, "fatal"],
    ] as const) {
      tds.refuseNext(number);
      await assert.rejects(sink.open(NEVER), (error: unknown) => sink.classify(error) === kind, String(number));
    }
    await sink.open(NEVER);
  });
});
