import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Redis } from "ioredis";
import type { Counters } from "../../src/model.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import { caughtUp, Collector, isAttached, serverOffset, startCapture } from "./attached.js";

/** A time to live that is up before PEXPIRE is through makes it a delete: a busy machine needs longer than a millisecond. */
const SOON_MS = 100;

let server: RedisServer;
let client: Redis;
let capture: ReturnType<typeof startCapture> | undefined;

before(async () => {
  server = await startRedis({ acl: ["restricted on >secret ~* &* +@all -config"] });
  client = server.client();
});
after(() => server.stop());
afterEach(async () => {
  await capture?.end();
  capture = undefined;
  await client.flushall();
  await client.config("SET", "notify-keyspace-events", "", "maxmemory", "0");
});

async function attach(options?: Parameters<typeof startCapture>[1]): Promise<Collector> {
  capture = startCapture(server, options);
  const collector = new Collector();
  capture.attach(collector);
  await isAttached(collector);
  return collector;
}

/** Notifications are known to be complete from here on: a client's delete is known as one. */
async function isCovered(collector: Collector): Promise<void> {
  for (let i = 0; ; i++) {
    await client.hset(`k:probe${i}`, "a", "1");
    await client.del(`k:probe${i}`);
    await waitFor(() => collector.causes.has(`k:probe${i}`));
    if (collector.causes.get(`k:probe${i}`) === "delete") return;
    assert.ok(i < 1000);
  }
}

function count(collector: Collector, prefix: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [key, cause] of collector.causes) if (key.startsWith(prefix)) counts[cause] = (counts[cause] ?? 0) + 1;
  return counts;
}

test("thousands of expirations among as many deletes by clients are all told apart, under load", async () => {
  const collector = await attach();
  await isCovered(collector);
  const N = 3000;
  const others = server.client();
  let isLoaded = true;
  const load = (async () => {
    while (isLoaded) await Promise.all(Array.from({ length: 100 }, (_, i) => others.hset(`k:load${i}`, "a", "1")));
  })();
  for (let i = 0; i < N; i += 100) {
    const pipeline = client.pipeline();
    for (let n = i; n < i + 100; n++) {
      pipeline.hset(`k:expires${n}`, "a", "1").pexpire(`k:expires${n}`, SOON_MS + (n % 50));
      pipeline.hset(`k:deleted${n}`, "a", "1");
      // A delete of a key that would have expired is a delete.
      pipeline.hset(`k:both${n}`, "a", "1").pexpire(`k:both${n}`, 100_000);
    }
    for (let n = i; n < i + 100; n++) pipeline.del(`k:deleted${n}`, `k:both${n}`);
    await pipeline.exec();
  }
  await waitFor(async () => (await client.dbsize()) <= 100, { what: "the last expiry" });
  isLoaded = false;
  await load;
  await caughtUp(collector, client);
  assert.deepEqual(count(collector, "k:expires"), { expire: N });
  assert.deepEqual(count(collector, "k:deleted"), { delete: N });
  assert.deepEqual(count(collector, "k:both"), { delete: N });
});

test("a key that is deleted, made anew and then expires is told of rightly, also by a stream that is late", async () => {
  const collector = await attach();
  await isCovered(collector);
  // Everything happens while the capture's link is away.
  await client.call("CLIENT", "KILL", "TYPE", "replica");
  const rounds = 200;
  const pipeline = client.pipeline();
  for (let i = 0; i < rounds; i++) {
    pipeline.hset(`k:${i}`, "a", "1").pexpire(`k:${i}`, 100_000).del(`k:${i}`);
    pipeline.hset(`k:${i}`, "a", "2").pexpire(`k:${i}`, SOON_MS);
  }
  await pipeline.exec();
  await waitFor(async () => (await client.dbsize()) === 0, { what: "the last expiry" });
  await caughtUp(collector, client);
  const causes = new Map<string, string[]>();
  for (const change of collector.changes) {
    if (change.kind === "gone") causes.set(change.key, [...(causes.get(change.key) ?? []), change.cause]);
  }
  for (let i = 0; i < rounds; i++) assert.deepEqual(causes.get(`k:${i}`), ["delete", "expire"], `k:${i}`);
});

