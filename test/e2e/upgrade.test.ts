/** New versions under load: nothing is lost, nothing is repeated in the wrong order, and a bad version changes nothing. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { GONE, mulberry32, RandomLoad, stateOf } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

let lab: Lab;
let runner: LabRunner;

before(async () => {
  lab = await startLab();
  await lab.db.query("ALTER TABLE persons ADD COLUMN shoe VARCHAR(10)");
  await lab.deploy();
  runner = await lab.running();
});
after(() => lab.stop());

const SMALL = { first_name: "first", last_name: "last", age: "age", v: "v" };
const FULL = { ...SMALL, shoe: "shoe" };

test("twenty upgrades under load, with a mapping that changes", async (t) => {
  const seed = Number(process.env["WBSYNC_TEST_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`WBSYNC_TEST_SEED=${seed}`);
  const random = mulberry32(seed);
  await recordRows(lab.db);
  const load = new RandomLoad({ redis: lab.client, seed });
  load.start();
  const shoes = new Map<string, string | null>();
  for (let i = 1; i <= 20; i++) {
    const mappings = i % 2 === 0 ? FULL : SMALL;
    const partitions = 1 + Math.floor(random() * 6);
    await lab.deploy({ version: `1.${i}.0`, mappings, more: `partitions: ${partitions}, batch: 200,` });
    await waitFor(async () => (await lab.status())?.version === `1.${i}.0`);
    // A row that this version has written shows which mapping it has.
    const [id, v] = [`up${i}`, String(1_000_000 + i)];
    load.history.set(id, [GONE, stateOf([undefined, undefined, undefined, v])]);
    await lab.client.hset(`person:${id}`, { shoe: `s${i}`, v });
    await lab.caughtUp();
    shoes.set(id, mappings === FULL ? `s${i}` : null);
  }
  await load.stop();
  const rows = await lab.compare();
  await assertNoRowWentBack(lab.db, load);
  const found = await lab.db.query("SELECT id, shoe FROM persons WHERE id LIKE 'up%'");
  assert.deepEqual(new Map(found.map(({ id, shoe }) => [id, shoe])), shoes);
  t.diagnostic(`${load.size} writes, ${rows} rows`);
  assert.doesNotMatch(runner.stderr(), /cannot be continued/);
});

test("a flush whose rows have not gone yet is swept by the version that takes over", async () => {
  await lab.deploy({ version: "1.90.0", mappings: FULL, more: 'onFlush: "delete",' });
  await waitFor(async () => (await lab.status())?.version === "1.90.0");
  const { client } = lab;
  for (let i = 0; i < 10; i++) await client.hset(`person:flushed${i}`, { first_name: "Ann", v: i });
  await lab.caughtUp();
  await lab.ok("pause", "Persons");
  await client.flushall();
  await waitFor(() => /FLUSHALL/.test(runner.stderr()));
  // With it went the registry, and that the recipe is paused: the runner puts both back.
  await waitFor(() => /its registration had vanished from Redis and was put back/.test(runner.stderr()));
  await lab.deploy({ version: "1.91.0", mappings: FULL, more: 'onFlush: "delete",' });
  await waitFor(async () => (await lab.status())?.version === "1.91.0");
  assert.ok((await readTable(lab.db)).has("flushed1"));
  await lab.ok("resume", "Persons");
  await lab.caughtUp();
  assert.equal((await readTable(lab.db)).size, 0, "WAIT waits for the rows to go");
});

test("changes that are buffered when a version takes over are mapped by it", async () => {
  await lab.ok("pause", "Persons");
  await lab.client.hset("person:buffered", { first_name: "Ann", last_name: "Lee", age: 1, v: 1 });
  await lab.deploy({ version: "2.0.0", mappings: { first_name: "last", last_name: "first", age: "age", v: "v" } });
  await waitFor(async () => (await lab.status())?.version === "2.0.0");
  await lab.ok("resume", "Persons");
  await lab.caughtUp();
  assert.equal((await readTable(lab.db)).get("buffered"), '["Lee","Ann","1","1"]');
});

test("a version that cannot reach its table does not replace the one that works, and list shows both", async () => {
  const missing = lab.recipe({ version: "3.0.0", table: "nowhere" });
  const { code, stderr } = await lab.cli("deploy", missing, "--no-check", "--wait");
  assert.equal(code, 1, stderr);
  assert.match(stderr, /nowhere/);
  const listed = await lab.listed();
  assert.match(JSON.stringify(listed), /3\.0\.0/);
  assert.match(JSON.stringify(listed), /2\.0\.0/);
  await lab.client.hset("person:still", { first_name: "Ann" });
  await lab.caughtUp();
  assert.equal((await readTable(lab.db)).get("still"), '[null,"Ann",null,null]');
});

test("pause reaches the version that works while another is refused", async () => {
  await lab.ok("pause", "Persons");
  assert.equal((await lab.status())?.state, "paused");
  await lab.ok("resume", "Persons");
});

test("rollback takes over by itself, and versions lists what there was", async () => {
  await lab.ok("rollback", "Persons", "2.0.0");
  await waitFor(async () => (await lab.status())?.refused === undefined);
  const versions = JSON.parse(await lab.ok("versions", "Persons", "--json")) as { version: string }[];
  assert.ok(versions.length <= 10, `${versions.length} versions are kept`);
  assert.equal(versions[0]?.version, "2.0.0");
});

test("a bundle that throws or loops at load does not replace the one that works", async () => {
  for (const [version, code, reason] of [
    ["4.0.0", 'if (process.argv.includes("run")) throw new Error("no luck");', /no luck/],
    ["4.1.0", 'if (process.argv.includes("run")) for (;;);', /had not finished loading/],
  ] as const) {
    const { code: exit, stderr } = await lab.cli("deploy", lab.recipe({ version, head: code }), "--no-check", "--wait");
    assert.equal(exit, 1, stderr);
    assert.match(stderr, reason);
    await lab.client.hset(`person:${version}`, { first_name: "Ann" });
    await lab.caughtUp();
    assert.equal((await readTable(lab.db)).get(version), '[null,"Ann",null,null]');
  }
  await lab.ok("rollback", "Persons", "2.0.0");
});

test("deploy --wait returns when the runner has taken over", async () => {
  await lab.deploy({ version: "5.0.0" }, "--wait");
  assert.equal((await lab.status())?.version, "5.0.0");
});

test("while paused, changes are kept; undeploy says what was still buffered", async () => {
  await lab.ok("pause", "Persons");
  for (let i = 0; i < 10; i++) await lab.client.hset(`person:kept${i}`, { first_name: "Ann" });
  await waitFor(async () => (await lab.status())?.buffered === 10);
  assert.equal((await readTable(lab.db)).get("kept1"), undefined);
  const { stdout, stderr } = await lab.cli("undeploy", "Persons");
  assert.match(stdout + stderr, /10/);
  await waitFor(async () => (await lab.listed())["name"] === undefined);
});

test("export and import carry a bundle to where no npm is, and it goes on at its position", async () => {
  // Their columns were the other way round.
  await lab.client.del("person:4.0.0", "person:4.1.0", "person:still", "person:buffered");
  await lab.deploy({ version: "6.0.0" });
  await waitFor(async () => (await lab.status())?.state === "running");
  await lab.compare();
  const file = join(lab.dir, "bundle.json");
  writeFileSync(file, await lab.ok("export", "Persons"));
  await lab.ok("undeploy", "Persons");
  await waitFor(async () => !(await lab.status()));
  await lab.client.hset("person:while-away", { first_name: "Ann" });
  await lab.ok("import", file);
  await waitFor(async () => (await lab.status())?.state === "running");
  await lab.compare();
});
