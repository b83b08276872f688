/** SQLite: another process holds the file or changes its tables, the disk is full, a row is refused. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "@photostructure/sqlite";
import { startLab } from "../support/lab.js";
import { waitFor } from "../support/wait.js";
import { RandomLoad } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";
import { smallDisk } from "./small-disk.js";

test("another process that holds the file for 12 s is waited for", async () => {
  const lab = await startLab({ database: "sqlite" });
  after(() => lab.stop());
  await recordRows(lab.db);
  await lab.deploy();
  await lab.running();
  const load = new RandomLoad({ redis: lab.client, seed: Date.now() });
  load.start();
  await sleep(300);
  const other = new DatabaseSync(lab.db.url, { timeout: 10_000 });
  other.exec("BEGIN IMMEDIATE");
  await sleep(12_000);
  assert.match(String((await lab.listed())["reason"]), /locked|busy/i);
  other.exec("ROLLBACK");
  other.close();
  await sleep(300);
  await load.stop();
  assert.ok((await lab.compare()) > 0);
  await assertNoRowWentBack(lab.db, load);
});

test("a full disk is waited for, no row is called bad", async (t) => {
  const disk = smallDisk(2);
  if (!disk) return t.skip("a small disk cannot be mounted here");
  const lab = await startLab({ database: "sqlite", databaseArgs: [disk.folder] });
  after(() => lab.stop().finally(() => disk.remove()));
  await lab.deploy();
  await lab.running();
  await lab.client.hset("person:before", "first_name", "Ann");
  await lab.caughtUp();
  disk.fill();
  for (let i = 0; i < 2000; i++) await lab.client.hset(`person:${i}`, { first_name: "x".repeat(90), age: i });
  const { reason } = await waitFor(async () => {
    const status = await lab.status();
    return status?.state === "failing" && status;
  });
  assert.match(String(reason), /full|disk/);
  disk.free();
  assert.equal(await lab.compare(), 2001);
  assert.equal((await lab.status())?.deadLetters, 0);
});

test("a table, a column or the checkpoints that go under a running recipe are waited for, and no row is called bad", async () => {
  const lab = await startLab({ database: "sqlite" });
  after(() => lab.stop());
  await lab.deploy();
  await lab.running();
  let keys = 0;
  const change = async () => {
    for (let i = 0; i < 20; i++) await lab.client.hset(`person:${++keys}`, { first_name: "Ann", age: i });
  };
  await change();
  await lab.caughtUp();
  for (const [harm, mend, said] of [
    ["ALTER TABLE persons RENAME TO gone", "ALTER TABLE gone RENAME TO persons", /persons/],
    ["ALTER TABLE persons RENAME COLUMN age TO gone", "ALTER TABLE persons RENAME COLUMN gone TO age", /"age"/],
  ] as const) {
    await lab.db.query(harm);
    await change();
    const { reason } = await waitFor(async () => {
      const status = await lab.status();
      return status?.state === "failing" && said.test(String(status.reason)) && status;
    });
    assert.match(String(reason), said);
    assert.equal((await lab.letters()).length, 0);
    await lab.db.query(mend);
    assert.equal(await lab.compare(), keys);
  }
  await lab.db.query("DROP TABLE wbsync_checkpoint");
  await change();
  assert.equal(await lab.compare(), keys);
  assert.equal((await lab.letters()).length, 0);
});

test("a text that SQLite cannot hold is a dead letter that says why, and its deletion takes nobody else's row", async () => {
  const lab = await startLab({ database: "sqlite" });
  after(() => lab.stop());
  await lab.deploy();
  await lab.running();
  await lab.client.hset("person:a", { first_name: "Ann" });
  await lab.client.hset("person:a\0b", { first_name: "Bea" });
  await lab.client.hset("person:c", { first_name: "x\0y" });
  await waitFor(async () => (await lab.letters()).length === 2);
  for (const { error } of await lab.letters()) assert.match(String(error), /U\+0000.*BLOB/);
  await lab.client.del("person:a\0b");
  await lab.client.hset("person:c", { first_name: "x" });
  assert.equal(await lab.compare(), 2);
  await waitFor(async () => (await lab.letters()).length === 0);
});
