/** What is peculiar to MySQL and MariaDB, on a real server. */
import assert from "node:assert/strict";
import { after, before, test, type TestContext } from "node:test";
import { mysql } from "../../../src/connectors/mysql.js";
import type { Row } from "../../../src/model.js";
import { checkpoint, NEVER } from "../../contract/harness.js";
import { makeCertificate } from "../../support/certificate.js";
import type { MariadbServer } from "../../support/mariadb.js";
import { tempDir } from "../../support/process.js";
import { keys } from "./keys.js";
import { openTable, refused } from "./table.js";
import { values } from "./values.js";

let server: MariadbServer;
let ca = "";

/** Of all connections to the server. */
async function preparedStatements(): Promise<number> {
  const [status] = await server.query("SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'");
  return Number(status!.Value);
}

/** On the server of these tests. */
const open = (t: TestContext, name: string, columns: readonly string[], create: string, options?: object) =>
  openTable(server, t, name, columns, create, options);

/** `start` takes options of the server. */
export function types(start: (args: readonly string[]) => Promise<MariadbServer>): void {
  before(async () => {
    const { certFile, keyFile, pem } = makeCertificate(tempDir("wbsync-tls"));
    ca = pem;
    server = await start([`--ssl-cert=${certFile}`, `--ssl-key=${keyFile}`, "--max-allowed-packet=2M"]);
  });
  after(() => server?.stop());
  keys(() => server);
  values(() => server);

  test("numbers keep to their column's range, bits, years and members of an ENUM to theirs", async (t) => {
    const table = await open(
      t,
      "kinds",
      ["u8", "u64", "dec", "bits", "flag", "year", "en", "st", "yes"],
      `CREATE TABLE kinds (id INT UNSIGNED PRIMARY KEY, u8 TINYINT UNSIGNED, u64 BIGINT UNSIGNED, \`dec\` DECIMAL(5,2) UNSIGNED,
      bits BIT(12), flag BIT(1), \`year\` YEAR, en ENUM('a','2','it''s'), st SET('x','y'), yes BOOLEAN)`,
    );
    await table.set(
      "4294967295",
      "255",
      "18446744073709551615",
      "999.99",
      "4095",
      "yes",
      "2155",
      "it's",
      "x,y",
      "true",
    );
    await table.set("0", "0", "0", "0", "5", "0", "1901", "2", "", "false");
    const [zero, max] = await server.query("SELECT *, bits + 0 AS bits, flag + 0 AS flag FROM kinds ORDER BY id");
    assert.deepEqual(
      [zero, max].map((row) => ({ ...row, bits: Number(row!.bits), flag: Number(row!.flag) })),
      [
        { id: 0, u8: 0, u64: "0", dec: "0.00", bits: 5, flag: 0, year: 1901, en: "2", st: "", yes: 0 },
        {
          id: 4294967295,
          u8: 255,
          u64: "18446744073709551615",
          dec: "999.99",
          bits: 4095,
          flag: 1,
          year: 2155,
          en: "it's",
          st: "x,y",
          yes: 1,
        },
      ],
    );
    const row = (values: Partial<Record<string, string>>) =>
      table.set(
        "7",
        ...["u8", "u64", "dec", "bits", "flag", "year", "en", "st", "yes"].map((name) => values[name] ?? null),
      );
    for (const values of [
      { u8: "256" },
      { u8: "-1" },
      { dec: "1000" },
      { dec: "1.005" },
      { dec: "-1" },
      { bits: "4096" },
      { year: "99" },
      { st: "z" },
      { en: "b" },
    ]) {
      await refused(table, row(values));
    }
    // To MySQL itself a number that is no member is the number of one: 1 would become "a", and 3 in a SET "x,y".
    for (const values of [{ en: "1" }, { en: "3" }, { st: "3" }]) await refused(table, row(values));
    assert.equal((await server.query("SELECT * FROM kinds")).length, 2);
  });

  test("an id of 0 is an id, also where the column counts by itself", async (t) => {
    const table = await open(t, "counting", ["v"], "CREATE TABLE counting (id INT AUTO_INCREMENT PRIMARY KEY, v INT)");
    await table.set("5", "5");
    await table.set("0", "0");
    await table.set("0", "1");
    assert.deepEqual(await server.query("SELECT * FROM counting ORDER BY id"), [
      { id: 0, v: 1 },
      { id: 5, v: 5 },
    ]);
  });

  test("what MySQL would cut or bend is refused", async (t) => {
    const table = await open(
      t,
      "cut",
      ["v", "t", "d"],
      "CREATE TABLE cut (id INT PRIMARY KEY, v VARCHAR(3), t TINYTEXT CHARACTER SET latin1, d DATETIME)",
    );
    await refused(table, table.set("1", "abcd", null, null));
    await refused(table, table.set("1", "abc ", null, null));
    await refused(table, table.set("1", null, "x".repeat(256), null));
    await refused(table, table.set("1", null, "日本", null));
    await refused(table, table.set("1", null, null, "2024-02-29 10:00:00.5"));
    await table.set("1", "äöü", "é".repeat(255), "2024-02-29T10:00:00Z");
    assert.deepEqual(await server.query("SELECT v, CONCAT(CHAR_LENGTH(t)) AS t, d FROM cut"), [
      { v: "äöü", t: "255", d: "2024-02-29 10:00:00" },
    ]);
  });

  test("ids that a collation takes for one are one row, and no error", async (t) => {
    for (const unique of ["", ", UNIQUE (v)"]) {
      const name = `folded${unique.length}`;
      const table = await open(
        t,
        name,
        ["v"],
        `CREATE TABLE ${name} (id VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT${unique})`,
      );
      const row = (id: string, v: string): Row => ({ id: [id], values: [v], offset: 1 });
      await table.write([row("ada", "1"), row("ADA", "2"), row("Ada", "3"), row("alan", "4")]);
      await table.write([row("ADA", "5")]);
      assert.deepEqual(await server.query(`SELECT * FROM ${name} ORDER BY id`), [
        { id: "ada", v: 5 },
        { id: "alan", v: 4 },
      ]);
    }
  });

  test("a column that the table computes cannot be mapped, and one that is not mapped does not disturb", async (t) => {
    const table = await open(
      t,
      "computed",
      ["a"],
      "CREATE TABLE computed (id INT PRIMARY KEY, a INT, b INT AS (a + 1) STORED)",
    );
    await table.set("1", "1");
    await table.set("1", "2");
    assert.deepEqual(await server.query("SELECT b FROM computed"), [{ b: 3 }]);
    const sink = mysql(server.url)
      .table("computed", { primaryKey: "id" })
      .sink({ recipe: "r", columns: ["b"] });
    await assert.rejects(sink.open(NEVER), /computes its column "b" itself/);
  });

  test("tables that cannot keep rows and checkpoint together, and views, are refused", async () => {
    await server.query("CREATE TABLE isam (id INT PRIMARY KEY) ENGINE = MyISAM");
    await server.query("CREATE VIEW seen AS SELECT * FROM isam");
    for (const [name, expected] of [
      ["isam", /MyISAM, which has no transactions/],
      ["seen", /is a view/],
    ] as const) {
      const sink = mysql(server.url).table(name, { primaryKey: "id" }).sink({ recipe: "r", columns: [] });
      await assert.rejects(sink.open(NEVER), expected);
    }
  });

  test("a table of another database is named with it, and its checkpoints are kept there", async (t) => {
    await server.query("CREATE DATABASE `o.ther`");
    await server.query("CREATE TABLE `o.ther`.`p.q` (id INT PRIMARY KEY, v INT)");
    const sink = mysql(server.url)
      .table("p.q", { primaryKey: "id", schema: "o.ther" })
      .sink({ recipe: "r", columns: ["v"] });
    t.after(() => sink.close());
    await sink.open(NEVER);
    const rows = [{ id: ["1"], values: ["2"], offset: 1 }];
    await sink.write(
      { upserts: [{ columns: ["v"], rows }], deletes: [] },
      [{ partition: 0, from: undefined, to: checkpoint(0, "a") }],
      NEVER,
    );
    assert.deepEqual(await server.query("SELECT * FROM `o.ther`.`p.q`"), [{ id: 1, v: 2 }]);
    assert.deepEqual(await server.query("SELECT target, token FROM `o.ther`.wbsync_checkpoint"), [
      { target: "o.ther.p.q", token: "a" },
    ]);
  });

  test("a user who may not create tables is told what to create, and can use it once it is there", async (t) => {
    await server.query("CREATE DATABASE small");
    await server.query("CREATE TABLE small.t (id INT PRIMARY KEY, v INT)");
    await server.query("CREATE USER little@'%' IDENTIFIED BY 'pw'");
    await server.query("GRANT SELECT, INSERT, UPDATE, DELETE ON small.* TO little@'%'");
    const db = mysql({ host: server.host, port: server.port, user: "little", password: "pw", database: "small" });
    const sink = db.table("t", { primaryKey: "id" }).sink({ recipe: "r", columns: ["v"] });
    t.after(() => sink.close());
    let create = "";
    await assert.rejects(sink.open(NEVER), (error: Error & { hint?: string }) => {
      assert.equal(sink.classify(error), "fatal");
      assert.match(error.message, /checkpoint table .* could not be created/);
      create = /CREATE TABLE[^]*/.exec(error.hint ?? "")?.[0] ?? "";
      return true;
    });
    await server.query(create.replace("`wbsync_checkpoint`", "small.wbsync_checkpoint"));
    await sink.open(NEVER);
    await sink.write({ upserts: [], deletes: [] }, [{ partition: 0, from: undefined, to: checkpoint(0, "a") }], NEVER);
  });

  test("a row above the server's packet is refused, and rows below it travel in several statements", async (t) => {
    const table = await open(t, "large", ["v"], "CREATE TABLE large (id INT PRIMARY KEY, v LONGTEXT)");
    await table.write(
      Array.from({ length: 8 }, (_, i) => ({ id: [String(i)], values: ["x".repeat(900_000)], offset: 1 })),
    );
    await refused(table, table.set("9", "x".repeat(2_200_000)));
    await table.set("9", "x".repeat(2_000_000));
    assert.deepEqual(await server.query("SELECT COUNT(*) AS n, MAX(LENGTH(v)) AS max FROM large"), [
      { n: "9", max: "2000000" },
    ]);
  });

  test("the server's memory of statements stays small, whatever the sizes of the batches", async (t) => {
    const table = await open(t, "sizes", ["v"], "CREATE TABLE sizes (id INT PRIMARY KEY, v INT)");
    for (let size = 1; size < 400; size += 7) {
      await table.write(Array.from({ length: size }, (_, i) => ({ id: [String(i)], values: ["1"], offset: 1 })));
    }
    const count = await preparedStatements();
    assert.ok(count <= 64, `${count} statements`);
  });

  test("of more statements than are kept those used last are kept, and the others made again", async (t) => {
    const columns = ["a", "b", "c", "d", "e", "f", "g", "h"];
    const before = await preparedStatements();
    await server.query(
      `CREATE TABLE subsets (id INT PRIMARY KEY, ${columns.map((name) => `${name} INT NOT NULL DEFAULT 0`).join(", ")})`,
    );
    const sink = mysql(server.url).table("subsets", { primaryKey: "id" }).sink({ recipe: "subsets", columns });
    t.after(() => sink.close());
    await sink.open(NEVER);
    let token: string | undefined;
    const expected: number[][] = [];
    // Every set of columns is a statement of its own, and comes twice.
    for (const round of [1, 2]) {
      for (let set = 1; set < 256; set++) {
        const named = columns.filter((_, i) => (set >> i) & 1);
        const row: Row = { id: [String(set)], values: named.map(() => String(round)), offset: round };
        const next = `${round}-${set}`;
        const move = { partition: 0, from: token, to: checkpoint(0, next) };
        await sink.write({ upserts: [{ columns: named, rows: [row] }], deletes: [] }, [move], NEVER);
        token = next;
        if (round === 2) expected.push([set, ...columns.map((_, i) => ((set >> i) & 1 ? 2 : 0))]);
      }
    }
    assert.ok((await preparedStatements()) - before <= 140, "statements are given up");
    const rows = await server.query("SELECT * FROM subsets ORDER BY id");
    assert.deepEqual(
      rows.map((row) => Object.values(row).map(Number)),
      expected,
    );
  });

  test("a server that goes silent in the middle of a write is given up after the statement's time", async (t) => {
    const table = await open(t, "silent", ["v"], "CREATE TABLE silent (id INT PRIMARY KEY, v INT)", {
      statementTimeoutMs: 500,
      connectTimeoutMs: 500,
    });
    await table.set("1", "1");
    server.pause();
    try {
      for (const work of [() => table.set("1", "2"), () => table.sink.open(NEVER).then(() => undefined)]) {
        await assert.rejects(work(), (error: unknown) => {
          assert.equal(table.sink.classify(error), "retry", String(error));
          return true;
        });
      }
    } finally {
      server.resume();
    }
    const { checkpoints } = await table.sink.open(NEVER);
    assert.equal(checkpoints.length, 1);
  });

  test("with TLS the server's certificate is checked, unless one says not to", async (t) => {
    await server.query("CREATE TABLE secure (id INT PRIMARY KEY)");
    await server.query("CREATE USER tls@'%' IDENTIFIED BY 'pw' REQUIRE SSL");
    await server.query("GRANT ALL ON *.* TO tls@'%'");
    const sinkWith = (ssl: boolean | object, host = server.host) => {
      const sink = mysql({ host, port: server.port, user: "tls", password: "pw", database: "test", ssl: ssl as never })
        .table("secure", { primaryKey: "id" })
        .sink({ recipe: "r", columns: [] });
      t.after(() => sink.close());
      return sink;
    };
    await assert.rejects(sinkWith(false).open(NEVER), /Access denied/);
    await assert.rejects(sinkWith(true).open(NEVER), /self.signed/);
    await sinkWith({ rejectUnauthorized: false }).open(NEVER);
    await sinkWith({ ca }, "localhost").open(NEVER);
  });
}