test("evictions are known as evictions", async () => {
  const collector = await attach();
  await isCovered(collector);
  await client.config("SET", "maxmemory-policy", "allkeys-random");
  const pipeline = client.pipeline();
  for (let i = 0; i < 2000; i++) pipeline.hset(`k:${i}`, "a", "x".repeat(1000));
  for (let i = 0; i < 500; i++) pipeline.del(`k:${i}`);
  await pipeline.exec();
  const used = Number(/used_memory:(\d+)/.exec(await client.info("memory"))?.[1]);
  await client.config("SET", "maxmemory", String(used - 500_000));
  await waitFor(async () => /evicted_keys:[1-9]\d\d/.test(await client.info("stats")), { what: "evictions" });
  await client.config("SET", "maxmemory", "0");
  await caughtUp(collector, client);
  const left = await client.dbsize();
  const { delete: deleted = 0, evict = 0, ...rest } = count(collector, "k:");
  assert.deepEqual(rest, {});
  assert.equal(deleted, 500 + [...collector.causes.keys()].filter((key) => key.startsWith("k:probe")).length);
  assert.equal(evict, 1500 - left);
});

test("notifications that somebody else needs stay switched on", async () => {
  await client.config("SET", "notify-keyspace-events", "Kg");
  const collector = await attach();
  await isCovered(collector);
  const [, flags = ""] = (await client.config("GET", "notify-keyspace-events")) as string[];
  for (const flag of "KgExe") assert.ok(flags.includes(flag), flags);
});

test("when somebody else switches notifications off, no expiry is taken for a delete", async () => {
  const collector = await attach();
  await isCovered(collector);
  for (let i = 0; i < 8; i++) {
    await client.config("SET", "notify-keyspace-events", "Kg");
    await client.hset(`k:${i}`, "a", "1");
    await client.pexpire(`k:${i}`, SOON_MS);
    await waitFor(async () => (await client.exists(`k:${i}`)) === 0, { everyMs: 2 });
  }
  await caughtUp(collector, client);
  assert.equal(
    count(collector, "k:")["delete"],
    [...collector.causes.keys()].filter((key) => key.includes("probe")).length,
  );
  await isCovered(collector);
});

test("without notifications the server's counters decide: unchanged, a delete was a client's; changed, nobody knows", async () => {
  const control = server.client({ username: "restricted", password: "secret" });
  const collector = await attach({ control });
  await client.hset("k:1", "a", "1");
  await client.del("k:1");
  await caughtUp(collector, client);
  assert.equal(collector.causes.get("k:1"), "delete");
  // Key 2 expires between the same two looks at the counters in which key 3 is deleted.
  await client.multi().hset("k:2", "a", "1").pexpire("k:2", SOON_MS).hset("k:3", "a", "1").exec();
  await waitFor(async () => (await client.exists("k:2")) === 0, { everyMs: 2 });
  await client.del("k:3");
  await caughtUp(collector, client);
  assert.equal(collector.causes.get("k:2"), "uncertain");
  assert.notEqual(collector.causes.get("k:3"), "expire");
});

/** What a checkpoint would carry now. */
async function countersNow(collector: Collector): Promise<Counters> {
  await caughtUp(collector, client);
  return await waitFor(() => capture?.capture.countersAt(collector.captured?.offset ?? 0));
}

test("after a time without a runner, unchanged counters say that every delete was a client's", async () => {
  const before = await attach();
  await client.hset("k:1", "a", "1");
  const counters = await countersNow(before);
  const from = before.captured;
  assert.ok(from);
  await capture?.end();
  await client.del("k:1");
  capture = startCapture(server);
  const collector = new Collector();
  capture.attach(collector, { ...from, high: from.offset, counters });
  await waitFor(() => collector.causes.has("k:1"));
  assert.equal(collector.causes.get("k:1"), "delete");
});

