/** WAIT: a standard command tells a client that its write is in the database. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, startLab } from "../support/lab.js";
import { compareTable, readTable } from "../support/lab-tables.js";
import { startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

let lab: Lab;

before(async () => {
  lab = await startLab();
  // Nobody who waits has to wait for a batch to fill.
  await lab.deploy({ more: "duration: 60_000," });
  await lab.running();
});
after(() => lab.stop());

test("WAIT 1 returns 1 when the row is committed, and does not wait for the batch to fill", async () => {
  for (let i = 0; i < 50; i++) {
    await lab.client.hset("person:wait", { v: i });
    assert.equal(await lab.client.wait(1, 20_000), 1);
    const [row] = await lab.db.query("SELECT v FROM persons WHERE id = 'wait'");
    assert.equal(String(row?.["v"]), String(i));
  }
});

test("WAIT counts nobody while the row cannot be written", async () => {
  (lab.db.server as { pause(): void }).pause();
  await lab.client.hset("person:held", { v: 1 });
  assert.equal(await lab.client.wait(1, 1500), 0);
  (lab.db.server as { resume(): void }).resume();
  assert.equal(await lab.client.wait(1, 20_000), 1);
  assert.ok((await readTable(lab.db)).has("held"));
});

test("WAIT counts nobody until what is refused is safe as a dead letter", async () => {
  const registry = await startRedis();
  const other = await startLab({ registry, database: "sqlite" });
  after(() => other.stop());
  await other.deploy();
  await other.running();
  await other.caughtUp();
  registry.pause();
  await other.client.hset("person:odd", { v: 1, "#": "?" });
  assert.equal(await other.client.wait(1, 1500), 0);
  registry.resume();
  assert.equal(await other.client.wait(1, 20_000), 1);
  assert.deepEqual(
    (await other.letters()).map((letter) => letter["key"]),
    ["person:odd"],
  );
});

test("neither WAIT nor the position goes past a row that cannot be written until its dead letter is safe", async () => {
  const registry = await startRedis();
  const other = await startLab({ registry, database: "sqlite" });
  after(() => other.stop());
  await other.deploy();
  const runner = await other.running();
  await other.caughtUp();
  registry.pause();
  await other.client.hset("person:odd", { age: "old" });
  assert.equal(await other.client.wait(1, 1500), 0);
  await runner.kill();
  registry.resume();
  await other.running();
  await other.caughtUp();
  assert.deepEqual(
    (await other.letters()).map((letter) => letter["key"]),
    ["person:odd"],
    "the next run has come by it again",
  );
});

test("with a replica attached, WAIT 2 means the replica and the database", async () => {
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(lab.redis.port)] });
  after(() => replica.stop());
  await waitFor(async () => /state=online[\s\S]*state=online/.test(await lab.client.info("replication")));
  await lab.client.hset("person:two", { v: 1 });
  assert.equal(await lab.client.wait(2, 20_000), 2);
  assert.equal(await replica.client().hget("person:two", "v"), "1");
  assert.ok((await readTable(lab.db)).has("two"));
  (lab.db.server as { pause(): void }).pause();
  await lab.client.hset("person:two", { v: 2 });
  assert.equal(await lab.client.wait(2, 1500), 1, "the replica alone");
  (lab.db.server as { resume(): void }).resume();
  assert.equal(await lab.client.wait(2, 20_000), 2);
});

test("with several recipes, WAIT waits for the slowest of all", async () => {
  await lab.db.query("CREATE TABLE slow (id VARCHAR(64) PRIMARY KEY, v BIGINT)");
  await lab.deploy({ name: "Slow", prefix: "slow", table: "slow", mappings: { v: "v" } });
  await waitFor(async () => (await lab.status("Slow"))?.state === "running");
  await lab.caughtUp();
  await lab.ok("pause", "Slow");
  await lab.client.hset("slow:1", { v: 1 });
  await lab.client.hset("person:fast", { v: 1 });
  assert.equal(await lab.client.wait(1, 1000), 0);
  assert.ok((await readTable(lab.db)).has("fast"), "the other recipe goes on");
  await lab.ok("resume", "Slow");
  assert.equal(await lab.client.wait(1, 20_000), 1);
  assert.equal((await lab.db.query("SELECT * FROM slow")).length, 1);
  await lab.ok("undeploy", "Slow");
  await lab.client.hset("person:fast", { v: 2 });
  assert.equal(await lab.client.wait(1, 20_000), 1, "a recipe that is gone holds nobody up");
});

test("many who wait at once are all served", async () => {
  const clients = Array.from({ length: 50 }, () => lab.redis.client());
  await Promise.all(
    clients.map(async (client, i) => {
      await sleep(i);
      await client.hset(`person:many${i}`, { v: i });
      assert.equal(await client.wait(1, 20_000), 1);
      assert.ok((await readTable(lab.db)).has(`many${i}`));
    }),
  );
});

test("runners of different recipes work beside each other, and WAIT 2 waits for both", async () => {
  const other = await startLab();
  after(() => other.stop());
  await other.db.query("CREATE TABLE other (id VARCHAR(64) PRIMARY KEY, v BIGINT)");
  await other.deploy();
  await other.deploy({ name: "Other", prefix: "other", table: "other", mappings: { v: "v" } });
  const [one, two] = [other.startRunner("Persons"), other.startRunner("Other")];
  await Promise.all([one.is("running", "Persons"), two.is("running", "Other")]);
  for (let i = 0; i < 50; i++) {
    await other.client.multi().hset(`person:${i}`, { v: i }).hset(`other:${i}`, { v: i }).exec();
  }
  await other.caughtUp(2);
  await compareTable(other.client, other.db);
  await compareTable(other.client, other.db, { table: "other", prefix: "other", mappings: { v: "v" } });
});
