/** Temporary keys of which no stream tells: WAIT does not run ahead of them, and no restart or new version forgets them. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./answers.js";
import { openSession, type Session } from "./locks.js";

const THROUGH = { name: "Through", prefix: "__", mode: "writeThrough", more: "timeout: 120_000," } as const;
/** More than are carried out together, and more than the backlog holds. */
const KEYS = 2500;

let lab: Lab;
let client: Redis;
/** WAIT of this client speaks of what is written in a gap: it asks nothing else, for every command counts as its last one. */
let writer: Redis;
let runner: LabRunner;

before(async () => {
  lab = await startLab();
  client = lab.client;
  writer = lab.redis.client();
  await lab.deploy(THROUGH);
  runner = await through();
});
after(() => lab.stop());
beforeEach(async () => {
  await lab.caughtUp();
  const left = await client.keys("*person:*");
  if (left.length > 0) await client.del(left);
  await lab.db.query("DELETE FROM persons");
});

async function through(state: "running" | "paused" = "running"): Promise<LabRunner> {
  const started = lab.startRunner();
  await started.is(state, "Through");
  return started;
}

/** Nobody runs while so many are written that the stream cannot be continued. Returns the id that SCAN finds last. */
async function writeInGap(): Promise<string> {
  await runner.kill();
  await client.config("SET", "repl-backlog-size", "16384");
  const pipeline = writer.pipeline();
  for (let i = 0; i < KEYS; i++) pipeline.hset(`__{person:${i}}`, { v: i, "#": "=gap" });
  await pipeline.exec();
  // The stream is somewhat further when the runner comes to it.
  await client.set("lab:mark", Date.now());
  let last = "";
  let cursor = "0";
  do {
    const [next, keys] = await client.scan(cursor, "MATCH", "__{*", "COUNT", 1000);
    [cursor, last] = [next, keys.at(-1) ?? last];
  } while (cursor !== "0");
  return last.slice("__{person:".length, -1);
}

/** Keeps a row from being written until it ends. */
async function lock(id: string): Promise<Session> {
  const session = await openSession(lab.db);
  await session.query(`INSERT INTO persons (id) VALUES ('${id}')`);
  return session;
}

async function everythingIsCarriedOut(): Promise<void> {
  await waitFor(async () => (await client.keys("__{*")).length === 0, { what: "the temporary keys to go" });
  assert.equal((await readTable(lab.db)).size, KEYS);
  for (const i of [0, 1234, KEYS - 1]) assert.deepEqual(await answer(lab, `{person:${i}}gap`), { status: "done" });
}

test("a client that wrote in a gap is told 1 once all that was missed is carried out, and not before", async () => {
  const locker = await lock(await writeInGap());
  try {
    runner = await through();
    assert.equal(await writer.wait(1, 3000), 0, "a row is missing");
  } finally {
    await locker.end();
  }
  assert.equal(await writer.wait(1, 60_000), 1);
  await everythingIsCarriedOut();
});

test("a runner that is killed before all of it is carried out leaves the rest to the next", async () => {
  const locker = await lock(await writeInGap());
  try {
    runner = await through();
    await waitFor(async () => (await readTable(lab.db)).size >= 1000, { what: "the first rows" });
    await runner.kill();
  } finally {
    await locker.end();
  }
  runner = await through();
  assert.equal(await writer.wait(1, 60_000), 1);
  await everythingIsCarriedOut();
});

test("a version that takes over before the scan looks for what was missed", async () => {
  await lab.ok("pause", "Through");
  await writeInGap();
  runner = await through("paused");
  await lab.deploy({ ...THROUGH, version: "1.1.0" }, "--wait");
  assert.equal(await writer.wait(1, 1500), 0, "nothing is written");
  await lab.ok("resume", "Through");
  assert.equal(await writer.wait(1, 60_000), 1);
  await everythingIsCarriedOut();
});
