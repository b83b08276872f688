/** Why a key went, and what becomes of its row: policies, the breaker, and stretches that were replayed. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { Registry } from "../../src/registry/registry.js";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait.js";

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

const ids = async (): Promise<Set<string>> => new Set((await readTable(lab.db)).keys());
const fill = async (prefix: string, count: number, extra?: (key: string) => void): Promise<void> => {
  const pipeline = redis.pipeline();
  for (let i = 0; i < count; i++)
    pipeline.hset(`person:${prefix}${i}`, { first_name: "Ann", last_name: "Lee", age: i, v: 1 });
  await pipeline.exec();
  for (let i = 0; i < count; i++) extra?.(`person:${prefix}${i}`);
  await lab.caughtUp();
};

test("clients' deletes and expiries at the same time are told apart", async () => {
  await fill("mix", 2000);
  const pipeline = redis.pipeline();
  for (let i = 0; i < 2000; i++) {
    if (i % 2 === 0) pipeline.pexpire(`person:mix${i}`, 50 + (i % 100));
    else pipeline.expire(`person:mix${i}`, 1000);
  }
  await pipeline.exec();
  for (let i = 1; i < 2000; i += 2) {
    await redis.del(`person:mix${i}`);
    if (i % 100 === 1) await sleep(5);
  }
  await waitFor(async () => (await redis.keys("person:mix*")).length === 0);
  await lab.caughtUp();
  const found = await ids();
  for (let i = 0; i < 2000; i++) assert.equal(found.has(`mix${i}`), i % 2 === 0, `person:mix${i}`);
});

test("deletes while no runner was there are carried, because the server removed nothing by itself meanwhile", async () => {
  await fill("away", 100);
  // The counters that a checkpoint carries were read a little before it; an idle checkpoint says that nothing expired since.
  await sleep(7000);
  await runner.kill();
  for (let i = 0; i < 50; i++) await redis.del(`person:away${i}`);
  runner = await lab.running();
  await lab.caughtUp();
  const left = await ids();
  for (let i = 0; i < 100; i++) assert.equal(left.has(`away${i}`), i >= 50, `person:away${i}`);
});

/** Deletes <prefix>0 and lets <prefix>9 expire while no runner is there, and returns the rows that are left once one has been. */
async function deletedWhileSomethingExpired(prefix: string, ...flags: string[]): Promise<Set<string>> {
  await fill(prefix, 10);
  await redis.pexpire(`person:${prefix}9`, 600);
  await lab.caughtUp();
  await runner.kill();
  await waitFor(async () => (await redis.exists(`person:${prefix}9`)) === 0);
  await redis.del(`person:${prefix}0`);
  runner = await lab.running(...flags);
  await lab.caughtUp();
  return await ids();
}

test("where something expired meanwhile nobody can tell, and rows are kept", async () => {
  const left = await deletedWhileSomethingExpired("doubt");
  assert.ok(left.has("doubt9"), "a key that expired keeps its row");
  assert.ok(left.has("doubt0"), "and so does one of which nobody can tell");
  assert.match(runner.stderr(), /onUncertainDelete/);
});

