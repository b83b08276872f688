/** A database that is there, but makes wait, refuses for a while, or is full. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, startLab } from "../support/lab.js";
import { waitFor } from "../support/wait.js";
import { openSession } from "./locks.js";
import { RandomLoad } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";
import { smallDisk } from "./small-disk.js";

let lab: Lab;

before(async () => {
  lab = await startLab();
  await recordRows(lab.db);
  await lab.deploy({ more: "partitions: 1," });
  await lab.running();
});
after(() => lab.stop());

const fill = async (count: number) => {
  const pipeline = lab.client.pipeline();
  for (let i = 0; i < count; i++) pipeline.hset(`person:${i}`, { first_name: "Ann", last_name: "Lee", age: 30, v: 0 });
  await pipeline.exec();
  await lab.caughtUp();
  await lab.db.query("DELETE FROM history");
};

/** Transactions that wait for a lock. */
const waiting = () => lab.db.query("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'");

test("a pause is told when the write under way has ended", async () => {
  await fill(1);
  const session = await openSession(lab.db);
  await session.query("UPDATE persons SET v = v WHERE id = '0'");
  await lab.client.hset("person:0", { age: 1, v: 1 });
  await waitFor(async () => (await waiting()).length);
  const pausing = lab.ok("pause", "Persons", "--timeout", "30");
  const early = await Promise.race([pausing, sleep(700, "nothing yet")]);
  assert.equal(early, "nothing yet");
  await session.end();
  assert.match(await pausing, /paused/);
  await lab.ok("resume", "Persons");
  await lab.compare();
});

test("a database that does not answer for a while, and one that is slow, lose nothing", async () => {
  const load = new RandomLoad({ redis: lab.client, seed: Date.now(), prefix: "person" });
  await lab.client.flushdb();
  await lab.db.query("DELETE FROM persons");
  await lab.db.query("DELETE FROM history");
  load.start();
  const server = lab.db.server as { pause(): void; resume(): void };
  server.pause();
  await sleep(3000);
  server.resume();
  await lab.db.query("CREATE TRIGGER slow BEFORE UPDATE ON persons FOR EACH ROW SET NEW.v = NEW.v + 0 * SLEEP(0.005)");
  await sleep(1500);
  await lab.db.query("DROP TRIGGER slow");
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("a table that has no room on its disk is waited for, no row of it is called bad", async (t) => {
  const disk = smallDisk(24);
  if (!disk) return t.skip("a small disk cannot be mounted here");
  after(() => disk.remove());
  await lab.db.query(
    `CREATE TABLE full (id VARCHAR(64) PRIMARY KEY, text VARCHAR(1000)) DATA DIRECTORY = '${disk.folder}'`,
  );
  const [name, mappings] = ["Full", { text: "text" }];
  await lab.deploy({ name, prefix: "full", table: "full", mappings });
  await waitFor(async () => (await lab.status(name))?.state === "running");
  disk.fill();
  const pipeline = lab.client.pipeline();
  for (let i = 0; i < 4000; i++) pipeline.hset(`full:${i}`, "text", "x".repeat(1000));
  await pipeline.exec();
  const { reason } = await waitFor(async () => {
    const status = await lab.status(name);
    return status?.state === "failing" && status;
  });
  assert.match(String(reason), /full/);
  disk.free();
  assert.equal(await lab.compare({ table: "full", prefix: "full", mappings }), 4000);
  assert.equal((await lab.status(name))?.deadLetters, 0);
  await lab.ok("undeploy", name);
  await lab.db.query("DROP TABLE full");
});
