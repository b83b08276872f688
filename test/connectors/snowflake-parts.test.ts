/** Snowflake's statements, and its session on fakesnow: signing in, names, silence, the recipe, `wbsync init`. */
import assert from "node:assert/strict";
import { createPrivateKey, generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import { snowflake, type SnowflakeOptions } from "../../src/connectors/snowflake.js";
import { snowflakeDialect } from "../../src/connectors/snowflake/dialect.js";
import { classifySnowflake } from "../../src/connectors/snowflake/errors.js";
import {
  snowflakeConversion,
  snowflakeKind,
  snowflakeShow,
  type SnowflakeColumn,
} from "../../src/connectors/snowflake/types.js";
import type { Statement, Steps } from "../../src/connectors/sql/database.js";
import { keyPage } from "../../src/connectors/sql/key-page.js";
import { UserError } from "../../src/errors.js";
import type { Row } from "../../src/model.js";
import { writeBehind } from "../../src/recipe/define.js";
import { NEVER } from "../contract/harness.js";
import { openShop, RECIPES, statementsOf } from "../recipes/shop.js";
import { wbsync } from "../support/cli.js";
import { MAPPING_OF_EVERY_TYPE } from "../support/every-type.js";
import { type Fakesnow, startFakesnow } from "../support/fakesnow.js";
import { tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";
import { statementsOf as sentIn } from "../../src/connectors/sql/steps.js";
import { given, missing, optionsOf, PASSWORD, USER } from "../support/snowflake.js";
import { snowflakeSession } from "../support/snowflake-session.js";

/** Rows of one group, as the pipeline hands them over. */
const rowsOf = (count: number): readonly Row[] =>
  Array.from({ length: count }, (_, i) => ({ id: [`${i}`], values: [`it's "${i}"`, null], offset: i }));

function sentBy(steps: Steps): readonly Statement[] {
  const sent: Statement[] = [];
  for (let next = steps.next(); !next.done; next = steps.next({ rows: [], affected: 1 }))
    sent.push(...sentIn(next.value));
  return sent;
}

describe("Snowflake's statements", () => {
  const column = (name: string, type: string): SnowflakeColumn => ({
    ...{ name, type, nullable: true, generated: false, required: false },
    ...{ kind: snowflakeKind(type), convert: snowflakeConversion(type), show: snowflakeShow(type) },
  });
  const [id, text, at] = [column("id", "NUMBER(38,0)"), column("text", "VARCHAR(99)"), column("at", "TIMESTAMP_TZ(3)")];
  const target = {
    ...{ table: '"T"', key: [id], required: [], otherUniqueKeys: [] },
    columns: new Map([id, text, at].map((one) => [one.name, one])),
  };

  test("an upsert of many rows is one MERGE with one bound text, and so is a delete", () => {
    const rows = rowsOf(50_000);
    const [merge, ...more] = sentBy(snowflakeDialect.upsert(target, [text, at], rows));
    assert.equal(more.length, 0);
    assert.equal(
      merge!.sql,
      'MERGE INTO "T" t USING (SELECT CAST(f.value[0]::VARCHAR AS NUMBER(38,0)) AS c0, f.value[1]::VARCHAR AS c1, ' +
        "CAST(f.value[2]::VARCHAR || '+00:00' AS TIMESTAMP_TZ) AS c2 FROM TABLE(FLATTEN(INPUT => PARSE_JSON(?))) f) s " +
        'ON (t."id" = s.c0) WHEN MATCHED THEN UPDATE SET "text" = s.c1, "at" = s.c2 ' +
        'WHEN NOT MATCHED THEN INSERT ("id", "text", "at") VALUES (s.c0, s.c1, s.c2)',
    );
    assert.equal(merge!.params.length, 1);
    assert.deepEqual(JSON.parse(merge!.params[0] as string), rows.map((row) => [...row.id, ...row.values])); // prettier-ignore
    const [remove, ...others] = sentBy(snowflakeDialect.remove(target, rows));
    assert.equal(others.length, 0);
    assert.match(remove!.sql, /^DELETE FROM "T" t USING \(SELECT .* s WHERE t."id" = s.c0$/);
  });

  test("keys are listed in UTC, and compared as what they are", () => {
    assert.deepEqual(keyPage(snowflakeDialect, { ...target, key: [at] }, ["2024-02-29 10:00:00.5"], 10), {
      sql:
        `SELECT CAST(CONVERT_TIMEZONE('UTC', "at") AS TIMESTAMP_NTZ) FROM "T" ` +
        `WHERE ("at" > CAST(CAST(? AS VARCHAR) || '+00:00' AS TIMESTAMP_TZ)) ORDER BY "at" LIMIT 10`,
      params: ["2024-02-29 10:00:00.5"],
    });
  });

  test("a text that would become too long is several", () => {
    const rows = rowsOf(10).map((row) => ({ ...row, values: ["x".repeat(1 << 20), null] }));
    const sent = sentBy(snowflakeDialect.upsert(target, [text, at], rows));
    assert.deepEqual(
      sent.map(({ params }) => (JSON.parse(params[0] as string) as unknown[]).length),
      [5, 5],
    );
  });

  test("columns have the kinds of their declared types", () => {
    const kinds = [
      "NUMBER(10,2)",
      "FLOAT",
      "BINARY(8)",
      "TIME(9)",
      "TIMESTAMP_LTZ(6)",
      "OBJECT",
      "MAP(VARCHAR, NUMBER)",
    ];
    assert.deepEqual(kinds.map(snowflakeKind), [
      { kind: "decimal", precision: 10, scale: 2 },
      { kind: "float", bits: 64, special: true },
      { kind: "binary", maxBytes: 8 },
      { kind: "time", fraction: 9 },
      { kind: "datetime", fraction: 6, zoned: true },
      { kind: "json" },
      { kind: "other" },
    ]);
  });

  test("errors are classified by number and SQLSTATE", () => {
    const cases = [
      [{ code: "100038", sqlState: "22018" }, "reject"],
      [{ code: "100072", sqlState: "22000" }, "reject"],
      [{ code: "000625", sqlState: "57014" }, "retry"],
      [{ code: "390111" }, "retry"],
      [{ code: 401001 }, "retry"],
      [{ code: "ECONNREFUSED" }, "retry"],
      [{ code: "390100", sqlState: "08001" }, "fatal"],
      [{ code: "390144", sqlState: "08001" }, "fatal"],
      [{ code: "002003", sqlState: "42S02" }, "fatal"],
      [undefined, "fatal"],
    ] as const;
    for (const [error, expected] of cases) assert.equal(classifySnowflake(error), expected, JSON.stringify(error));
  });

  test("recipes write few large batches, unless they say otherwise", () => {
    const recipe = { name: "r", version: "1.0.0", keysPrefix: "p", mappings: { a: "a" } };
    const connector = snowflake({ account: "a", user: "u", password: "p" }).table("t", { primaryKey: "id" });
    const { batch, duration, partitions } = writeBehind({ ...recipe, connector });
    assert.deepEqual([batch, duration, partitions], [50_000, 10_000, 1]);
    assert.equal(writeBehind({ ...recipe, connector, duration: 60_000 }).duration, 60_000);
  });
});

describe("Snowflake's session, on fakesnow", { skip: given !== undefined || missing !== undefined }, () => {
  const pair = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  let server: Fakesnow;
  before(async () => {
    server = await startFakesnow({ user: USER, password: PASSWORD, publicKey: pair.publicKey });
  });
  after(() => server?.stop());

  const open = async (t: TestContext, options: SnowflakeOptions, table: string, columns: readonly string[]) => {
    const sink = snowflake(options).table(table, { primaryKey: "id" }).sink({ recipe: "r", columns });
    t.after(() => sink.close());
    await sink.open(NEVER);
    return sink;
  };
  const query = async (sql: string) => {
    const session = await snowflakeSession(optionsOf(server));
    const rows = await session.query(sql);
    await session.close();
    return rows;
  };
  const batch = (id: string, value: string) => ({
    upserts: [{ columns: ["name"], rows: [{ id: [id], values: [value], offset: 1 }] }],
    deletes: [],
  });

  test("a key pair signs in, as it is and encrypted", async (t) => {
    await query("CREATE TABLE keyed (id NUMBER(38,0) PRIMARY KEY, name VARCHAR)");
    const { password: _, ...others } = optionsOf(server);
    const encrypted = createPrivateKey(pair.privateKey).export({
      ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "open" },
    });
    for (const key of [{ privateKey: pair.privateKey }, { privateKey: encrypted.toString(), privateKeyPass: "open" }]) {
      const sink = await open(t, { ...others, ...key }, "keyed", ["name"]);
      await sink.write(batch("1", "by key"), [], NEVER);
    }
    assert.deepEqual(await query("SELECT * FROM keyed"), [["1", "by key"]]);
  });

  test("another key is refused, for a person to mend", async (t) => {
    const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
    const { password: _, ...others } = optionsOf(server);
    const privateKey = other.export({ type: "pkcs8", format: "pem" }).toString();
    const sink = snowflake({ ...others, privateKey }).table("keyed", { primaryKey: "id" }).sink({ recipe: "r", columns: [] }); // prettier-ignore
    t.after(() => sink.close());
    await assert.rejects(sink.open(NEVER), (error: unknown) => {
      assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED", String(error));
      assert.match(error.message, /refuses: JWT token is invalid/);
      assert.equal(sink.classify(error), "fatal");
      return true;
    });
  });

  test("a recipe may write names in lower case, as people write them without quotes", async (t) => {
    await query("CREATE TABLE persons (id NUMBER(38,0) PRIMARY KEY, name VARCHAR)");
    const sink = await open(t, optionsOf(server), "persons", ["name"]);
    await sink.write(batch("7", "Ada"), [], NEVER);
    assert.deepEqual(await query("SELECT id, name FROM persons"), [["7", "Ada"]]);
  });

  test("after minutes of silence in a transaction nothing more is sent: it may have been rolled back", async (t) => {
    await query("CREATE TABLE slow (id NUMBER(38,0) PRIMARY KEY, name VARCHAR)");
    const sink = await open(t, optionsOf(server), "slow", ["name"]);
    let now = performance.now();
    t.mock.method(performance, "now", () => (now += 300_000));
    await assert.rejects(sink.write(batch("1", "late"), [], NEVER), (error: unknown) => {
      assert.equal(sink.classify(error), "retry");
      return true;
    });
    t.mock.restoreAll();
    await sink.open(NEVER);
    await sink.write(batch("1", "in time"), [], NEVER);
    assert.deepEqual(await query("SELECT * FROM slow"), [["1", "in time"]]);
  });

  const urlOf = () =>
    `snowflake://${USER}:${encodeURIComponent(PASSWORD)}@fakesnow/TEST/PUBLIC?warehouse=W&accessUrl=${encodeURIComponent(server.accessUrl)}`;

  test("the recipe that comes with wbsync carries hashes into rows", async (t) => {
    for (const statement of statementsOf(readFileSync(join(RECIPES, "snowflake.sql"), "utf8"))) await query(statement);
    const shop = await openShop({ SNOWFLAKE_URL: urlOf() });
    t.after(() => shop.stop());
    await shop.deploy(join(RECIPES, "snowflake.ts"));
    const properties = '{"campaign": "spring"}';
    await shop.client.hset("visit:7", { page: "/tea", seconds: "42", revenue: "9.90", visited: "2024-02-29T12:30:00Z", properties }); // prettier-ignore
    await shop.client.hset("visit:8", { page: "/", seconds: "long" });
    await shop.client.hset("visit:9", { page: "/cup", seconds: "1" });
    // Whoever waits is not kept waiting for a batch to fill, though the recipe's duration is half a minute.
    assert.equal(await shop.client.wait(1, 20_000), 1);
    assert.deepEqual(await query("SELECT id, page, seconds, revenue, properties FROM visits ORDER BY id"), [
      ["7", "/tea", "42", "9.90", '{"campaign":"spring"}'],
      ["9", "/cup", "1", null, null],
    ]);
    const { stdout } = await shop.wbsync("dlq", "list", "VisitsWriteBehind", "--json");
    assert.match(stdout, /visit:8/);
  });

  test("init writes a schema that is accepted whatever the types, and reads the tables that are there", async (t) => {
    const dir = tempDir("wbsync-init-snowflake");
    const answers = ["--table", "goods", "--primary-key", "a:integer, b", "--mapping", MAPPING_OF_EVERY_TYPE];
    const made = await wbsync(["init", "shop", "--yes", "--template", "snowflake", ...answers], { cwd: dir });
    assert.equal(made.code, 0, made.stderr);
    for (const statement of statementsOf(readFileSync(join(dir, "shop/schema.sql"), "utf8"))) await query(statement);
    assert.deepEqual(await query("SELECT a, boolean_column FROM goods"), []);

    const redis = await startRedis();
    t.after(() => redis.stop());
    await redis.client().hset("good:1:x", { text_column: "tea", integer_column: "1" });
    const from = await wbsync(["init", "from", "--from", urlOf()], { cwd: dir, env: { REDIS_URL: redis.url } });
    assert.equal(from.code, 0, from.stderr);
    const recipe = readFileSync(join(dir, "from/recipe.ts"), "utf8");
    assert.match(recipe, /account: "fakesnow",[^]*database: "TEST",\n {2}schema: "PUBLIC",\n {2}warehouse: "W"/);
    assert.match(recipe, /db.table\("GOODS", \{ primaryKey: \["A", "B"\] \}\)/);
    assert.match(recipe, /text_column: "TEXT_COLUMN",.*\n {4}integer_column: "INTEGER_COLUMN",/);
    assert.doesNotMatch(recipe + from.stdout + from.stderr, /se'cret/);
  });
});
