/** The field `#`: what to do with a write, and an acknowledgement for it. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./answers.js";

let lab: Lab;
let redis: Redis;
let key: string;
let id = 0;

before(async () => {
  lab = await startLab();
  redis = lab.client;
  await lab.deploy();
  await lab.running();
});
after(() => lab.stop());
beforeEach(() => {
  key = `person:${++id}`;
});

const row = async (): Promise<string | undefined> => (await readTable(lab.db)).get(key.slice("person:".length));
const settled = (of = key) => waitFor(async () => (await redis.hexists(of, "#")) === 0, { what: "# to be removed" });

/** What the runner says after everything that has happened so far. */
const reported = async () => {
  const { beat } = (await lab.status())!;
  return await waitFor(async () => {
    const status = (await lab.status())!;
    return status.beat > beat + 1 && status;
  });
};

test("= keeps the hash and writes the row", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1, "#": "=" });
  await settled();
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", age: "1" });
  await lab.caughtUp();
  assert.equal(await row(), '["Ann",null,"1",null]');
});

test("+ keeps the hash and writes nothing", async () => {
  await redis.hset(key, { first_name: "Ann", "#": "+" });
  await settled();
  await lab.caughtUp();
  assert.equal(await row(), undefined);
  assert.equal(await redis.hget(key, "first_name"), "Ann");
  await redis.hset(key, { first_name: "Bea", age: 2 });
  await lab.caughtUp();
  assert.equal(await row(), '["Bea",null,"2",null]', "a later write is written");
});

test("+ leaves the row as it was", async () => {
  await redis.hset(key, { first_name: "Ann", "#": "=a" });
  await answer(lab, `{${key}}a`);
  await redis.hset(key, { first_name: "Bea", "#": "+b" });
  assert.deepEqual(await answer(lab, `{${key}}b`), { status: "done" });
  await settled();
  await lab.caughtUp();
  assert.equal(await row(), '["Ann",null,null,null]');
  assert.equal(await redis.hget(key, "first_name"), "Bea");
});

test("~ deletes the key and the row", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await lab.caughtUp();
  assert.ok(await row());
  await redis.hset(key, "#", "~");
  await waitFor(async () => (await redis.exists(key)) === 0);
  await lab.caughtUp();
  assert.equal(await row(), undefined);
});

test("what is written after a ~ that is not carried out yet goes with the key, and the row goes too", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await lab.caughtUp();
  await redis.multi().hset(key, "#", "~a").hset(key, "age", 2).exec();
  assert.deepEqual(await answer(lab, `{${key}}a`), { status: "done" });
  await waitFor(async () => (await redis.exists(key)) === 0);
  await lab.caughtUp();
  assert.equal(await row(), undefined);
});

test("a ~ that another operation took the place of deletes neither key nor row", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await lab.caughtUp();
  await redis.multi().hset(key, "#", "~a").hset(key, { age: 2, "#": "=b" }).exec();
  for (const id of ["a", "b"]) assert.deepEqual(await answer(lab, `{${key}}${id}`), { status: "done" });
  await settled();
  await lab.caughtUp();
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", age: "2" });
  assert.equal(await row(), '["Ann",null,"2",null]');
});

test("a hash that has nothing but # goes with it, and has no row", async () => {
  await redis.hset(key, "#", "=a");
  assert.deepEqual(await answer(lab, `{${key}}a`), { status: "done" });
  await waitFor(async () => (await redis.exists(key)) === 0);
  await lab.caughtUp();
  assert.equal(await row(), undefined);
});

test("- deletes the key and keeps the row", async () => {
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await lab.caughtUp();
  await redis.hset(key, { first_name: "never written", "#": "-" });
  await waitFor(async () => (await redis.exists(key)) === 0);
  await lab.caughtUp();
  assert.equal(await row(), '["Ann",null,"1",null]');
});

test("- keeps the row, also when the runner sees its own DEL again after a restart", async () => {
  await redis.hset(key, { first_name: "Ann", "#": "=d1" });
  await answer(lab, `{${key}}d1`);
  await redis.hset(key, "#", "-d2");
  await answer(lab, `{${key}}d2`);
  await lab.killRunners();
  await lab.running();
  await lab.caughtUp();
  assert.equal(await row(), '["Ann",null,null,null]');
});

test("- keeps what an earlier write wanted in the row, also when both are carried together", async () => {
  await lab.ok("pause", "Persons");
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await redis.hset(key, "#", "-");
  await lab.ok("resume", "Persons");
  await waitFor(async () => (await redis.exists(key)) === 0);
  await lab.caughtUp();
  assert.equal(await row(), '["Ann",null,"1",null]');
});

for (const mark of ["=", "+", "~", "-"]) {
  test(`an id with ${mark} is answered in a stream that goes after an hour`, async () => {
    await redis.hset(key, { first_name: "Ann", "#": `${mark}6ce0c902-30c2` });
    const stream = `{${key}}6ce0c902-30c2`;
    assert.deepEqual(await answer(lab, stream), { status: "done" });
    if (mark === "=") assert.equal(await row(), '["Ann",null,null,null]', "the answer comes after the commit");
    const ttl = await redis.ttl(stream);
    assert.ok(ttl > 3500 && ttl <= 3600, String(ttl));
    assert.equal(await redis.xlen(stream), 1);
  });
}

