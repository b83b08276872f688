/** Write-through: the row first, the hash after. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./answers.js";

let lab: Lab;
let runner: LabRunner;
let redis: Redis;
let key: string;
let id = 0;

before(async () => {
  lab = await startLab();
  redis = lab.client;
  await lab.deploy({ name: "Through", prefix: "__", mode: "writeThrough", more: "timeout: 1500," });
  runner = lab.startRunner();
  await runner.is("running", "Through");
});
after(() => lab.stop());
beforeEach(() => {
  key = `person:${++id}`;
});

const row = async (): Promise<string | undefined> => (await readTable(lab.db)).get(key.slice("person:".length));
/** Writes through, and waits for the answer. */
const through = async (fields: Record<string, string | number>, mark = "=") => {
  const ack = `ack${Math.random()}`;
  await redis.hset(`__{${key}}`, { ...fields, "#": `${mark}${ack}` });
  return await answer(lab, `{${key}}${ack}`);
};
const temporaryIsGone = () => waitFor(async () => (await redis.exists(`__{${key}}`)) === 0);

test("success: the row is committed, the key is the hash, the temporary key is gone", async () => {
  assert.deepEqual(await through({ first_name: "foo", age: 20 }), { status: "done" });
  assert.equal(await row(), '["foo",null,"20",null]');
  assert.deepEqual(await redis.hgetall(key), { first_name: "foo", age: "20" });
  assert.equal(await redis.exists(`__{${key}}`), 0);
});

test("a partial update is laid over the hash; fields that no mapping names are kept", async () => {
  await redis.hset(key, { first_name: "Ann", last_name: "Lee", shoe: 40 });
  assert.deepEqual(await through({ age: 5, hat: 7 }), { status: "done" });
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", last_name: "Lee", shoe: "40", age: "5", hat: "7" });
  assert.equal(await row(), '["Ann","Lee","5",null]');
});

test("without # it is written through as well, and nobody is answered", async () => {
  await redis.hset(`__{${key}}`, { first_name: "quiet" });
  await temporaryIsGone();
  assert.equal(await row(), '["quiet",null,null,null]');
  assert.equal(await redis.hget(key, "first_name"), "quiet");
});

test("a refusal: the key stays as it was, the temporary key is gone, the answer says why", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1 });
  for (const fields of [{ age: "old" }, { first_name: "x".repeat(200) }]) {
    const { status, error } = await through(fields);
    assert.equal(status, "failed");
    assert.match(error!, /old|too long|100/i);
    await temporaryIsGone();
  }
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", age: "1" });
  assert.equal(await row(), undefined);
});

test("a refusal does not harm the writes beside it", async () => {
  const bad = Array.from({ length: 20 }, (_, i) => `person:side${i}`);
  const pipeline = redis.pipeline();
  for (const [i, one] of bad.entries()) {
    pipeline.hset(`__{${one}}`, { age: i % 4 === 0 ? "99999999999" : i, "#": `=side` });
  }
  await pipeline.exec();
  for (const [i, one] of bad.entries()) {
    assert.equal((await answer(lab, `{${one}}side`))["status"], i % 4 === 0 ? "failed" : "done", one);
  }
});

test("a database that does not answer in time: the key stays as it was, and the answer says so", async () => {
  await redis.hset(key, { first_name: "Ann" });
  const server = lab.db.server as { pause(): void; resume(): void };
  server.pause();
  const { status, error } = await through({ first_name: "late" });
  server.resume();
  assert.equal(status, "failed");
  assert.match(error!, /within 1500 ms/);
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann" });
  await temporaryIsGone();
  assert.deepEqual(await through({ first_name: "next" }), { status: "done" }, "it goes on by itself");
  assert.equal(await row(), '["next",null,null,null]');
});

test("~ deletes row and key", async () => {
  await through({ first_name: "foo" });
  assert.ok(await row());
  assert.deepEqual(await through({}, "~"), { status: "done" });
  assert.equal(await row(), undefined);
  assert.equal(await redis.exists(key), 0);
});

test("+ changes the hash only", async () => {
  await through({ first_name: "foo", age: 1 });
  assert.deepEqual(await through({ first_name: "bar" }, "+"), { status: "done" });
  assert.equal(await row(), '["foo",null,"1",null]');
  assert.deepEqual(await redis.hgetall(key), { first_name: "bar", age: "1" });
});

test("- deletes the key only", async () => {
  await through({ first_name: "foo", age: 1 });
  assert.deepEqual(await through({}, "-"), { status: "done" });
  assert.equal(await row(), '["foo",null,"1",null]');
  assert.equal(await redis.exists(key), 0);
});

test("writes of one key are applied in their order, and each is answered", async () => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 100; i++)
    pipeline.hset(`__{${key}}`, { v: i, [i % 2 ? "first_name" : "last_name"]: `N${i}`, "#": `=o${i}` });
  await pipeline.exec();
  for (let i = 0; i < 100; i++) assert.deepEqual(await answer(lab, `{${key}}o${i}`), { status: "done" });
  await temporaryIsGone();
  assert.deepEqual(await redis.hgetall(key), { v: "99", first_name: "N99", last_name: "N98" });
  assert.equal(await row(), '["N99","N98",null,"99"]');
});

test("an unknown operation is answered with failed", async () => {
  const { status, error } = await through({ age: 1 }, "?");
  assert.equal(status, "failed");
  assert.match(error!, /= \+ ~ -/);
  assert.equal(await redis.exists(key), 0);
});

test("what waited in Redis while no runner was there is written through by the next", async () => {
  const other = await startLab();
  after(() => other.stop());
  await other.client.hset("__{person:0}", { first_name: "older than the recipe", "#": "=early" });
  await other.deploy({ name: "Through", prefix: "__", mode: "writeThrough" });
  const runner = other.startRunner();
  await runner.is("running", "Through");
  assert.deepEqual(await answer(other, "{person:0}early"), { status: "done" });
  await runner.kill();
  for (let i = 1; i < 50; i++) await other.client.hset(`__{person:${i}}`, { v: i, "#": "=away" });
  await other.startRunner().is("running", "Through");
  for (let i = 1; i < 50; i++) assert.deepEqual(await answer(other, `{person:${i}}away`), { status: "done" });
  assert.equal((await readTable(other.db)).size, 50);
});

test("one that was carried out before a restart is not carried out again because another waits under the same key", async () => {
  assert.deepEqual(await through({ first_name: "Ann", age: 36 }), { status: "done" });
  await redis.hset(key, "age", 40);
  await runner.kill();
  const late = await redis.hset(`__{${key}}`, { last_name: "Lee", "#": "=late" });
  assert.equal(late, 2);
  runner = lab.startRunner();
  assert.equal((await answer(lab, `{${key}}late`))["status"], "done");
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", age: "40", last_name: "Lee" });
  assert.equal(await row(), '["Ann","Lee","40",null]');
});

test("nor are those of its fields that have been written since, where two writes have the same mark", async () => {
  await redis.hset(`__{${key}}`, { first_name: "Ann", last_name: "Old", "#": "=" });
  await temporaryIsGone();
  await redis.hset(key, "last_name", "New");
  await runner.kill();
  await redis.hset(`__{${key}}`, { age: 6, "#": "=" });
  runner = lab.startRunner();
  await temporaryIsGone();
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", last_name: "New", age: "6" });
  assert.equal(await row(), '["Ann","New","6",null]');
});
