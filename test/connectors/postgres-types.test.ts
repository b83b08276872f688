/** What is peculiar to PostgreSQL, on a real server. */
import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import type { Sink } from "../../src/connectors/connector.js";
import { postgres } from "../../src/connectors/postgres.js";
import type { Tls } from "../../src/connectors/sql/server-options.js";
import type { Bytes, Row, Value } from "../../src/model.js";
import { converterFor } from "../../src/recipe/convert.js";
import { checkpoint, NEVER } from "../contract/harness.js";
import { makeCertificate } from "../support/certificate.js";
import { startPostgres, type PostgresServer } from "../support/postgres.js";
import { tempDir } from "../support/process.js";

let server: PostgresServer;
let ca = "";
before(async () => {
  const { certFile, keyFile, pem } = makeCertificate(tempDir("wbsync-tls"), "postgres");
  ca = pem;
  const tls = ["ssl=on", `ssl_cert_file=${certFile}`, `ssl_key_file=${keyFile}`];
  server = await startPostgres(["synchronous_commit=off", ...tls]);
});
after(() => server?.stop());

interface Table {
  readonly sink: Sink;
  row(id: string, ...values: (string | null)[]): Row;
  set(...rows: readonly Row[]): Promise<void>;
  remove(...ids: readonly string[]): Promise<void>;
}

/** A table with the key `id` and these columns, and a sink on it. */
async function open(
  t: TestContext,
  name: string,
  columns: readonly string[],
  ...create: readonly string[]
): Promise<Table> {
  for (const statement of create) await server.query(statement);
  const sink = postgres(server.url).table(name, { primaryKey: "id" }).sink({ recipe: name, columns });
  t.after(() => sink.close());
  const opened = await sink.open(NEVER);
  const convert = (column: string, text: string | null): Value => {
    const found = opened.columns.find((candidate) => candidate.name === column);
    assert.ok(found);
    return text === null
      ? null
      : converterFor(found, { isKey: column === "id" }).fromBytes(Buffer.from(text).toString("latin1"));
  };
  let token: string | undefined;
  let offset = 0;
  const write = async (rows: readonly Row[], deletes: readonly Row[]) => {
    const to = checkpoint(0, `${Math.random()}`);
    await sink.write({ upserts: [{ columns, rows }], deletes }, [{ partition: 0, from: token, to }], NEVER);
    token = to.token;
  };
  return {
    sink,
    row: (id, ...values) => ({
      id: [convert("id", id)],
      values: values.map((value, i) => convert(columns[i]!, value)),
      offset: ++offset,
    }),
    set: (...rows) => write(rows, []),
    remove: (...ids) =>
      write(
        [],
        ids.map((id) => ({ id: [convert("id", id)], values: [], offset: ++offset })),
      ),
  };
}

async function refused(table: Table, work: () => Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => {
    assert.equal(table.sink.classify(error), "reject", String(error));
    return true;
  });
}

test("types of one's own, lists and domains take their own texts, and refuse others", async (t) => {
  const table = await open(
    t,
    "own",
    ["mood", "tags", "matrix", "short", "net", "span", "bits", "point"],
    "CREATE TYPE mood AS ENUM ('sad', 'ok', 'it''s \"great\"')",
    "CREATE DOMAIN short AS varchar(3) CHECK (VALUE <> 'bad')",
    "CREATE DOMAIN shorter AS short NOT NULL DEFAULT 'x'",
    `CREATE TABLE own (id text PRIMARY KEY, mood mood, tags text[], matrix int[], short shorter, net inet, span interval,
      bits bit(4), point point)`,
  );
  const nulls = (n: number) => new Array<null>(n).fill(null);
  await table.set(
    table.row("1", 'it\'s "great"', '{"a b","c\\"d",NULL}', "{{1,2},{3,4}}", "abc", "::1", "1 day", "1010", "(1,2)"),
    table.row("2", "ok", "{}", null, "x", null, null, null, null),
  );
  assert.deepEqual(await server.query("SELECT * FROM own ORDER BY id"), [
    {
      ...{ id: "1", mood: 'it\'s "great"', tags: '{"a b","c\\"d",NULL}', matrix: "{{1,2},{3,4}}", short: "abc" },
      ...{ net: "::1", span: "1 day", bits: "1010", point: "(1,2)" },
    },
    { id: "2", mood: "ok", tags: "{}", matrix: null, short: "x", net: null, span: null, bits: null, point: null },
  ]);
  // An explicit cast to varchar(3) or bit(4) would cut these without a word.
  await refused(table, async () => table.set(table.row("3", null, null, null, "abcd", ...nulls(4))));
  await refused(table, async () => table.set(table.row("3", null, null, null, "x", null, null, "10101", null)));
  await refused(table, async () => table.set(table.row("3", null, null, null, "bad", ...nulls(4))));
  await refused(table, async () => table.set(table.row("3", "angry", null, null, "x", ...nulls(4))));
  await refused(table, async () => table.set(table.row("3", null, "{", null, "x", ...nulls(4))));
  await refused(table, async () => table.set(table.row("3", null, null, null, "x", "nowhere", ...nulls(3))));
  assert.equal((await server.query("SELECT * FROM own")).length, 2);
});

