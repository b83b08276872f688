/** What the contract suite does not ask of the MongoDB connector. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import * as driver from "mongodb";
import { type Db, MongoClient } from "mongodb";
import type { Sink, SinkContext } from "../../src/connectors/connector.js";
import { mongodb, type CollectionOptions, type MongodbOptions } from "../../src/connectors/mongodb.js";
import { columnOf } from "../../src/connectors/mongodb/types.js";
import { RefusedValueError, SupersededError, UserError } from "../../src/errors.js";
import type { Batch, Checkpoint, Value } from "../../src/model.js";
import { converterFor } from "../../src/recipe/convert.js";
import { openShop, RECIPES, rowsBecome } from "../recipes/shop.js";
import { findMongodb, startMongodb, type MongodbServer } from "../support/mongodb.js";

const NEVER = new AbortController().signal;
const program = await findMongodb();

const checkpoint = (token: string, high = 1): Checkpoint => ({
  ...{ partition: 0, token, replid: "r", low: 1, db: 0, high, snapshot: "done", version: "1.0.0" },
});
const move = (from: string | undefined, to: string, high?: number) => ({
  ...{ partition: 0, from, to: checkpoint(to, high) },
});

/** A batch that sets these fields of these ids. */
function batch(rows: Readonly<Record<string, Readonly<Record<string, Value>>>>): Batch {
  return {
    deletes: [],
    upserts: Object.entries(rows).map(([id, fields], offset) => ({
      columns: Object.keys(fields),
      rows: [{ id: [id], values: Object.values(fields), offset }],
    })),
  };
}

async function failure(sink: Sink, work: () => Promise<unknown>): Promise<{ error: unknown; kind: string }> {
  try {
    await work();
  } catch (error) {
    return { error, kind: sink.classify(error) };
  }
  return assert.fail("expected an error");
}

