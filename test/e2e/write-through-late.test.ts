/** A write-through whose commit nobody heard of: its author was told "failed", so the row must not stay changed. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import type { Redis } from "ioredis";
import { type DeafProxy, startDeafProxy } from "../support/deaf-proxy.js";
import { type Lab, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";
import { answer } from "./answers.js";
import { recordRows } from "./row-history.js";

let lab: Lab;
let redis: Redis;
let proxy: DeafProxy;
let key: string;
let id = 0;

before(async () => {
  lab = await startLab();
  await recordRows(lab.db);
  redis = lab.client;
  const url = new URL(lab.db.url);
  proxy = await startDeafProxy(Number(url.port));
  url.port = String(proxy.port);
  const connection = JSON.stringify(url.href);
  await lab.deploy({ name: "Through", prefix: "__", mode: "writeThrough", more: "timeout: 2000,", connection });
  await lab.startRunner().is("running", "Through");
});
after(async () => {
  await lab.stop();
  await proxy.close();
});
beforeEach(() => {
  key = `person:${++id}`;
});

/** The statement as the protocol has it, and not a part of another: a session begins with READ COMMITTED. */
const COMMIT = "\u0003COMMIT";

const row = async (): Promise<string | undefined> => (await readTable(lab.db)).get(key.slice("person:".length));
const through = async (fields: Record<string, string | number>, ack: string, mark = "=") => {
  await redis.hset(`__{${key}}`, { ...fields, "#": `${mark}${ack}` });
  return (await answer(lab, `{${key}}${ack}`))["status"];
};
/** Carries it out while answers to COMMIT are lost. */
const throughInVain = async (fields: Record<string, string | number>, ack: string, mark = "=") => {
  proxy.lose(COMMIT);
  try {
    assert.equal(await through(fields, ack, mark), "failed");
  } finally {
    proxy.lose(undefined);
  }
};
const rowIs = (expected: string | undefined) =>
  waitFor(async () => (await row()) === expected, { what: `the row to be ${expected}` });

test("the row is made equal to the hash again", async () => {
  assert.equal(await through({ first_name: "Ann", age: 1 }, "a"), "done");
  await throughInVain({ first_name: "late" }, "b");
  // By now it may be mended already.
  const states = await lab.db.query("SELECT state FROM history ORDER BY seq");
  assert.deepEqual(states.slice(0, 2), [{ state: "Ann|-|1|-" }, { state: "late|-|1|-" }], "it was committed");
  await rowIs('["Ann",null,"1",null]');
  assert.deepEqual(await redis.hgetall(key), { first_name: "Ann", age: "1" });
});

test("a row that should not be there goes, and one that should comes back", async () => {
  await throughInVain({ first_name: "late" }, "a");
  await rowIs(undefined);
  assert.equal(await through({ first_name: "Ann" }, "b"), "done");
  await throughInVain({}, "c", "~");
  await rowIs('["Ann",null,null,null]');
});

test("it is in order before the next write of the key", async () => {
  assert.equal(await through({ first_name: "Ann", last_name: "Lee" }, "a"), "done");
  await throughInVain({ first_name: "late" }, "b");
  assert.equal(await through({ age: 5 }, "c"), "done");
  assert.equal(await row(), '["Ann","Lee","5",null]');
});

test("what was not committed changes nothing: a row whose hash went long ago stays", async () => {
  assert.equal(await through({ first_name: "Ann" }, "a"), "done");
  assert.equal(await through({}, "b", "-"), "done");
  proxy.lose("never");
  assert.equal(await through({ first_name: "never" }, "c"), "failed");
  proxy.lose(undefined);
  key = `person:${++id}`;
  assert.equal(await through({ first_name: "next" }, "d"), "done");
  key = `person:${--id}`;
  assert.equal(await row(), '["Ann",null,null,null]');
  id++;
});

test("a write-behind beside it has the last word", async () => {
  await lab.deploy({ version: "1.0.0" }, "--wait");
  await redis.hset(key, { first_name: "Ann", age: 1 });
  await lab.caughtUp();
  proxy.lose(COMMIT);
  const failing = through({ first_name: "late" }, "b");
  await redis.hset(key, { age: 2 });
  assert.equal(await failing, "failed");
  proxy.lose(undefined);
  await redis.hset(key, { last_name: "Lee" });
  await waitFor(async () => (await redis.keys("__*")).length === 0);
  await rowIs('["Ann","Lee","2",null]');
});
