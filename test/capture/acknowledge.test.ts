import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Redis } from "ioredis";
import { parseInfo } from "../../src/redis/info.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import { caughtUp, Collector, isAttached, serverOffset, startCapture } from "./attached.js";

let server: RedisServer;
let client: Redis;
let capture: ReturnType<typeof startCapture>;
let collector: Collector;

before(async () => {
  server = await startRedis();
  client = server.client();
});
after(() => server.stop());
afterEach(() => capture.end());

async function attach(head?: string): Promise<Collector> {
  const one = new Collector(head);
  capture.attach(one);
  await isAttached(one);
  return one;
}

/** The offset that the server believes our link to have acknowledged. */
async function acknowledged(redis = client): Promise<number> {
  const info = parseInfo(await redis.info("replication"));
  const link = Object.entries(info).find(([name, text]) => /^slave\d+$/.test(name) && text.includes("port=0"));
  return Number(/offset=(\d+)/.exec(link?.[1] ?? "")?.[1] ?? NaN);
}

test("WAIT returns 1 once the write is in the table, and not before", async () => {
  capture = startCapture(server);
  collector = await attach();
  await client.hset("k:0", "a", "1");
  await caughtUp(collector, client);
  collector.holdAt = collector.captured?.offset ?? 0;
  const writer = server.client();
  await writer.hset("k:1", "a", "1");
  assert.equal(await writer.wait(1, 300), 0, "it is captured, and not in the table");
  await caughtUp(collector, client);
  assert.ok(collector.hurries > 0, "whoever can write is asked to hurry");
  const waiting = writer.wait(1, 20_000);
  await waitFor(async () => (await client.info("clients")).includes("blocked_clients:1"));
  collector.holdAt = undefined;
  capture.capture.progressed();
  assert.equal(await waiting, 1);
});

test("WAIT means in every table", async () => {
  capture = startCapture(server);
  collector = await attach();
  const other = await attach("other:");
  other.holdAt = other.captured?.offset ?? 0;
  const writer = server.client();
  await writer.hset("k:1", "a", "1");
  assert.equal(await writer.wait(1, 300), 0);
  other.holdAt = undefined;
  assert.equal(await writer.wait(1, 20_000), 1);
  // Once it is gone, nobody waits for it any more.
  other.holdAt = other.captured?.offset ?? 0;
  await writer.hset("k:1", "a", "2");
  const waiting = writer.wait(1, 20_000);
  await waitFor(async () => (await client.info("clients")).includes("blocked_clients:1"));
  capture.capture.detach(other);
  assert.equal(await waiting, 1);
});

test("every one of many who wait is answered for a write of their own", async () => {
  capture = startCapture(server);
  collector = await attach();
  const writers = Array.from({ length: 10 }, () => server.client());
  const answers = await Promise.all(
    writers.map(async (writer, i) => {
      const seen: number[] = [];
      for (let n = 0; n < 20; n++) {
        await writer.hset(`k:${i}`, "a", n);
        seen.push(await writer.wait(1, 20_000));
      }
      return seen;
    }),
  );
  assert.ok(answers.flat().every((answer) => answer === 1));
});

test("but for those who wait, the server is told less than it has, whatever is in the table", async () => {
  capture = startCapture(server);
  collector = await attach();
  for (let i = 0; i < 30; i++) {
    await client.hset("k:1", "a", i);
    if (i % 10 === 9) await server.client().wait(1, 20_000);
    await waitFor(async () => (await acknowledged()) > 0, { what: "a first acknowledgement" });
    assert.ok((await acknowledged()) < (await serverOffset(client)));
  }
  // The one that comes every second is no exception.
  const before = await acknowledged();
  await client.hset("k:1", "a", "last");
  await waitFor(async () => (await acknowledged()) > before, { what: "the next acknowledgement" });
  assert.ok((await acknowledged()) < (await serverOffset(client)));
});

test("FAILOVER without TO chooses the real replica beside it", async () => {
  const replica = await startRedis({
    args: ["--replicaof", "127.0.0.1", String(server.port), "--repl-diskless-sync-delay", "0"],
  });
  await client.config("SET", "repl-diskless-sync-delay", "0");
  try {
    capture = startCapture(server);
    collector = await attach();
    const copy = replica.client();
    await waitFor(async () => (await copy.info("replication")).includes("master_link_status:up"), {
      what: "the replica",
    });
    const writer = server.client();
    await writer.hset("k:1", "a", "1");
    assert.equal(await writer.wait(2, 20_000), 2, "the replica and the table");
    await client.call("FAILOVER", "TIMEOUT", "20000");
    await waitFor(async () => (await client.info("replication")).includes("role:slave"), { what: "the fail-over" });
    const info = parseInfo(await client.info("replication"));
    assert.equal(info["master_port"], String(replica.port));
    await copy.hset("k:2", "a", "1");
    await waitFor(() => collector.keys.includes("k:2"), { what: "the new master's write, by way of its replica" });
  } finally {
    await capture.end();
    await client.call("REPLICAOF", "NO", "ONE");
    await replica.stop();
  }
});
