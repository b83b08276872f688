/** A write-through and a write-behind of the same prefix, and clients that use both at the same time. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { answer } from "./answers.js";
import { waitFor } from "../support/wait.js";
import { mulberry32 } from "./random-load.js";

/** Write-behind and write-through in one runner. */
async function bothRunning(): Promise<Lab> {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy();
  await lab.deploy({ name: "Through", prefix: "__", mode: "writeThrough" });
  const runner = await lab.running();
  await runner.is("running", "Through");
  return lab;
}

/** Writes these fields through, and waits until they are in the table. */
async function writeThrough(lab: Lab, key: string, fields: Record<string, string | number>): Promise<void> {
  await lab.client.hset(`__{${key}}`, { ...fields, "#": "=a" });
  assert.deepEqual(await answer(lab, `{${key}}a`), { status: "done" });
}

test("under writes through, behind and direct deletes at once, every row ends equal to its hash", async (t) => {
  const seed = Number(process.env["WBSYNC_TEST_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`WBSYNC_TEST_SEED=${seed}`);
  const lab = await bothRunning();

  const write = async (worker: number) => {
    const random = mulberry32(seed + worker);
    const client = lab.redis.client();
    for (let i = 0; i < 400; i++) {
      const key = `person:${Math.floor(random() * 20)}`;
      const v = worker * 1000 + i;
      const dice = random();
      if (dice < 0.45) await client.hset(`__{${key}}`, { first_name: `T${v}`, v, "#": `=w${v}` });
      else if (dice < 0.55) await client.hset(`__{${key}}`, "#", `~w${v}`);
      else if (dice < 0.8) await client.hset(key, { last_name: `B${v}`, v });
      else if (dice < 0.9) await client.hset(key, { first_name: `B${v}`, last_name: `B${v}`, age: i, v });
      else await client.del(key);
      if (random() < 0.1) await sleep(random() * 20);
    }
  };
  await Promise.all([1, 2, 3].map(write));

  await waitFor(async () => (await lab.client.keys("__*")).length === 0, { what: "the temporary keys to go" });
  await lab.client.hset("__{person:end}", { v: 1, "#": "=end" });
  assert.deepEqual(await answer(lab, "{person:end}end"), { status: "done" });
  await lab.compare();
});

test("a row that was written through is not written again by the write-behind beside it", async () => {
  const lab = await bothRunning();
  for (let i = 0; i < 30; i++) await writeThrough(lab, `person:${i}`, { first_name: "Ann" });
  assert.equal((await readTable(lab.db)).size, 30);
  await lab.caughtUp();
  const { beat } = (await lab.status())!;
  await waitFor(async () => (await lab.status())!.beat > beat + 1);
  assert.equal((await lab.status())!.rows, 0);
  assert.equal((await lab.status("Through"))!.rows, 30);
});

test("what is kept from the row stays away from it also right behind a write-through of the same key", async () => {
  const lab = await bothRunning();
  for (let i = 0; i < 40; i++) {
    const key = `person:${i}`;
    const mark = "=++-"[i % 4]!;
    await writeThrough(lab, key, { first_name: "Ann", age: 20 });
    await lab.client.hset(key, { last_name: "Lee", "#": `${mark}behind` });
    if (i % 4 === 2) await lab.client.hset(key, { age: 99, "#": "+again" });
    assert.deepEqual(await answer(lab, `{${key}}behind`), { status: "done" });
  }
  await waitFor(async () => (await lab.client.exists("person:39")) === 0, { what: 'the key of "-" to go' });
  await lab.caughtUp();
  await sleep(200);
  const rows = await readTable(lab.db);
  for (let i = 0; i < 40; i++) {
    assert.equal(rows.get(String(i)), i % 4 === 0 ? '["Ann","Lee","20",null]' : '["Ann",null,"20",null]', `row ${i}`);
    assert.equal(await lab.client.hget(`person:${i}`, "last_name"), i % 4 === 3 ? null : "Lee", `hash ${i}`);
  }
});