test("numbers and texts of limited length are refused where a cast would round or cut", async (t) => {
  const table = await open(
    t,
    "limited",
    ["n", "v", "c", "ts"],
    "CREATE TABLE limited (id int PRIMARY KEY, n numeric(4,2), v varchar(3), c char(3), ts timestamp(0))",
  );
  for (const values of [
    ["1.005", null, null, null],
    ["100", null, null, null],
    [null, "abcd", null, null],
    [null, "abc ", null, null],
    [null, null, "abcd", null],
    [null, null, null, "2024-02-29 10:00:00.5"],
  ]) {
    await refused(table, async () => table.set(table.row("1", ...values)));
  }
  // Even what has not passed a converter is not cut.
  for (const values of [
    ["1.005", null, null, null],
    [null, "abcd", null, null],
  ]) {
    await table
      .set({ id: ["2"], values, offset: 1 })
      .catch((error: unknown) => assert.equal(table.sink.classify(error), "reject"));
  }
  assert.deepEqual(await server.query("SELECT * FROM limited WHERE v IS NOT NULL"), []);
});

test("U+0000 is refused in a text, and kept in bytes", async (t) => {
  const table = await open(t, "zeros", ["v", "b"], "CREATE TABLE zeros (id int PRIMARY KEY, v text, b bytea)");
  await refused(table, async () => table.set(table.row("1", "a\u0000b", null)));
  await refused(table, async () => table.set(table.row("1", "ok", null), table.row("2", "\u0000", null)));
  await table.set(table.row("1", "ok", "\u0000"));
  assert.deepEqual(await server.query("SELECT b FROM zeros"), [{ b: Buffer.from([0]) }]);
});

test("what a float can be besides numbers is stored", async (t) => {
  const table = await open(t, "floats", ["f", "r"], "CREATE TABLE floats (id int PRIMARY KEY, f float8, r real)");
  await table.set(table.row("1", "NaN", "-inf"), table.row("2", "1e308", "0.1"));
  assert.deepEqual(await server.query("SELECT f, r FROM floats ORDER BY id"), [
    { f: "NaN", r: "-Infinity" },
    { f: "1e+308", r: "0.1" },
  ]);
});

test("ids that are one to the server are one row in one batch", async (t) => {
  const keys: readonly (readonly [string, string, readonly string[]])[] = [
    ["padded", "char(10)", ["a", "a ", "a  "]],
    ["folded", "text COLLATE folding", ["ada", "ADA", "Ada"]],
    ["listed", "int[]", ["{1,2}", "{ 1, 2 }", "{1,02}"]],
    ["addressed", "inet", ["::1", "0:0::1", "0000::1"]],
  ];
  await server.query("CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false)");
  for (const [name, type, ids] of keys) {
    const table = await open(t, name, ["v"], `CREATE TABLE ${name} (id ${type} PRIMARY KEY, v int)`);
    await table.set(...ids.map((id, i) => table.row(id, String(i))));
    assert.deepEqual(await server.query(`SELECT v FROM ${name}`), [{ v: "2" }], name);
    await table.set(table.row(ids[1]!, "7"));
    assert.deepEqual(await server.query(`SELECT v FROM ${name}`), [{ v: "7" }], name);
    await table.remove(ids[0]!, ids[2]!);
    assert.deepEqual(await server.query(`SELECT v FROM ${name}`), [], name);
  }
});