describe("documents", { skip: program.product === undefined && program.missing }, () => {
  let server: MongodbServer;
  let client: MongoClient;
  let db: Db;
  let count = 0;
  before(async () => {
    server = await startMongodb(program);
    client = new MongoClient(server.url, { promoteValues: false });
    db = client.db();
  });
  after(async () => {
    await client?.close();
    await server?.stop();
  });

  /** A collection of its own for every test. */
  async function openSink(t: TestContext, context: Partial<SinkContext> = {}, options: CollectionOptions = {}) {
    const name = `c${++count}`;
    const connector = mongodb({ url: server.url, connectTimeoutMs: 2000 }).collection(name, options);
    const sink = connector.sink({ recipe: "r", columns: ["a"], ...context });
    t.after(() => sink.close());
    const opened = await sink.open(NEVER);
    return { sink, opened, collection: db.collection<{ _id: unknown }>(name), name };
  }

  test("nested fields are set one by one, NULL removes a field, and what is not mapped stays", async (t) => {
    const { sink, collection } = await openSink(t, { columns: ["address.city", "address.zip", "name"] });
    await collection.insertOne({ _id: "1", address: { street: "stays", zip: "old" }, own: true } as never);
    await sink.write(batch({ 1: { "address.city": "London", "address.zip": null, name: "Ada" } }), [], NEVER);
    await sink.write(batch({ 2: { "address.city": null, name: null } }), [], NEVER);
    assert.deepEqual(await collection.find().sort({ _id: 1 }).toArray(), [
      { _id: "1", address: { street: "stays", city: "London" }, own: true, name: "Ada" },
      { _id: "2" },
    ]);
  });

  test("a value that a unique index holds is refused, and a deleted document gives it free in the same batch", async (t) => {
    const { sink, collection } = await openSink(t);
    await collection.createIndex({ a: 1 }, { unique: true });
    await sink.write(batch({ 1: { a: "x" } }), [move(undefined, "t1")], NEVER);
    assert.equal(
      (await failure(sink, () => sink.write(batch({ 2: { a: "x" } }), [move("t1", "t2")], NEVER))).kind,
      "reject",
    );
    const deletes = [{ id: ["1"], values: [], offset: 9 }];
    await sink.write({ ...batch({ 2: { a: "x" } }), deletes }, [move("t1", "t3")], NEVER);
    assert.deepEqual(await collection.find().toArray(), [{ _id: "2", a: "x" }]);
  });

  test("a path through a value that is no document, and a document above 16 MB, are refused", async (t) => {
    const { sink, collection } = await openSink(t, { columns: ["a.b", "c"] });
    await collection.insertOne({ _id: "1", a: "text" } as never);
    assert.equal((await failure(sink, () => sink.write(batch({ 1: { "a.b": "x" } }), [], NEVER))).kind, "reject");
    const large = "x".repeat(17 * 1024 * 1024);
    const { error, kind } = await failure(sink, () => sink.write(batch({ 2: { c: large } }), [], NEVER));
    assert.equal(kind, "reject");
    assert.match(String(error), /MongoDB holds 16777216/);
    await sink.write(batch({ 2: { c: "small" } }), [], NEVER);
  });

  test("a document is as large as its bytes are, whatever its text was", async (t) => {
    const { sink } = await openSink(t, { columns: ["c"] });
    const cyrillic = await failure(sink, () => sink.write(batch({ 1: { c: "ж".repeat(9_000_000) } }), [], NEVER));
    assert.deepEqual([cyrillic.kind, /would have 18000/.test(String(cyrillic.error))], ["reject", true]);
    const listing = await openSink(t, { columns: ["l"], types: { l: "json" } });
    const list = `[${"1,".repeat(1_500_000)}1]`;
    const numbers = await failure(listing.sink, () => listing.sink.write(batch({ 1: { l: list } }), [], NEVER));
    assert.deepEqual([numbers.kind, /MongoDB holds 16777216/.test(String(numbers.error))], ["reject", true]);
    await listing.sink.write(batch({ 1: { l: "[1]" } }), [], NEVER);
  });

  test("a late writer is refused before it writes a document", async (t) => {
    const { sink, collection } = await openSink(t);
    await sink.write(batch({ 1: { a: "new" } }), [move(undefined, "t1")], NEVER);
    for (const late of [move("t0", "t2"), move(undefined, "t2")]) {
      const { error, kind } = await failure(sink, () => sink.write(batch({ 1: { a: "old" } }), [late], NEVER));
      assert.ok(error instanceof SupersededError);
      assert.equal(kind, "superseded");
    }
    assert.deepEqual(await collection.find().toArray(), [{ _id: "1", a: "new" }]);
  });

  test("a primary key other than _id needs a unique index on exactly its fields", async (t) => {
    const name = "lines";
    const collection = mongodb({ url: server.url }).collection(name, {
      primaryKey: ["order", "line"],
      types: { line: "integer" },
    });
    const sink = collection.sink({ recipe: "r", columns: ["a"] });
    t.after(() => sink.close());
    const attempts = [
      async () => undefined,
      async () => void (await db.collection(name).createIndex({ order: 1, line: 1 })),
      async () => void (await db.collection(name).createIndex({ order: 1, a: 1 }, { unique: true })),
    ];
    for (const prepare of attempts) {
      await prepare();
      const { error, kind } = await failure(sink, () => sink.open(NEVER));
      assert.equal(kind, "fatal");
      assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED");
      assert.match(error.message, /no unique index on exactly \(order, line\)/);
      assert.match(error.hint ?? "", /createIndex\(\{ "order": 1, "line": 1 \}, \{ unique: true \}\)/);
    }
    await db.collection(name).dropIndexes();
    await db.collection(name).createIndex({ line: 1, order: 1 }, { unique: true });
    await sink.open(NEVER);
    const row = { id: ["7", "1"], values: ["tea"], offset: 1 };
    await sink.write({ upserts: [{ columns: ["a"], rows: [row] }], deletes: [] }, [], NEVER);
    const [stored] = await db.collection(name).find().project({ _id: 0 }).toArray();
    assert.deepEqual(stored, { order: "7", line: new driver.Int32(1), a: "tea" });
    await sink.write({ upserts: [], deletes: [{ ...row, values: [] }] }, [], NEVER);
    assert.equal(await db.collection(name).countDocuments(), 0);
  });

  test("names of fields that MongoDB cannot set are named before anything is written", async () => {
    const cases: readonly [readonly string[], RegExp][] = [
      [["_id"], /"_id" cannot be changed/],
      [["$set"], /begin with \$/],
      [["a..b"], /empty part/],
      [["a", "a.b"], /"a.b" is a part of "a"/],
    ];
    for (const [columns, expected] of cases) {
      const sink = mongodb({ url: server.url }).collection("any").sink({ recipe: "r", columns });
      const { error, kind } = await failure(sink, () => sink.open(NEVER));
      assert.equal(kind, "fatal");
      assert.match(String(error), expected);
    }
  });

  test("the recipe that comes with wbsync carries hashes into documents", async (t) => {
    const shop = await openShop({ MONGODB_URL: server.url });
    t.after(() => shop.stop());
    await shop.deploy(join(RECIPES, "mongodb.ts"));
    const settings = '{"theme": "dark", "tabs": [1, 2]}';
    await shop.client.hset("profile:7", { name: "Ada", age: "36", city: "London", settings, joined: "2024-02-29" });
    await shop.client.hset("profile:8", { name: "Alan", age: "forty" });
    await shop.client.hset("profile:9", { name: "Grace" });
    const profiles = async () =>
      (await db.collection("profiles").find().sort({ _id: 1 }).toArray()) as Record<string, unknown>[];
    const ada = { _id: 7, name: "Ada", age: 36, address: { city: "London" }, joined: "2024-02-29T00:00:00.000Z" };
    const sorted = async () => (await profiles()).map(inOrder);
    const expected = [
      { ...ada, settings: { theme: "dark", tabs: [1, 2] } },
      { _id: 9, name: "Grace" },
    ].map(inOrder);
    await rowsBecome(sorted, expected);
    // The recipe's mappings say the types, and the server keeps them.
    assert.ok((await profiles())[0]?.["age"] instanceof driver.Int32);
    const { stdout } = await shop.wbsync("dlq", "list", "ProfilesWriteBehind", "--json");
    assert.match(stdout, /profile:8/);
    await shop.client.hset("profile:8", "age", "41");
    await shop.client.del("profile:7");
    await rowsBecome(
      sorted,
      [
        { _id: 8, age: 41, name: "Alan" },
        { _id: 9, name: "Grace" },
      ].map(inOrder),
    );
  });
});

