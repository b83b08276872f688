/** Redis goes away, comes back, is another one, or cuts the replication link. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { RandomLoad } from "./random-load.js";
import { RememberedWrites } from "./remembered-writes.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

let lab: Lab;
let runner: LabRunner;
let load: RandomLoad;

before(async () => {
  // A server that is shut down waits so many seconds for its replicas, and a runner looks like one that lags a byte behind.
  lab = await startLab({
    redis: { args: ["--appendonly", "yes", "--appendfsync", "always", "--shutdown-timeout", "1"] },
  });
  await recordRows(lab.db);
  await lab.deploy();
  runner = await lab.running();
  load = new RandomLoad({ redis: lab.client, seed: Date.now() });
});
after(() => lab.stop());

const links = async () => Number(/connected_slaves:(\d+)/.exec(await lab.client.info("replication"))?.[1]);

/** SHUTDOWN, by a client that does not come back to repeat it. */
const shutDown = async (how: "SAVE" | "NOSAVE") => {
  await lab.client.config("SET", "appendonly", "no");
  await lab.redis
    .client({ retryStrategy: () => null })
    .call("SHUTDOWN", how)
    .catch(() => undefined);
  await lab.redis.shutdown();
};

/** A load that a dying Redis may interrupt in the middle of a burst: what was executed is not known, only the outcome. */
const loadThatMayFail = () => {
  const wild = new RandomLoad({
    redis: lab.redis.client({ maxRetriesPerRequest: 0 }),
    seed: Date.now(),
    prefix: "person",
  });
  wild.start();
  return wild;
};

test("the replication link is cut again and again under load: nothing is lost, nothing goes back", async () => {
  load.start();
  for (let round = 0; round < 10; round++) {
    await sleep(200);
    await lab.client.client("KILL", "TYPE", "replica");
  }
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("every connection of the runner is cut again and again under load", async () => {
  load.start();
  for (let round = 0; round < 5; round++) {
    await sleep(300);
    await lab.client.client("KILL", "TYPE", "normal", "SKIPME", "yes").catch(() => undefined);
    await lab.client.client("KILL", "TYPE", "pubsub");
    await lab.client.client("KILL", "TYPE", "replica");
  }
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("a Redis that is paused under load goes on where it was", async () => {
  load.start();
  await sleep(300);
  lab.redis.pause();
  await sleep(3000);
  lab.redis.resume();
  await sleep(300);
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("the runner sleeps for a while, as on a laptop, and goes on where it was", async () => {
  load.start();
  runner.child.kill("SIGSTOP");
  await sleep(2000);
  runner.child.kill("SIGCONT");
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("Redis restarted with SHUTDOWN SAVE while changes wait: they are carried, and the log says how", async () => {
  const writes = new RememberedWrites(lab.client);
  const ids = Array.from({ length: 150 }, (_, i) => `w${i}`);
  await writes.write(ids.slice(0, 100));
  await lab.caughtUp();
  const said = runner.stderr().length;
  await lab.ok("pause", "Persons");
  await writes.delete(ids.slice(0, 50));
  await writes.write(ids.slice(50));
  await waitFor(async () => (await lab.status())?.buffered === ids.length, { what: "the changes to wait" });
  await shutDown("SAVE");
  await lab.redis.start();
  await waitFor(async () => (await links()) === 1, { what: "the runner to come back" });
  load.start();
  await lab.ok("resume", "Persons");
  await runner.is("running");
  await load.stop();
  assert.ok((await lab.compare()) > 100);
  await assertNoRowWentBack(lab.db, { history: new Map([...load.history, ...writes.history]) });
  assert.match(runner.stderr().slice(said), /the stream cannot be continued: .*\. A snapshot fills the gap/);
});

test("Redis killed with SIGKILL and restarted with its append-only file: what it still has is in the table", async () => {
  for (let round = 0; round < 3; round++) {
    const wild = loadThatMayFail();
    await sleep(400);
    await lab.redis.kill();
    await wild.stop().catch(() => undefined);
    await lab.redis.start();
    await waitFor(async () => (await links()) === 1, { what: "the runner to come back" });
  }
  await runner.is("running");
  await lab.caughtUp();
  // A new history, filled by a snapshot: it finds every write, but not every delete. So every hash has its row …
  const rows = await readTable(lab.db);
  const pipeline = lab.client.pipeline();
  const keys = await lab.client.keys("person:*");
  assert.ok(keys.length > 0);
  for (const key of keys) pipeline.hmget(key, "first_name", "last_name", "age", "v");
  const hashes = ((await pipeline.exec()) ?? []).map(([, values]) => JSON.stringify(values));
  keys.forEach((key, i) => assert.equal(rows.get(key.slice("person:".length)), hashes[i], key));
  // … and the log says so.
  assert.match(runner.stderr(), /the stream cannot be continued: .*\. A snapshot fills the gap/);
});

test("a Redis that lost its data leaves the rows alone", async () => {
  const before = await readTable(lab.db);
  await shutDown("NOSAVE");
  rmSync(`${lab.redis.dir}/appendonlydir`, { recursive: true });
  rmSync(`${lab.redis.dir}/dump.rdb`, { force: true });
  await lab.redis.start();
  await waitFor(async () => (await links()) === 1, { what: "the runner to come back" });
  await waitFor(async () => (await lab.status())?.state === "running", { what: "the registration to be put back" });
  await lab.client.hset("person:new", "first_name", "New");
  await lab.caughtUp();
  const after = await readTable(lab.db);
  assert.equal(after.get("new"), '["New",null,null,null]');
  for (const [id, row] of before) assert.equal(after.get(id), row);
});