test("a padded key is listed as the key in Redis has it, page by page", async (t) => {
  await server.query("CREATE DOMAIN code AS char(6)");
  for (const [name, type] of [
    ["padded_ids", "char(10)"],
    ["padded_codes", "code"],
    ["unpadded_ids", "text"],
  ] as const) {
    const table = await open(t, name, ["v"], `CREATE TABLE ${name} (id ${type} PRIMARY KEY, v int)`);
    const ids = ["a", "a b", "b", " c", "é"];
    await table.set(...ids.map((id, i) => table.row(id, String(i))));
    const found: (readonly Bytes[])[] = [];
    for (let page; (page = (await table.sink.keys?.(found.at(-1), 2, NEVER)) ?? []).length > 0;) found.push(...page);
    const listed = found.map(([id]) => Buffer.from(id!, "latin1").toString());
    assert.deepEqual(listed.sort(), [...ids].sort(), name);
  }
});

test("an identity that the table always makes itself is given", async (t) => {
  const table = await open(
    t,
    "always",
    ["v"],
    "CREATE TABLE always (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int)",
  );
  await table.set(table.row("7", "1"), table.row("8", "2"));
  await table.set(table.row("7", "3"));
  assert.deepEqual(await server.query("SELECT * FROM always ORDER BY id"), [
    { id: "7", v: "3" },
    { id: "8", v: "2" },
  ]);
});

test("only a unique index that holds for every row at once will do", async () => {
  await server.query("CREATE TABLE half (id int, a int, b int UNIQUE DEFERRABLE, c text)");
  await server.query("CREATE UNIQUE INDEX ON half (a) WHERE a > 0");
  await server.query("CREATE UNIQUE INDEX ON half (lower(c))");
  await server.query("CREATE UNIQUE INDEX ON half (id) INCLUDE (a)");
  const open = (primaryKey: string) =>
    postgres(server.url).table("half", { primaryKey }).sink({ recipe: "r", columns: [] }).open(NEVER);
  for (const key of ["a", "b", "c"]) await assert.rejects(open(key), /no PRIMARY KEY or UNIQUE index on exactly/);
  await open("id");
});

test("views, computed columns and names in other case are refused with a word that helps", async () => {
  await server.query('CREATE TABLE "Mixed" (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) STORED)');
  await server.query('CREATE VIEW "View" AS SELECT * FROM "Mixed"');
  const open = (table: string, columns: readonly string[]) =>
    postgres(server.url).table(table, { primaryKey: "id" }).sink({ recipe: "r", columns }).open(NEVER);
  await assert.rejects(open("View", []), /is not a table/);
  await assert.rejects(open("Mixed", ["b"]), /computes its column "b" itself/);
  await assert.rejects(open("mixed", ["a"]), /does not exist/);
  await assert.rejects(open("Mixed", ["A"]), /no column "A"; it has "id", "a", "b"/);
  await open("Mixed", ["a"]);
});

test("a table of a schema is named with it, and its checkpoints are kept there", async (t) => {
  await server.query('CREATE SCHEMA "s p"');
  const table = await open(t, "s p.t", ["v"], 'CREATE TABLE "s p".t (id int PRIMARY KEY, v int)');
  await table.set(table.row("1", "2"));
  assert.deepEqual(await server.query('SELECT * FROM "s p".t'), [{ id: "1", v: "2" }]);
  assert.equal((await server.query('SELECT * FROM "s p".wbsync_checkpoint')).length, 1);
});

test("a table that is altered while it is written goes on", async (t) => {
  const table = await open(t, "altered", ["v"], "CREATE TABLE altered (id int PRIMARY KEY, v varchar(10))");
  for (let i = 0; i < 8; i++) await table.set(table.row("1", "a"));
  await server.query(
    "ALTER TABLE altered ALTER v TYPE text, ADD COLUMN w int DEFAULT 7, DROP CONSTRAINT altered_pkey, ADD PRIMARY KEY (id)",
  );
  await table.set(table.row("1", "b"));
  assert.deepEqual(await server.query("SELECT * FROM altered"), [{ id: "1", v: "b", w: "7" }]);
});