/** With the fields in one order, whatever order the server keeps. */
function inOrder(document: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(document).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries);
}

test("decimals of 34 digits are exact, and one of 35 is refused", () => {
  const { encode } = columnOf(driver, "d", "decimal");
  const digits = "1234567890.123456789012345678901234";
  assert.equal(String(encode(digits)), digits);
  assert.throws(() => encode(`${digits}5`), RefusedValueError);
  assert.equal(String(encode("-0.0001")), "-0.0001");
});

test("numbers inside JSON keep every digit", () => {
  const { encode } = columnOf(driver, "j", "json");
  const cases: readonly [string, unknown][] = [
    ["7", new driver.Int32(7)],
    ["-2147483649", driver.Long.fromString("-2147483649")],
    ["9223372036854775808", driver.Decimal128.fromString("9223372036854775808")],
    ["0.1", new driver.Double(0.1)],
    ["15e-1", new driver.Double(1.5)],
    ["3.141592653589793", new driver.Double(Math.PI)],
    ["3.1415926535897932384", driver.Decimal128.fromString("3.1415926535897932384")],
    ["1e400", driver.Decimal128.fromString("1e400")],
    ['[null, true, "\\u00e9", {}]', [null, true, "é", new Map()]],
  ];
  for (const [text, expected] of cases) assert.deepEqual(encode(text), expected, text);
});

test("a date keeps milliseconds, and a finer one is refused", () => {
  const column = columnOf(driver, "at", "datetime");
  assert.throws(() => converterFor(column).fromBytes("2024-02-29T12:00:00.0001Z"), RefusedValueError);
});

test("what is wrong with the options is said when the recipe is loaded, and no URL is shown", async () => {
  const cases: readonly [() => unknown, RegExp][] = [
    [() => mongodb({ ulr: "x" } as MongodbOptions), /unknown option "ulr"/],
    [() => mongodb("http://user:hidden@x"), /expected a URL like mongodb:/],
    [() => mongodb({ url: "mongodb://x/y", host: "z" }), /two ways/],
    [() => mongodb("mongodb://x/y").collection(""), /expected the name of a collection/],
    [() => mongodb("mongodb://x/y").collection("c", { primaryKey: [] }), /primaryKey/],
    [() => mongodb("mongodb://x/y").collection("c", { primaryKey: ["_id.a", "_id.b"] }), /inside _id/],
  ];
  for (const [work, expected] of cases) {
    assert.throws(work, (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, expected);
      assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, /hidden/);
      return true;
    });
  }
  const sink = mongodb("mongodb://app:hidden@host:port:1/db?nonsense=1")
    .collection("c")
    .sink({ recipe: "r", columns: [] });
  const { error, kind } = await failure(sink, () => sink.open(NEVER));
  assert.equal(kind, "fatal");
  assert.doesNotMatch(`${(error as Error).message} ${(error as Error).stack}`, /hidden/);
});
