/** What was there before the runner, what came while it was away, and what it leaves behind when it is told to end. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startLab } from "../support/lab.js";
import { compareTable, readTable } from "../support/lab-tables.js";
import { flood } from "./flood.js";

test("a first deploy carries the hashes that exist already, also while they change", async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await flood({ port: lab.redis.port, count: 50_000, keys: 50_000 });
  await lab.client.hset("persona:1", { first_name: "no person" });
  await lab.deploy();
  const runner = lab.startRunner();
  await runner.is(["snapshot", "running"]);
  await flood({ port: lab.redis.port, count: 20_000, keys: 25_000 });
  for (let i = 0; i < 500; i++) await lab.client.del(`person:${i * 7}`);
  await runner.is("running");
  assert.equal(await lab.compare(), 49_500);
  assert.match(runner.stderr(), /snapshot/);
});

test('with snapshot: "never" only what changes from now on is carried', async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.client.hset("person:old", { first_name: "Ann", age: 1 });
  await lab.client.hset("person:touched", { first_name: "Bea", age: 2 });
  await lab.deploy({ more: 'snapshot: "never",' });
  await lab.running();
  await lab.client.hset("person:touched", "age", 3);
  await lab.client.hset("person:new", "age", 4);
  await lab.caughtUp();
  assert.deepEqual(Object.fromEntries(await readTable(lab.db)), {
    touched: '["Bea",null,"3",null]',
    new: '[null,null,"4",null]',
  });
});

test("as many partitions as there may be work side by side, and look like no leak", async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy({ more: "partitions: 64," });
  const runner = await lab.running();
  await flood({ port: lab.redis.port, count: 5000, keys: 2000 });
  assert.equal(await lab.compare(), 2000);
  const { code, stderr } = await runner.stop();
  assert.equal(code, 0);
  assert.doesNotMatch(stderr, /Warning/);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} writes everything that clients have written, then ends with 0`, async () => {
    const lab = await startLab();
    after(() => lab.stop());
    await lab.deploy({ more: "duration: 60_000, batch: 100_000," });
    const runner = await lab.running();
    await flood({ port: lab.redis.port, count: 20_000, keys: 10_000 });
    const { code, stderr } = await runner.stop(signal);
    assert.equal(code, 0, stderr);
    assert.equal(await compareTable(lab.client, lab.db), 10_000);
  });
}

test("a runner that was away for longer than the backlog reaches fills the gap by a snapshot, and says so", async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  await flood({ port: lab.redis.port, count: 1000, keys: 1000 });
  await lab.caughtUp();
  await runner.kill();
  await lab.client.config("SET", "repl-backlog-size", "16384");
  await flood({ port: lab.redis.port, count: 30_000, keys: 2000 });
  await lab.client.hset("person:7", { first_name: "changed in the gap" });
  const next = await lab.running();
  assert.equal(await lab.compare(), 2000);
  assert.match(next.stderr(), /cannot be continued: the server's backlog begins at .*A snapshot fills the gap/);
});
