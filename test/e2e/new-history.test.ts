/** Redis begins a new replication history while the runner is there: no offset of the old one says anything of the new. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { type RedisServerOptions, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

/** A runner at work, whose recipes are in another Redis. */
async function labWithRunner(redis?: RedisServerOptions): Promise<{ lab: Lab; runner: LabRunner }> {
  const registry = await startRedis();
  const lab = await startLab({ registry, database: "sqlite", ...(redis && { redis }) });
  after(() => lab.stop());
  await lab.deploy();
  return { lab, runner: await lab.running() };
}

const gapIsTold = (runner: LabRunner) =>
  waitFor(() => /the stream cannot be continued: .*A snapshot fills the gap/.test(runner.stderr()), {
    what: "the gap",
  });

/** A change of one key waits to be written when Redis is killed and comes back; then the runner goes on. */
async function changeBeforeCrash(lab: Lab, runner: LabRunner, change: () => Promise<unknown>): Promise<void> {
  await lab.ok("pause", "Persons");
  await change();
  await waitFor(async () => (await lab.status())?.buffered === 1);
  await lab.redis.kill();
  await lab.redis.start();
  await gapIsTold(runner);
  await lab.ok("resume", "Persons");
}

test("what was written while the runner was cut off is carried, though Redis has restarted since", async () => {
  const { lab, runner } = await labWithRunner({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  await lab.client.hset("person:1", { first_name: "Ann" });
  await lab.caughtUp();
  runner.child.kill("SIGSTOP");
  await lab.client.client("KILL", "TYPE", "replica");
  await lab.client.hset("person:2", { first_name: "Bea" });
  await lab.redis.kill();
  await lab.redis.start();
  runner.child.kill("SIGCONT");
  await gapIsTold(runner);
  await lab.client.hset("person:3", { first_name: "Cid" });
  assert.equal(await lab.compare(), 3);
});

test("what Redis lost before it was written does not become a row: the row is as the hash is now", async () => {
  const { lab, runner } = await labWithRunner();
  await lab.client.hset("person:1", { first_name: "kept", last_name: "x", age: 1, v: 1 });
  await lab.caughtUp();
  await lab.client.save();
  const lost = { first_name: "lost", last_name: "y", age: 2, v: 2 };
  await changeBeforeCrash(lab, runner, () => lab.client.hset("person:1", lost));
  assert.equal(await lab.compare(), 1);
  assert.equal((await readTable(lab.db)).get("1"), '["kept","x","1","1"]');
});

test("a hash that lost its last field before the row was written has no row in the new history either", async () => {
  const { lab, runner } = await labWithRunner({ args: ["--appendonly", "yes", "--appendfsync", "always"] });
  const fields = { first_name: "Ann", last_name: "x", age: 1, v: 1 };
  for (const id of ["1", "2"]) await lab.client.hset(`person:${id}`, fields);
  await lab.caughtUp();
  await changeBeforeCrash(lab, runner, () => lab.client.hdel("person:1", ...Object.keys(fields)));
  assert.equal(await lab.compare(), 1);
});
