/** WAIT while a snapshot is under way: what only SCAN finds is acknowledged once it is in the table, and not before. */
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { compareTable, readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { openSession } from "./locks.js";

/** SCAN waits for room in the buffers: it is still under way while the recipe is paused. */
const RECIPE = "duration: 60_000, batch: 10,";

let lab: Lab;
let runner: LabRunner;

before(async () => {
  lab = await startLab();
  await beginToCount();
});
after(() => lab.stop());

/** Until its first replica knocks, a server counts no offsets, and WAIT counts every replica for what was written before. */
async function beginToCount(): Promise<void> {
  const knock = connect(lab.redis.port, "127.0.0.1");
  knock.write("PSYNC ? -1\r\n");
  await waitFor(async () => (await lab.client.info("replication")).includes("repl_backlog_active:1"));
  knock.destroy();
}

/** Writes hashes of persons. WAIT of this client speaks of them. */
async function write(client: Redis, ids: readonly string[]): Promise<void> {
  const pipeline = client.pipeline();
  for (const id of ids) pipeline.hset(`person:${id}`, { first_name: `First ${id}`, v: ids.length });
  await pipeline.exec();
  // The stream is somewhat further when the runner comes to it.
  await lab.client.set("lab:mark", Date.now());
}

/** Nobody runs; what is written from now on is more than the backlog holds. A runner that starts makes it larger again. */
async function killForLong(): Promise<void> {
  await runner.kill();
  await lab.client.config("SET", "repl-backlog-size", "16384");
}

const names = (head: string, count: number) => Array.from({ length: count }, (_, i) => `${head}${i}`);

/** Asserts that WAIT tells the truth about a write of this client which cannot be written for a while, and is then. */
async function assertHonest(client: Redis, id: string, begin: () => Promise<void>): Promise<void> {
  const locker = await openSession(lab.db);
  try {
    await locker.query(`INSERT INTO persons (id) VALUES ('${id}')`);
    await begin();
    assert.equal(await client.wait(1, 2500), 0, "a row is missing");
    assert.ok(!(await readTable(lab.db)).has(id));
  } finally {
    await locker.end();
  }
  assert.equal(await client.wait(1, 30_000), 1);
  await compareTable(lab.client, lab.db);
}

test("a client that wrote before the first start is told 1 once the snapshot is in the table", async () => {
  const client = lab.redis.client();
  await write(client, names("early", 2000));
  // Whoever waits does not wait for a batch to fill, also for what SCAN finds after it began to wait.
  await lab.deploy({ more: RECIPE });
  await assertHonest(client, "early7", async () => {
    runner = lab.startRunner();
    await runner.is(["snapshot", "running"]);
  });
});

test("a client that wrote in a gap of the stream is told 1 once the snapshot has filled it", async () => {
  const client = lab.redis.client();
  await killForLong();
  await write(client, names("gap", 2000));
  await assertHonest(client, "gap7", async () => {
    runner = lab.startRunner();
    await runner.is(["snapshot", "running"]);
  });
  assert.match(runner.stderr(), /A snapshot fills the gap/);
});

test("a version that takes over before the gap is filled fills it", async () => {
  const client = lab.redis.client();
  await lab.ok("pause", "Persons");
  await killForLong();
  await write(client, names("between", 2000));
  runner = lab.startRunner();
  await runner.is("paused");
  await waitFor(async () => (await lab.status())?.snapshot, { what: "the snapshot to be under way" });
  await lab.deploy({ version: "1.1.0", more: RECIPE }, "--wait");
  assert.equal(await client.wait(1, 1500), 0, "nothing is written");
  await lab.ok("resume", "Persons");
  assert.equal(await client.wait(1, 30_000), 1);
  await compareTable(lab.client, lab.db);
});

test("a client that swapped databases is told 1 once the snapshot has found what is there now", async () => {
  const client = lab.redis.client({ db: 1 });
  // The hashes that rows are there for already, and others.
  for (const key of await lab.client.keys("person:*")) await lab.client.copy(key, key, "DB", 1);
  await write(client, names("swapped", 200));
  await assertHonest(client, "swapped7", async () => {
    await client.swapdb(0, 1);
  });
});
