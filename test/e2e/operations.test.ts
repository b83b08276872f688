/** The field `#`: what to do with a write, and the answer to it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./acks.js";

let lab: Lab;
let redis: Redis;
let runner: LabRunner;

before(async () => {
  lab = await startLab();
  redis = lab.client;
  await lab.deploy();
  runner = await lab.running();
});
after(() => lab.stop());

const row = async (id: string): Promise<string | undefined> => (await readTable(lab.db)).get(id);
const DONE = { status: "done" };

test("= is kept and written, and answered when the row is committed", async () => {
  await redis.hset("person:1", { first_name: "Ann", "#": "=a1" });
  assert.deepEqual(await answer(redis, "person:1", "a1"), DONE);
  assert.equal(await row("1"), '["Ann",null,null,null]');
  assert.deepEqual(await redis.hgetall("person:1"), { first_name: "Ann" });
  const ttl = await redis.ttl("{person:1}a1");
  assert.ok(ttl > 3500 && ttl <= 3600, `the answer lives for ${ttl} s`);
});

test("an operation needs no id", async () => {
  await redis.hset("person:1b", { first_name: "Ann", "#": "=" });
  await waitFor(async () => (await redis.hexists("person:1b", "#")) === 0);
  await lab.caughtUp();
  assert.equal(await row("1b"), '["Ann",null,null,null]');
});

test("+ is kept and not written", async () => {
  await redis.hset("person:2", { first_name: "Ann", "#": "=b1" });
  await answer(redis, "person:2", "b1");
  await redis.hset("person:2", { first_name: "Bea", "#": "+b2" });
  assert.deepEqual(await answer(redis, "person:2", "b2"), DONE);
  await waitFor(async () => (await redis.hexists("person:2", "#")) === 0);
  await lab.caughtUp();
  assert.deepEqual(await redis.hgetall("person:2"), { first_name: "Bea" });
  assert.equal(await row("2"), '["Ann",null,null,null]');
});

test("~ deletes the key and the row", async () => {
  await redis.hset("person:3", { first_name: "Ann", "#": "=c1" });
  await answer(redis, "person:3", "c1");
  await redis.hset("person:3", { "#": "~c2" });
  assert.deepEqual(await answer(redis, "person:3", "c2"), DONE);
  assert.equal(await row("3"), undefined);
  assert.equal(await redis.exists("person:3"), 0);
});

test("- deletes the key and keeps the row, also when the runner sees its own DEL again after a restart", async () => {
  await redis.hset("person:4", { first_name: "Ann", "#": "=d1" });
  await answer(redis, "person:4", "d1");
  await redis.hset("person:4", { "#": "-d2" });
  assert.deepEqual(await answer(redis, "person:4", "d2"), DONE);
  await waitFor(async () => (await redis.exists("person:4")) === 0);
  await lab.caughtUp();
  assert.equal(await row("4"), '["Ann",null,null,null]');
  await runner.kill();
  runner = await lab.running();
  await lab.caughtUp();
  assert.equal(await row("4"), '["Ann",null,null,null]');
});

test("every id is answered, also when many writes of one key become one row", async () => {
  const ids = Array.from({ length: 200 }, (_, i) => `e${i}`);
  const pipeline = redis.pipeline();
  for (const [i, id] of ids.entries()) pipeline.hset("person:5", { first_name: "Ann", v: i, "#": `=${id}` });
  await pipeline.exec();
  for (const id of ids) assert.deepEqual(await answer(redis, "person:5", id), DONE);
  assert.equal(await row("5"), '["Ann",null,null,"199"]');
  await waitFor(async () => (await redis.hexists("person:5", "#")) === 0);
});

test("an unknown operation is a dead letter, and the key stays as it is", async () => {
  await redis.hset("person:6", { first_name: "Ann", "#": "?f1" });
  const { status, error } = await answer(redis, "person:6", "f1");
  assert.equal(status, "failed");
  assert.match(error ?? "", /expected one of = \+ ~ -/);
  assert.deepEqual(await redis.hgetall("person:6"), { first_name: "Ann", "#": "?f1" });
  const letters = await lab.letters();
  assert.ok(letters.some(({ key }) => key === "person:6"));
  assert.equal(await row("6"), undefined);
});

test("a dead-lettered row is answered with its error, and healed by the next good write", async () => {
  await redis.hset("person:7", { first_name: "Ann", age: "old", "#": "=g1" });
  const { status, error } = await answer(redis, "person:7", "g1");
  assert.equal(status, "failed");
  assert.match(error ?? "", /age/);
  await redis.hset("person:7", { age: 70, "#": "=g2" });
  assert.deepEqual(await answer(redis, "person:7", "g2"), DONE);
  assert.equal(await row("7"), '["Ann",null,"70",null]');
  await waitFor(async () => !(await lab.letters()).some(({ key }) => key === "person:7"));
});

test("the runner's own writes are not taken for changes to carry", async () => {
  await lab.caughtUp();
  const before = (await lab.status())?.rows ?? 0;
  await redis.hset("person:8", { first_name: "Ann", last_name: "Lee", age: 1, v: 1, "#": "=h1" });
  await answer(redis, "person:8", "h1");
  await waitFor(async () => (await redis.hexists("person:8", "#")) === 0);
  await lab.caughtUp();
  await waitFor(async () => (await lab.status())?.rows === before + 1);
});