test("what the server cannot digest is refused for its row alone", async (t) => {
  const table = await open(
    t,
    "digested",
    ["v", "area"],
    "CREATE TABLE digested (id int PRIMARY KEY, v text, area polygon)",
    "CREATE FUNCTION dig(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN dig(n + 1); END'",
    `CREATE FUNCTION digest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.v = 'deep' THEN PERFORM dig(1); END IF;
      IF NEW.v = 'geometry' THEN RAISE 'parse error - invalid geometry' USING ERRCODE = 'XX000'; END IF;
      RETURN NEW; END $$`,
    "CREATE TRIGGER digest BEFORE INSERT ON digested FOR EACH ROW EXECUTE FUNCTION digest()",
  );
  await refused(table, () => table.set(table.row("1", "deep", null)));
  await refused(table, () => table.set(table.row("1", "geometry", null)));
  await table.set(table.row("1", "good", "((0,0),(1,1),(0,1))"));
});

test("what a deferred constraint refuses is refused at the end of the statement, with its checkpoint", async (t) => {
  const table = await open(
    t,
    "deferred",
    ["v"],
    "CREATE TABLE parents (id int PRIMARY KEY)",
    "INSERT INTO parents VALUES (1)",
    "CREATE TABLE deferred (id int PRIMARY KEY, v int REFERENCES parents DEFERRABLE INITIALLY DEFERRED)",
  );
  await table.set(table.row("1", "1"));
  for (let i = 0; i < 2; i++) await refused(table, () => table.set(table.row("2", "9")));
  // Its checkpoint expects the token of the first write: it would be refused if one of the others had moved it.
  await table.set(table.row("3", "1"));
  assert.deepEqual(await server.query("SELECT * FROM deferred ORDER BY id"), [
    { id: "1", v: "1" },
    { id: "3", v: "1" },
  ]);
});

test("a commit is durable also where the server's default is not", async (t) => {
  const table = await open(t, "durable", ["v"], "CREATE TABLE durable (id int PRIMARY KEY, v int)");
  await table.set(table.row("1", "1"));
  await table.set(table.row("1", "2"));
  await server.kill();
  await server.start();
  assert.deepEqual(await server.query("SELECT * FROM durable"), [{ id: "1", v: "2" }]);
});

test("a user who may not create tables is told what to create, and can use it once it is there", async (t) => {
  await server.query("CREATE TABLE guarded (id int PRIMARY KEY, v int)");
  await server.query("CREATE SCHEMA cp");
  await server.query("CREATE USER little PASSWORD 'pw'");
  await server.query("GRANT USAGE ON SCHEMA cp TO little");
  await server.query("GRANT SELECT, INSERT, UPDATE, DELETE ON guarded TO little");
  const url = server.url.replace(/\/\/[^@]+@/, "//little:pw@");
  const sink = postgres(url)
    .table("guarded", { primaryKey: "id", checkpointTable: "cp.kept" })
    .sink({ recipe: "r", columns: ["v"] });
  t.after(() => sink.close());
  let create = "";
  await assert.rejects(sink.open(NEVER), (error: Error & { hint?: string }) => {
    assert.equal(sink.classify(error), "fatal");
    create = /CREATE TABLE[^]*/.exec(error.hint ?? "")?.[0] ?? "";
    return true;
  });
  await server.query(create);
  await server.query("GRANT SELECT, INSERT, UPDATE, DELETE ON cp.kept TO little");
  await sink.open(NEVER);
  await sink.write({ upserts: [], deletes: [] }, [{ partition: 0, from: undefined, to: checkpoint(0, "a") }], NEVER);
});

test("with TLS the server's certificate is checked, unless one says not to", async (t) => {
  await server.query("CREATE TABLE secure (id int PRIMARY KEY)");
  const open = (ssl: Tls, host = server.host) => {
    const { port, user, password, database } = server;
    const sink = postgres({ host, port, user, password, database, ssl })
      .table("secure", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    t.after(() => sink.close());
    return sink.open(NEVER);
  };
  const encrypted =
    "SELECT count(*) AS n FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'wbsync'";
  await assert.rejects(open(true), /self.signed/);
  await assert.rejects(open({ ca }, "127.0.0.1"), /not in the cert's list/);
  assert.deepEqual(await server.query(encrypted), [{ n: "0" }]);
  await open({ rejectUnauthorized: false });
  await open({ ca }, "localhost");
  assert.deepEqual(await server.query(encrypted), [{ n: "2" }]);
});
