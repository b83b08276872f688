/** What a new version may and may not do to the one before it; see also upgrade.test.ts. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, startLab } from "../support/lab.js";
import { compareTable, readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";

let lab: Lab;

before(async () => {
  lab = await startLab();
  await lab.deploy();
  await lab.running();
});
after(() => lab.stop());

test("under load a row holds what the version that wrote it makes of the hash, never a mixture", async () => {
  await lab.client.flushdb();
  await lab.deploy({ version: "1.29.0" }, "--wait", "--force");
  await lab.db.query("DELETE FROM persons");
  const versions = ["first", "last"].map((column, i) => ({
    v: "v",
    first_name: column,
    age: { column: "age", default: i },
  }));
  let n = 0;
  let isDone = false;
  const writing = (async () => {
    while (!isDone) {
      const pipeline = lab.client.pipeline();
      for (let i = 0; i < 50; i++) pipeline.hset(`person:${++n % 500}`, { first_name: `F${n}`, v: n });
      await pipeline.exec();
      await sleep(3);
    }
  })();
  for (let i = 0; i < 6; i++) await lab.deploy({ version: `1.3${i}.0`, mappings: versions[i % 2]! }, "--wait");
  isDone = true;
  await writing;
  await lab.caughtUp();
  const rows = await lab.db.query("SELECT id, first, last, age, v FROM persons");
  assert.equal(rows.length, 500);
  for (const { id, first, last, age, v } of rows) {
    const column = String(age) === "0" ? first : last;
    assert.equal(column, `F${v as string}`, `row ${id as string} of ${JSON.stringify({ first, last, age, v })}`);
    assert.equal(String(v), await lab.client.hget(`person:${id as string}`, "v"));
  }
});

test("a version that cannot reach its table, or does not load, does not replace one that works", async () => {
  await lab.client.flushdb();
  await lab.db.query("DELETE FROM persons");
  await lab.deploy({ version: "2.0.0" }, "--wait", "--force");
  const bad = { version: "2.1.0", table: "nowhere" };
  const refused = await lab.cli("deploy", lab.recipe(bad), "--no-check", "--wait");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /2\.1\.0.*refused.*nowhere/s);
  const shown = await lab.listed();
  assert.equal(shown["state"], "running");
  assert.equal(shown["version"], "2.1.0");
  assert.equal(shown["runningVersion"], "2.0.0");
  assert.match(JSON.stringify(shown["refused"]), /2\.1\.0.*nowhere/);
  await lab.client.hset("person:old", { first_name: "carried by 2.0.0" });
  assert.equal(await lab.compare(), 1);

  // It loads where it is deployed, and not where it is run.
  const head = `if (process.argv.includes("run")) throw new Error("not here");`;
  const broken = await lab.cli("deploy", lab.recipe({ version: "2.2.0", head }), "--no-check", "--wait");
  assert.equal(broken.code, 1, broken.stderr);
  assert.match(JSON.stringify((await lab.listed())["refused"]), /2\.2\.0.*not here/);
  await lab.client.hset("person:old2", { first_name: "still" });
  assert.equal(await lab.compare(), 2);

  // The registry is emptied: what works goes on.
  await lab.client.del("wbsync:recipes", "wbsync:bundles");
  await lab.client.hset("person:old3", { first_name: "still" });
  assert.equal(await lab.compare(), 3);
  await waitFor(async () => (await lab.listed())["state"] === "running");

  await lab.deploy({ version: "2.3.0" }, "--wait", "--force");
  assert.equal((await lab.listed())["refused"], undefined);
});

test("a version that fails for want of its table takes over by itself when it is made", async () => {
  await lab.deploy({ version: "3.0.0", table: "later" });
  await waitFor(async () => (await lab.status())?.refused);
  await lab.db.query("CREATE TABLE later LIKE persons");
  await waitFor(async () => (await lab.status())?.version === "3.0.0", { what: "3.0.0 to take over" });
  await lab.client.hset("person:now", { first_name: "later" });
  await lab.caughtUp();
  assert.equal((await lab.db.query("SELECT * FROM later WHERE id = 'now'")).length, 1);
  await lab.deploy({ version: "3.1.0" }, "--wait");
});

test("a version that is stuck with its database makes way for one that is not", async () => {
  await lab.db.query("CREATE USER 'guest'@'%' IDENTIFIED BY 'one'");
  await lab.db.query("GRANT ALL ON *.* TO 'guest'@'%'");
  const { host, port, database } = lab.db.server as unknown as Record<string, string>;
  const as = (password: string) => JSON.stringify({ host, port, database, user: "guest", password });
  await lab.deploy({ version: "4.0.0", connection: as("one") }, "--wait");
  await lab.db.query("ALTER USER 'guest'@'%' IDENTIFIED BY 'two'");
  for (const { id } of await lab.db.query("SELECT id FROM information_schema.processlist WHERE user = 'guest'")) {
    await lab.db.query(`KILL ${id as string}`);
  }
  await lab.client.hset("person:stuck", { first_name: "Ann" });
  await waitFor(async () => /denied/i.test((await lab.status())?.reason ?? ""), { what: "it to be refused" });
  await lab.deploy({ version: "4.1.0", connection: as("two") }, "--wait");
  await lab.caughtUp();
  assert.ok((await readTable(lab.db)).has("stuck"));
  await lab.deploy({ version: "4.2.0" }, "--wait");
});

test("what changes between an undeploy and the next deploy is carried, for the position is kept", async () => {
  await lab.ok("undeploy", "Persons");
  await lab.client.hset("person:between", { first_name: "Ann" });
  await lab.client.del("person:now");
  await sleep(200);
  assert.equal((await readTable(lab.db)).has("between"), false);
  await lab.deploy({ version: "4.2.0" }, "--wait");
  await lab.caughtUp();
  assert.equal((await readTable(lab.db)).has("between"), true);
});

test("export and import carry a version to another server as one file", async () => {
  const file = join(lab.dir, "Persons.wbsync");
  writeFileSync(file, await lab.ok("export", "Persons"));
  const other = await startLab({ schema: null, database: "sqlite" });
  after(() => other.stop());
  await other.ok("import", file);
  await lab.ok("undeploy", "Persons");
  await lab.db.query("DELETE FROM persons");
  await lab.db.query("DELETE FROM wbsync_checkpoint");
  await other.client.hset("person:far", { first_name: "Ann", age: 3 });
  await other.running();
  await other.caughtUp();
  await waitFor(async () => (await compareTable(other.client, lab.db)) === 1);
});
