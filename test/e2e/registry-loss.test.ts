/** What wbsync keeps in Redis may vanish, or live in another Redis. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { RECIPES } from "../../src/redis/keys.js";
import { startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

test("FLUSHALL, or the eviction of wbsync's own keys, does not stop a running runner: it puts them back", async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  await lab.client.hset("person:1", "first_name", "Ann");
  await lab.caughtUp();
  for (const vanish of [
    () => lab.client.flushall(),
    () => lab.client.del(RECIPES),
    () => lab.client.del("wbsync:bundles"),
  ]) {
    await vanish();
    await lab.client.hset("person:2", "v", Date.now());
    await lab.caughtUp();
    await waitFor(
      async () => (await lab.client.hlen(RECIPES)) === 1 && (await lab.client.hlen("wbsync:bundles")) === 1,
    );
    assert.equal((await lab.listed())["state"], "running");
  }
  assert.equal((await readTable(lab.db)).get("1"), '["Ann",null,null,null]');
  assert.match(runner.stderr(), /vanished/);

  // What was put back is as good as what was deployed: another runner can use it.
  await runner.stop();
  const next = await lab.running();
  await lab.client.hset("person:3", "first_name", "Bea");
  await lab.caughtUp();
  assert.equal((await readTable(lab.db)).get("3"), '["Bea",null,null,null]');

  // And an undeploy is an undeploy.
  await lab.ok("undeploy", "Persons");
  await next.stop();
  assert.equal(await lab.client.hlen(RECIPES), 0);
});

test("recipes, statuses and dead letters live in another Redis with --registry-url", async () => {
  const registry = await startRedis();
  const lab = await startLab({ registry });
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  await lab.client.hset("person:1", "first_name", "Ann");
  await lab.client.hset("person:2", "age", "old");
  await lab.caughtUp();
  assert.deepEqual(await lab.client.keys("wbsync:*"), [], "nothing of wbsync's is where the hashes are");
  await waitFor(async () => (await lab.listed())["deadLetters"] === 1);
  assert.equal((await lab.letters())[0]!["key"], "person:2");

  await lab.client.flushall();
  await lab.client.hset("person:3", "first_name", "Bea");
  await lab.caughtUp();
  assert.deepEqual([...(await readTable(lab.db)).keys()].sort(), ["1", "3"]);

  // Without it nothing stops; a status is simply not told.
  await registry.kill();
  await lab.client.hset("person:4", "first_name", "Cid");
  await lab.caughtUp();
  await registry.start();
  // The runner puts the recipe back; whoever deploys again may come before or after.
  await lab.deploy({}, "--force");
  await runner.is("running");
});
