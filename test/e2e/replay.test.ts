/** After a restart the stream is read again from the partition that is behind; the others have seen some of it before. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { deadLetters } from "../../src/redis/keys.js";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./answers.js";

let lab: Lab;
let runner: LabRunner;
let registry: RedisServer;
let round = 0;

before(async () => {
  registry = await startRedis();
  lab = await startLab({ registry });
  await lab.deploy({ more: "partitions: 16," });
  runner = await lab.running();
});
after(() => lab.stop());
/** Partitions to which nothing happens store their position every five seconds: until then they are behind. */
beforeEach(async () => {
  round++;
  const stored = () => lab.db.query("SELECT MIN(low_offset) AS low FROM wbsync_checkpoint");
  const [{ low } = {}] = await stored();
  await lab.client.set("lab:mark", round);
  await waitFor(async () => (await stored())[0]?.["low"] !== low, { what: "idle checkpoints" });
});

const restart = async () => {
  await runner.kill();
  runner = await lab.running();
  await lab.caughtUp();
};

test("a dead letter that a person dropped does not come back", async () => {
  await lab.client.hset("person:dropped", { age: "old" });
  await lab.caughtUp();
  assert.equal(await registry.client().del(deadLetters("Persons")), 1);
  await restart();
  assert.deepEqual(await lab.letters(), []);
});

test("an answer that came after a commit is not given twice", async () => {
  await lab.client.hset("person:once", { v: 1, "#": "=once" });
  await lab.client.hset("person:once", { "#": "~twice" });
  const streams = ["{person:once}once", "{person:once}twice"];
  for (const stream of streams) await answer(lab, stream);
  await restart();
  for (const stream of streams) assert.equal(await lab.client.xlen(stream), 1, stream);
});

test("an answer that the runner owed when it was killed is given", async () => {
  await lab.client.hset("person:owed", { v: 1, "#": "=owed" });
  await answer(lab, "{person:owed}owed");
  await lab.client.del("{person:owed}owed");
  await restart();
  assert.deepEqual(await answer(lab, "{person:owed}owed"), { status: "done" });
});

test("a row that was kept is not swept by a flush of before", async () => {
  await lab.deploy({ version: "1.1.0", more: 'partitions: 16, onFlush: "delete",' }, "--wait");
  await lab.client.flushall();
  await lab.caughtUp();
  await lab.deploy({ version: "1.2.0", more: 'partitions: 16, onFlush: "delete", onDelete: "keep",' }, "--wait");
  await lab.client.hset("person:kept", { v: 1 });
  await lab.caughtUp();
  await lab.client.del("person:kept");
  await lab.caughtUp();
  await restart();
  const rows = await lab.db.query("SELECT id FROM persons");
  assert.deepEqual(
    rows.map(({ id }) => id),
    ["kept"],
  );
});