test("after a time without a runner, changed counters leave deletes uncertain, unless the key was known to live on", async () => {
  const before = await attach();
  for (const key of ["k:expires", "k:deleted"]) await client.hset(key, "a", "1");
  const counters = await countersNow(before);
  const from = before.captured;
  assert.ok(from);
  await capture?.end();
  await client.pexpire("k:expires", SOON_MS);
  await waitFor(async () => (await client.exists("k:expires")) === 0, { everyMs: 2 });
  await client.del("k:deleted");
  await client.hset("k:lives", "a", "1");
  await client.pexpire("k:lives", 1_000_000);
  await client.del("k:lives");
  capture = startCapture(server);
  const collector = new Collector();
  capture.attach(collector, { ...from, high: from.offset, counters });
  await waitFor(() => collector.causes.has("k:lives"));
  assert.deepEqual(Object.fromEntries(collector.causes), {
    "k:expires": "uncertain",
    "k:deleted": "uncertain",
    "k:lives": "delete",
  });
});

test("without a sample from before, a delete is uncertain", async () => {
  const before = await attach();
  await client.hset("k:1", "a", "1");
  await caughtUp(before, client);
  const from = before.captured;
  assert.ok(from);
  await capture?.end();
  await client.del("k:1");
  capture = startCapture(server);
  const collector = new Collector();
  capture.attach(collector, { ...from, high: from.offset });
  await waitFor(() => collector.causes.has("k:1"));
  assert.equal(collector.causes.get("k:1"), "uncertain");
});

test("a recipe that comes later takes no expiry for a delete, though others were listening all the time", async () => {
  const first = await attach();
  await isCovered(first);
  const from = first.captured;
  assert.ok(from);
  for (let i = 0; i < 50; i++) await client.hset(`other:${i}`, "a", "1");
  for (let i = 0; i < 50; i++) await client.pexpire(`other:${i}`, SOON_MS);
  await waitFor(async () => (await client.keys("other:*")).length === 0, { what: "the last expiry" });
  await caughtUp(first, client);
  const late = new Collector("other:");
  capture?.attach(late, { ...from, high: from.offset });
  await waitFor(() => late.causes.size === 50);
  assert.equal(count(late, "other:")["delete"], undefined);
});

test("when the connection for notifications was away, no expiry is taken for a delete", async () => {
  const collector = await attach();
  await isCovered(collector);
  for (let i = 0; i < 12; i++) {
    if (i % 2 === 0) await client.call("CLIENT", "KILL", "TYPE", "pubsub");
    await client.hset(`k:${i}`, "a", "1");
    await client.pexpire(`k:${i}`, SOON_MS);
    await waitFor(async () => (await client.exists(`k:${i}`)) === 0, { everyMs: 1 });
  }
  await caughtUp(collector, client);
  const probes = [...collector.causes.keys()].filter((key) => key.includes("probe"));
  assert.equal(count(collector, "k:")["delete"], probes.length);
  await isCovered(collector);
});

test("counters for a checkpoint are never newer than its position", async () => {
  const collector = await attach();
  const early = await countersNow(collector);
  await client.hset("k:1", "a", "1");
  const offset = await serverOffset(client);
  const late = await waitFor(() => {
    const counters = capture?.capture.countersAt(Infinity);
    return counters && counters.offset >= offset ? counters : undefined;
  });
  assert.ok(early.offset < late.offset);
  for (let at = early.offset; at <= late.offset; at++) {
    const counters = capture?.capture.countersAt(at);
    assert.ok(counters && counters.offset <= at);
  }
  assert.equal(capture?.capture.countersAt(early.offset - 1_000_000), undefined);
});