test("every id is answered when writes of one key become one row", async () => {
  await lab.ok("pause", "Persons");
  for (let i = 0; i < 20; i++) await redis.hset(key, { age: i, "#": `=many${i}` });
  await redis.del(key);
  await redis.hset(key, { age: 99, "#": "=last" });
  await lab.ok("resume", "Persons");
  for (let i = 0; i < 20; i++) assert.deepEqual(await answer(lab, `{${key}}many${i}`), { status: "done" });
  assert.deepEqual(await answer(lab, `{${key}}last`), { status: "done" });
  await lab.caughtUp();
  assert.equal(await row(), '[null,null,"99",null]');
});

test("the id of a row that became a dead letter is answered with failed, and why", async () => {
  await redis.hset(key, { age: "old", "#": "=bad" });
  const { status, error } = await answer(lab, `{${key}}bad`);
  assert.equal(status, "failed");
  assert.match(error!, /old/);
  await redis.hset(key, { age: 3, "#": "=good" });
  assert.deepEqual(await answer(lab, `{${key}}good`), { status: "done" });
});

test("an unknown operation is a dead letter, and the key stays as it is", async () => {
  await redis.hset(key, { first_name: "Ann", "#": "?what" });
  await waitFor(async () => (await lab.letters()).some((letter) => letter["key"] === key));
  const letter = (await lab.letters()).find((one) => one["key"] === key)!;
  assert.match(String(letter["error"]), /"#" is "\?what".*= \+ ~ -/);
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", "#": "?what" });
  await lab.caughtUp();
  assert.equal(await row(), undefined);
  await redis.hdel(key, "#");
  await redis.hset(key, { first_name: "Bea" });
  await lab.caughtUp();
  assert.equal(await row(), '["Bea",null,null,null]');
});

test("# is removed only if it still has the value that was seen", async () => {
  for (let i = 0; i < 200; i++) await redis.hset(key, { v: i, "#": `=seq${i}` });
  for (let i = 0; i < 200; i++) assert.deepEqual(await answer(lab, `{${key}}seq${i}`), { status: "done" });
  await settled();
  await lab.caughtUp();
  assert.equal(await row(), '[null,null,null,"199"]');
});

test("the runner's own writes are not carried: removing # or a key, and answers, change no row", async () => {
  await redis.hset(key, { first_name: "Ann", "#": "=a" });
  await answer(lab, `{${key}}a`);
  await lab.caughtUp();
  const before = await reported();
  const keys = Array.from({ length: 20 }, (_, i) => `${key}:own${i}`);
  for (const one of keys) await redis.hset(one, { first_name: "Ann", "#": "=b" });
  for (const one of keys) await answer(lab, `{${one}}b`);
  await lab.caughtUp();
  const { rows, deletes } = await reported();
  assert.equal(rows - before.rows, keys.length, "one row a write");
  assert.equal(deletes, before.deletes);
});

test("operations in MULTI/EXEC and in scripts are carried out too", async () => {
  await redis
    .multi()
    .hset(key, { first_name: "Ann", "#": "=m" })
    .hset(`${key}x`, { first_name: "Bea", "#": "+n" })
    .exec();
  await redis.eval(`redis.call("HSET", KEYS[1], "age", "5", "#", "=l")`, 1, `${key}y`);
  for (const stream of [`{${key}}m`, `{${key}x}n`, `{${key}y}l`]) {
    assert.deepEqual(await answer(lab, stream), { status: "done" });
  }
  const rows = await readTable(lab.db);
  assert.equal(await row(), '["Ann",null,null,null]');
  assert.equal(rows.get(`${id}x`), undefined);
  assert.equal(rows.get(`${id}y`), '[null,null,"5",null]');
});

test("answers are given also for writes that were made while no runner was there", async () => {
  const other = await startLab();
  after(() => other.stop());
  await other.deploy();
  const runner = await other.running();
  await other.client.hset("person:1", { age: 1 });
  // Until the first snapshot is known to be complete, the next runner would carry every hash, whatever its writes said.
  await waitFor(async () => {
    const stored = await other.db.query("SELECT snapshot FROM wbsync_checkpoint");
    return stored.every(({ snapshot }) => snapshot === "done");
  });
  await runner.kill();
  await other.client.hset("person:1", { age: 2, "#": "=away" });
  await other.client.hset("person:2", { age: 2, "#": "+away" });
  await other.client.hset("person:1", { "#": "~gone" });
  await other.running();
  assert.deepEqual(await answer(other, "{person:1}away"), { status: "done" });
  assert.deepEqual(await answer(other, "{person:2}away"), { status: "done" });
  assert.deepEqual(await answer(other, "{person:1}gone"), { status: "done" });
  await other.caughtUp();
  assert.equal((await readTable(other.db)).size, 0);
});
