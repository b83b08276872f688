/** Write-through: the row first, the hash after, alone and beside a write-behind of the same keys. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import type { MariadbServer } from "../support/mariadb.js";
import { readTable } from "../support/lab-tables.js";
import { answer } from "./acks.js";

let lab: Lab;
let redis: Redis;
const running = {} as { runner: LabRunner };

before(async () => {
  lab = await startLab();
  redis = lab.client;
  await lab.deploy({ name: "Through", mode: "writeThrough", prefix: "__", more: "timeout: 1500" });
  await lab.deploy();
  running.runner = await lab.running();
  await running.runner.is("running", "Through");
});
after(() => lab.stop());

const row = async (id: string): Promise<string | undefined> => (await readTable(lab.db)).get(id);
const through = async (id: string, fields: Record<string, string | number>, operation: string) => {
  await redis.hset(`__{person:${id}}`, { ...fields, "#": operation });
  return await answer(redis, `person:${id}`, operation.slice(1));
};
const DONE = { status: "done" };

test("the row is there before the answer, the hash is whole, the temporary key is gone", async () => {
  assert.deepEqual(await through("1", { first_name: "foo", age: 20 }, "=a1"), DONE);
  assert.equal(await row("1"), '["foo",null,"20",null]');
  assert.deepEqual(await redis.hgetall("person:1"), { first_name: "foo", age: "20" });
  assert.equal(await redis.exists("__{person:1}"), 0);
});

test("fields are laid over the hash that is there", async () => {
  await redis.hset("person:2", { first_name: "Ann", last_name: "Lee", age: 1, shoe: 40 });
  await lab.caughtUp();
  assert.deepEqual(await through("2", { age: 2 }, "=b1"), DONE);
  assert.equal(await row("2"), '["Ann","Lee","2",null]');
  assert.deepEqual(await redis.hgetall("person:2"), { first_name: "Ann", last_name: "Lee", age: "2", shoe: "40" });
});

test("a refused row leaves everything as it was", async () => {
  await through("3", { first_name: "Ann" }, "=c1");
  const { status, error } = await through("3", { age: "old" }, "=c2");
  assert.equal(status, "failed");
  assert.match(error ?? "", /age/);
  assert.equal(await row("3"), '["Ann",null,null,null]');
  assert.deepEqual(await redis.hgetall("person:3"), { first_name: "Ann" });
  assert.equal(await redis.exists("__{person:3}"), 0);
});

test("a row that the database itself refuses is told from the good ones beside it", async () => {
  await lab.db.query("ALTER TABLE persons ADD CONSTRAINT grown CHECK (v IS NULL OR v < 1000000)");
  const pipeline = redis.pipeline();
  for (let i = 0; i < 50; i++) pipeline.hset(`__{person:4-${i}}`, { v: i === 25 ? 2_000_000 : i, "#": `=d${i}` });
  await pipeline.exec();
  for (let i = 0; i < 50; i++) {
    const { status } = await answer(redis, `person:4-${i}`, `d${i}`);
    assert.equal(status, i === 25 ? "failed" : "done", `person:4-${i}`);
  }
  assert.equal(await row("4-25"), undefined);
  assert.equal(await redis.exists("person:4-25"), 0);
  await lab.db.query("ALTER TABLE persons DROP CONSTRAINT grown");
});

test("~ deletes row and key, + writes the hash only, - deletes the key only", async () => {
  await through("5", { first_name: "Ann" }, "=e1");
  assert.deepEqual(await through("5", { first_name: "Bea" }, "+e2"), DONE);
  assert.deepEqual(await redis.hgetall("person:5"), { first_name: "Bea" });
  assert.equal(await row("5"), '["Ann",null,null,null]');
  assert.deepEqual(await through("5", {}, "-e3"), DONE);
  assert.equal(await redis.exists("person:5"), 0);
  await lab.caughtUp();
  assert.equal(await row("5"), '["Ann",null,null,null]');
  assert.deepEqual(await through("5", {}, "~e4"), DONE);
  assert.equal(await row("5"), undefined);
});

test("two writes of one key are applied in their order", async () => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < 20; i++) pipeline.hset("__{person:6}", { v: i, "#": `=f${i}` });
  await pipeline.exec();
  for (let i = 0; i < 20; i++) assert.deepEqual(await answer(redis, "person:6", `f${i}`), DONE);
  assert.equal(await row("6"), '[null,null,null,"19"]');
  assert.deepEqual(await redis.hgetall("person:6"), { v: "19" });
  assert.equal(await redis.exists("__{person:6}"), 0);
});

test("a write-behind beside it does not write the row a second time", async () => {
  await lab.caughtUp();
  // The status is told once a second.
  await sleep(1200);
  const before = (await lab.status())?.rows ?? 0;
  for (let i = 0; i < 20; i++) assert.deepEqual(await through(`7-${i}`, { v: i }, `=g${i}`), DONE);
  await lab.caughtUp();
  await sleep(1200);
  assert.equal((await lab.status())?.rows, before);
});

test("direct writes and write-throughs of the same keys at once end with rows equal to hashes", async () => {
  const writes: Promise<unknown>[] = [];
  for (let i = 0; i < 3000; i++) {
    const key = `8-${i % 10}`;
    if (i % 3 === 0) writes.push(redis.hset(`__{person:${key}}`, { age: i, "#": `=h${i}` }));
    else if (i % 3 === 1) writes.push(redis.hset(`person:${key}`, { v: i }));
    else writes.push(redis.hset(`person:${key}`, { age: i, last_name: `L${i}` }));
    if (i % 10 === 0) await sleep(1);
  }
  await Promise.all(writes);
  for (let i = 0; i < 3000; i += 3) await answer(redis, `person:8-${i % 10}`, `h${i}`);
  await lab.compare();
});

test("a database that does not answer in time: failed, and the key stays as it was", async () => {
  await through("9", { first_name: "Ann" }, "=i1");
  process.kill((lab.db.server as MariadbServer).pid, "SIGSTOP");
  const { status, error } = await through("9", { first_name: "Bea" }, "=i2");
  process.kill((lab.db.server as MariadbServer).pid, "SIGCONT");
  assert.equal(status, "failed");
  assert.match(error ?? "", /within 1500 ms/);
  assert.deepEqual(await redis.hgetall("person:9"), { first_name: "Ann" });
  assert.equal(await redis.exists("__{person:9}"), 0);
  assert.deepEqual(await through("9", { first_name: "Cleo" }, "=i3"), DONE);
  assert.equal(await row("9"), '["Cleo",null,null,null]');
});

test("what was written while no runner was there is carried out by the next", async () => {
  const { runner } = running;
  await runner.kill();
  await redis.hset("__{person:10}", { first_name: "Ann", "#": "=j1" });
  running.runner = await lab.running();
  assert.deepEqual(await answer(redis, "person:10", "j1"), DONE);
  assert.equal(await row("10"), '["Ann",null,null,null]');
  assert.equal(await redis.exists("__{person:10}"), 0);
});
