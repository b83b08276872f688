import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { DeadLetters } from "../../src/registry/dead-letters.js";
import type { Letter } from "../../src/registry/letter.js";
import { startRedis } from "../support/redis.js";

const server = await startRedis();
after(() => server.stop());
const redis = server.client();
beforeEach(() => redis.flushall());

const BINARY = "person:\x00\xff\xc3\xa9 {:}'\"";

function letterOf(key: string, changes: Partial<Letter> = {}): Letter {
  return {
    key,
    operation: "upsert",
    values: { age: "old", photo: Buffer.from([0, 255]), name: "Zoë", last: null },
    error: "an integer was expected",
    code: "VALUE_REFUSED",
    time: "2024-01-01T00:00:00.000Z",
    version: "1.0.0",
    offset: 4711,
    ...changes,
  };
}

test("a letter comes back as it was sent, bytes included", async () => {
  const letters = new DeadLetters(redis, "people");
  const id = await letters.add(letterOf(BINARY));
  assert.deepEqual(await letters.list(), [{ id, ...letterOf(BINARY) }]);
  const [[, fields]] = (await redis.xrangeBuffer("wbsync:dead:people", "-", "+")) as [[Buffer, Buffer[]]];
  assert.deepEqual(fields[1], Buffer.from(BINARY, "latin1"));
  assert.match(fields[5]!.toString(), /"photo":\{"base64":"AP8="\}/);
});

test("a key has one open letter, the newest, also after a restart", async () => {
  const letters = new DeadLetters(redis, "people");
  await letters.add(letterOf("person:1", { error: "first" }));
  await letters.add(letterOf("person:2"));
  const restarted = new DeadLetters(redis, "people");
  assert.deepEqual([...(await restarted.open()).keys()], ["person:1", "person:2"]);
  const id = await restarted.add(letterOf("person:1", { error: "second" }));
  assert.deepEqual(restarted.openKeys.get("person:1"), [id]);
  assert.deepEqual(
    (await letters.list()).map(({ key, error }) => [key, error]),
    [
      ["person:2", "an integer was expected"],
      ["person:1", "second"],
    ],
  );
});

test("a key that was written since is healed, and the others are not", async () => {
  const letters = new DeadLetters(redis, "people");
  await letters.add(letterOf("person:1"));
  await letters.add(letterOf(BINARY));
  await letters.heal(["person:1", "person:3", "person:1"]);
  assert.deepEqual(
    (await letters.list()).map(({ key }) => key),
    [BINARY],
  );
  assert.deepEqual([...letters.openKeys.keys()], [BINARY]);
});

test("letters are read page by page", async () => {
  const letters = new DeadLetters(redis, "people");
  for (let id = 0; id < 450; id += 1) await letters.add(letterOf(`person:${id}`));
  assert.equal((await new DeadLetters(redis, "people").open()).size, 450);
  const first = await letters.list({ count: 300 });
  const second = await letters.list({ count: 300, after: first.at(-1)!.id });
  assert.deepEqual(
    [...first, ...second].map(({ key }) => key),
    Array.from({ length: 450 }, (_, id) => `person:${id}`),
  );
});

test("letters are dropped by id or all together", async () => {
  const letters = new DeadLetters(redis, "people");
  const ids = [];
  for (const key of ["a", "b", "c"]) ids.push(await letters.add(letterOf(key)));
  assert.equal(await letters.drop([ids[0]!, "1-1"]), 1);
  assert.equal(await letters.count(), 2);
  assert.equal(await letters.drop("all"), 2);
  assert.equal(await letters.drop("all"), 0);
  assert.deepEqual(await letters.list(), []);
});

test("a retry names each key once, tells the runner, and is asked for until it is done; keys without a letter are none", async () => {
  const letters = new DeadLetters(redis, "people");
  const subscriber = server.client();
  await subscriber.subscribe("wbsync:changed");
  const told = new Promise((resolve) => subscriber.on("message", (_channel, message) => resolve(message)));
  const id = await letters.add(letterOf(BINARY));
  await letters.add(letterOf("person:1"));
  assert.equal(await letters.requestRetry("all"), 2);
  assert.equal(await told, "people");
  assert.equal(await letters.requestRetry({ ids: [id, "1-1"] }), 1);
  assert.equal(await letters.requestRetry({ keys: ["person:9"] }), 0);
  const { keys, done } = await letters.retries();
  assert.deepEqual(keys, [BINARY, "person:1"]);
  assert.deepEqual((await letters.retries()).keys, keys, "nobody has said that they are on their way");
  await letters.add(letterOf("person:2"));
  assert.equal(await letters.requestRetry({ keys: ["person:2", "person:2"] }), 1);
  await done();
  assert.deepEqual((await letters.retries()).keys, ["person:2"]);
  await letters.drop([(await letters.list()).at(-1)!.id]);
  assert.equal(await letters.count(), 2);
});

test("what people have dropped elsewhere is forgotten, and what was added meanwhile is not", async () => {
  const letters = new DeadLetters(redis, "people");
  const elsewhere = new DeadLetters(redis, "people");
  const id = await letters.add(letterOf("person:1"));
  await letters.add(letterOf("person:2"));
  await elsewhere.drop([id]);
  await Promise.all([letters.review(), letters.add(letterOf("person:3"))]);
  await letters.review();
  assert.deepEqual([...letters.openKeys.keys()], ["person:2", "person:3"]);
  await elsewhere.drop("all");
  await letters.review();
  assert.equal(letters.openKeys.size, 0);
});

test("an id that is none is refused with an example", async () => {
  const letters = new DeadLetters(redis, "people");
  for (const attempt of [letters.drop(["person:1"]), letters.requestRetry({ ids: ["x"] })]) {
    await assert.rejects(attempt, (error) => error instanceof UserError && /1700000000000-0/.test(error.message));
  }
});

test("letters of unknown make are shown with what they have", async () => {
  await redis.xadd("wbsync:dead:people", "*", "key", "person:1", "values", "nonsense");
  await redis.xadd("wbsync:dead:people", "*", "other", "field");
  const letters = new DeadLetters(redis, "people");
  assert.deepEqual(
    (await letters.list()).map(({ key, values }) => [key, values]),
    [
      ["person:1", {}],
      ["", {}],
    ],
  );
  assert.deepEqual([...(await letters.open()).keys()], ["person:1"]);
});