test("onUncertainDelete can say delete, and what is uncertain is counted", async () => {
  await lab.deploy({ version: "1.1.0", more: 'onUncertainDelete: "delete",' }, "--wait");
  const port = await freePort();
  const left = await deletedWhileSomethingExpired("guess", "--http", String(port));
  assert.deepEqual([left.has("guess0"), left.has("guess1")], [false, true]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const [, count] = /^wbsync_uncertain_deletes_total\{recipe="Persons"\} (\d+)$/m.exec(metrics) ?? [];
  assert.ok(Number(count) >= 1, metrics);
});

test("onExpire, onEvict and onFlush can say delete, and onDelete keep", async () => {
  await lab.deploy({
    version: "2.0.0",
    more: 'onExpire: "delete", onEvict: "delete", onFlush: "delete", onDelete: "keep",',
  });
  await waitFor(async () => (await lab.status())?.version === "2.0.0");
  await fill("policy", 10);
  await redis.pexpire("person:policy1", 20);
  await waitFor(async () => (await redis.exists("person:policy1")) === 0);
  await redis.del("person:policy2");
  await lab.caughtUp();
  let left = await ids();
  assert.ok(!left.has("policy1") && left.has("policy2") && left.has("policy3"));
  await redis.config("SET", "maxmemory-policy", "allkeys-random", "maxmemory", "1");
  await waitFor(
    async () => (await redis.set("x", "y").catch(() => 0), (await redis.keys("person:policy*")).length === 0),
  );
  await redis.config("SET", "maxmemory-policy", "noeviction", "maxmemory", "0");
  await waitFor(async () => !(await ids()).has("policy3"), { what: "evicted rows to go" });
  await fill("flushed", 1500);
  await redis.flushall();
  await redis.hset("person:flushed7", { first_name: "again" });
  await lab.caughtUp();
  left = await ids();
  assert.deepEqual([...left], ["flushed7"], "WAIT waits for the rows of the flush; whatever has no hash goes");
});

/** Deletes 500 keys, of which 100 a minute are allowed. */
async function storm(prefix: string): Promise<void> {
  await fill(prefix, 500);
  const pipeline = redis.pipeline();
  for (let i = 0; i < 500; i++) pipeline.del(`person:${prefix}${i}`);
  await pipeline.exec();
  await runner.is("halted");
}

const left = async (prefix: string): Promise<number> => [...(await ids())].filter((id) => id.startsWith(prefix)).length;

test("the breaker stops a recipe before it deletes too much, and resume lets it go on", async () => {
  await lab.deploy({ version: "3.0.0", more: "maxDeletesPerMinute: 100," });
  await waitFor(async () => (await lab.status())?.version === "3.0.0" && (await lab.status())?.state === "running");
  await storm("storm");
  const { reason } = await lab.listed();
  assert.match(String(reason), /maxDeletesPerMinute/);
  assert.ok((await left("storm")) >= 400);
  for (let i = 0; i < 10; i++) {
    const { state } = await lab.listed();
    if (state === "halted") await lab.ok("resume", "Persons").catch(() => undefined);
    else break;
    await sleep(200);
  }
  await waitFor(async () => (await left("storm")) === 0, { what: "the rows to go" });
});

test("nothing but resume makes the breaker let go: neither a reconnect, nor a pause, nor a newer version", async () => {
  // What the last test allowed still holds for a minute, and goes with its version.
  await lab.deploy({ version: "3.1.0", more: "maxDeletesPerMinute: 100," });
  await waitFor(async () => (await lab.status())?.version === "3.1.0" && (await lab.status())?.state === "running");
  await storm("calm");
  const stored = await left("calm");
  assert.ok(stored >= 400);
  await new Registry(redis).requestReconnect();
  const { revision } = await new Registry(redis).get("Persons");
  await waitFor(async () => (await lab.status())?.revision === revision);
  await runner.is("halted");
  await lab.ok("pause", "Persons");
  assert.equal((await lab.status())?.state, "paused");
  await lab.deploy({ version: "3.2.0", more: 'maxDeletesPerMinute: 100, onDelete: "keep",' });
  await waitFor(async () => (await lab.status())?.version === "3.2.0");
  assert.equal(await left("calm"), stored);
  await new Registry(redis).setDesired("Persons", "active");
  await runner.is("halted");
  assert.ok((await left("calm")) >= stored - 100, "the newer version has looked for itself");
  assert.doesNotMatch(runner.stderr(), /unhandled/i);
});

test("a recipe that has stopped itself does not keep its runner from ending", async () => {
  const { code, stderr } = await runner.stop("SIGTERM");
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stderr, /could not be written within/);
});
