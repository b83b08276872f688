import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import type { Redis } from "ioredis";
import { parseInfo } from "../../src/redis/info.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import { caughtUp, Collector, isAttached, serverOffset, startCapture } from "./attached.js";
import { startRelay } from "./relay.js";

let server: RedisServer;
let client: Redis;
let captures: ReturnType<typeof startCapture>[] = [];

before(async () => {
  server = await startRedis();
  client = server.client();
});
after(() => server.stop());
afterEach(async () => {
  for (const capture of captures) await capture.end();
  captures = [];
});

function start(options?: Parameters<typeof startCapture>[1]) {
  const capture = startCapture(server, options);
  captures.push(capture);
  return capture;
}

async function startAndAttach(collector = new Collector()) {
  start().attach(collector);
  await isAttached(collector);
  return collector;
}

/** The link as the server sees it. */
async function killLink(): Promise<void> {
  await client.call("CLIENT", "KILL", "TYPE", "replica");
}

test("attaching makes the server fork nothing, and asks for no full copy but with its first knock", async () => {
  await startAndAttach();
  await captures.pop()?.end();
  await startAndAttach();
  const stats = parseInfo(await client.info("stats"));
  assert.equal(stats["total_forks"], "0");
  assert.ok(Number(stats["sync_full"]) <= 1, `sync_full is ${stats["sync_full"]}`);
});

test("everything that is written from then on is delivered, once and in order", async () => {
  await client.hset("k:before", "a", "1");
  const collector = await startAndAttach();
  for (let i = 0; i < 1000; i++) void client.hset(`k:${i}`, "a", i);
  await client.hset("elsewhere:1", "a", "1");
  await caughtUp(collector, client);
  assert.deepEqual(
    collector.keys,
    Array.from({ length: 1000 }, (_, i) => `k:${i}`),
  );
  assert.ok(collector.changes.every((change, i, all) => i === 0 || change.start >= (all[i - 1]?.start ?? 0)));
  assert.ok(collector.changes.every((change) => change.end > change.start));
  assert.ok((collector.changes.at(-1)?.end ?? Infinity) <= (collector.captured?.offset ?? 0));
});

test("after its link was killed it goes on where it was: nothing is missing, nothing comes twice", async () => {
  const collector = await startAndAttach();
  let written = 0;
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 200; i++) void client.hset(`k:${written++}`, "a", "1");
    await killLink();
    for (let i = 0; i < 200; i++) void client.hset(`k:${written++}`, "a", "1");
    await client.ping();
  }
  await caughtUp(collector, client);
  assert.deepEqual(
    collector.keys,
    Array.from({ length: written }, (_, i) => `k:${i}`),
  );
  assert.equal(collector.attachments.length, 1, "it is told of no gap");
  assert.ok(collector.losses.length > 0, "it is told that the stream is lost for a while");
});

test("another process goes on from the position of the one before it", async () => {
  const first = await startAndAttach();
  await client.hset("k:1", "a", "1");
  await caughtUp(first, client);
  await captures.pop()?.end();
  await client.hset("k:2", "a", "1");
  const second = new Collector();
  const from = first.captured;
  assert.ok(from);
  start().attach(second, { ...from, high: from.offset });
  await caughtUp(second, client);
  assert.deepEqual(second.keys, ["k:2"]);
  assert.deepEqual(second.attachments, [{ position: from }]);
});

test("two recipes share a link, each from its own position, and none hears anything twice", async () => {
  const collector = await startAndAttach();
  const from = collector.captured;
  assert.ok(from);
  await client.hset("k:1", "a", "1");
  await client.hset("other:1", "a", "1");
  await caughtUp(collector, client);
  const late = new Collector("other:");
  captures[0]?.attach(late, { ...from, high: from.offset });
  const newest = new Collector("k:");
  await caughtUp(late, client);
  captures[0]?.attach(newest);
  await isAttached(newest);
  await client.hset("k:2", "a", "1");
  await client.hset("other:2", "a", "1");
  await Promise.all([collector, late, newest].map((one) => caughtUp(one, client)));
  const heard = (one: Collector, head: string) => one.keys.filter((key) => key.startsWith(head));
  assert.deepEqual(heard(collector, "k:"), ["k:1", "k:2"]);
  assert.deepEqual(heard(late, "other:"), ["other:1", "other:2"]);
  assert.deepEqual(heard(newest, "k:"), ["k:2"]);
});

test("a successor goes on exactly where the one before it was", async () => {
  const first = await startAndAttach();
  const second = new Collector();
  for (let i = 0; i < 500; i++) void client.hset(`k:${i}`, "a", "1");
  await waitFor(() => first.changes.length > 0, { everyMs: 0 });
  captures[0]?.capture.replace(first, second);
  for (let i = 500; i < 1000; i++) void client.hset(`k:${i}`, "a", "1");
  await caughtUp(second, client);
  assert.deepEqual(
    [...first.keys, ...second.keys],
    Array.from({ length: 1000 }, (_, i) => `k:${i}`),
  );
});

test("a position that the backlog no longer reaches is a gap", async () => {
  await client.config("SET", "repl-backlog-size", "16kb");
  const first = await startAndAttach();
  const from = first.captured;
  assert.ok(from);
  await captures.pop()?.end();
  await client.set("filler", "x".repeat(100_000));
  const second = new Collector();
  start().attach(second, { ...from, high: from.offset });
  await isAttached(second);
  await client.hset("k:1", "a", "1");
  await caughtUp(second, client);
  assert.match(second.attachments[0]?.gap ?? "", /too old.*repl-backlog-size/);
  assert.ok((second.attachments[0]?.position.offset ?? 0) > from.offset);
  assert.deepEqual(second.keys, ["k:1"]);
  await client.config("SET", "repl-backlog-size", "1mb");
});

test("a position of another history is a gap, and so is one that the server has not come to", async () => {
  const offset = await serverOffset(client);
  const wrong = new Collector();
  const capture = start();
  capture.attach(wrong, { replid: "f".repeat(40), offset, db: 0, high: offset });
  await isAttached(wrong);
  assert.match(wrong.attachments[0]?.gap ?? "", /another replication history/);
  const position = wrong.attachments[0]?.position;
  assert.ok(position);
  const ahead = new Collector();
  capture.attach(ahead, { ...position, offset: position.offset + 1_000_000, high: 0 });
  await isAttached(ahead);
  assert.match(ahead.attachments[0]?.gap ?? "", /ahead of the server/);
});

test("a server that cannot go on from there after all, though it has just said so, leaves a gap", async (t) => {
  const first = await startAndAttach();
  const from = first.captured;
  assert.ok(from);
  await captures.pop()?.end();
  await client.config("SET", "repl-diskless-sync-delay", "0");
  let isOverrun = false;
  // Between INFO and PSYNC the backlog is overrun.
  const relay = await startRelay(server, async (said) => {
    if (isOverrun || !said.includes("PSYNC")) return said;
    isOverrun = true;
    await client.config("SET", "repl-backlog-size", "16kb");
    await client.hset("k:meanwhile", "a", "1");
    await client.set("filler", "x".repeat(100_000));
    return said;
  });
  t.after(() => relay.close());
  const second = new Collector();
  const { port } = relay.target;
  start({ target: { port } }).attach(second, { ...from, high: from.offset });
  await isAttached(second);
  await client.config("SET", "repl-backlog-size", "1mb");
  await client.hset("k:1", "a", "1");
  await caughtUp(second, client);
  assert.match(second.attachments[0]?.gap ?? "", /insisted on a full synchronisation/);
  assert.deepEqual(second.keys, ["k:1"], "what came meanwhile is in no stream");
});

test("when the server changes its replication id, whoever was there already goes on", async () => {
  const collector = await startAndAttach();
  await client.hset("k:1", "a", "1");
  await caughtUp(collector, client);
  // A replica that becomes master begins a new history at this offset, and remembers the old one.
  await client.call("REPLICAOF", "127.0.0.1", "1");
  await client.call("REPLICAOF", "NO", "ONE");
  await client.hset("k:2", "a", "1");
  await caughtUp(collector, client);
  assert.deepEqual(collector.keys, ["k:1", "k:2"]);
  assert.equal(collector.attachments.length, 1);
  assert.equal(collector.captured?.replid, parseInfo(await client.info("replication"))["master_replid"]);
});

test("a table that reflects more of the old history than the new one shares has a gap", async () => {
  const collector = await startAndAttach();
  await client.hset("k:1", "a", "1");
  await caughtUp(collector, client);
  const position = collector.captured;
  assert.ok(position);
  await captures.pop()?.end();
  await client.call("REPLICAOF", "127.0.0.1", "1");
  await client.call("REPLICAOF", "NO", "ONE");
  const shares = new Collector();
  const reflectsMore = new Collector("other:");
  const capture = start();
  capture.attach(shares, { ...position, high: position.offset });
  capture.attach(reflectsMore, { ...position, high: position.offset + 1_000 });
  await isAttached(reflectsMore);
  assert.equal(shares.attachments[0]?.gap, undefined);
  assert.match(reflectsMore.attachments[0]?.gap ?? "", /history changed at offset/);
});

test("of two databases written in turn one is heard, also after a link was killed and after a restart", async () => {
  const other = server.client({ db: 3 });
  const collector = await startAndAttach();
  const expected: string[] = [];
  let n = 0;
  const writeInTurn = async (count: number) => {
    for (let i = 0; i < count; i++, n++) {
      await (n % 2 ? other : client).hset(`k:${n}`, "a", "1");
      if (n % 2 === 0) expected.push(`k:${n}`);
    }
  };
  await writeInTurn(50);
  for (const oneMore of [0, 1, 0, 1]) {
    await killLink();
    await writeInTurn(20 + oneMore);
  }
  await caughtUp(collector, client);
  assert.deepEqual(collector.keys, expected);
  for (const oneMore of [0, 1]) {
    await captures.pop()?.end();
    const from = collector.captured;
    assert.ok(from);
    await writeInTurn(7 + oneMore);
    start().attach(collector, { ...from, high: from.offset });
    await writeInTurn(10);
    await caughtUp(collector, client);
    assert.deepEqual(collector.keys, expected);
  }
});

test("a position within writes of another database goes on there: what comes next is not taken for the recipe's own", async () => {
  const other = server.client({ db: 3 });
  const collector = await startAndAttach();
  await client.hset("k:mine", "a", "1");
  await other.hset("k:foreign", "a", "1");
  await caughtUp(collector, client);
  await captures.pop()?.end();
  const from = collector.captured;
  assert.equal(from?.db, 3);
  // The server selects no database before this, for it has not left the one that it is in.
  await other.hset("k:foreign", "a", "2");
  const next = new Collector();
  start().attach(next, { ...from, high: from.offset });
  await isAttached(next);
  await client.hset("k:mine", "a", "2");
  await caughtUp(next, client);
  assert.deepEqual(next.keys, ["k:mine"]);
});

test("a recipe of another database hears that one", async () => {
  const collector = new Collector();
  start({ target: { db: 3 } }).attach(collector);
  await isAttached(collector);
  const other = server.client({ db: 3 });
  await client.hset("k:0", "a", "1");
  await other.hset("k:3", "a", "1");
  await client.call("MOVE", "k:0", "3");
  await caughtUp(collector, client);
  assert.deepEqual(
    collector.changes.map(({ key, kind }) => [key, kind]),
    [
      ["k:3", "set"],
      ["k:0", "dirty"],
    ],
  );
});

test("what scripts, transactions and times to live do is heard as what it does to the hash", async () => {
  const collector = await startAndAttach();
  await client.eval("redis.call('HSET', KEYS[1], 'a', '1'); redis.call('HDEL', KEYS[1], 'a'); return 1", 1, "k:1");
  await client.multi().hset("k:2", "a", "1").select(3).hset("k:2", "a", "2").select(0).hincrby("k:2", "b", 1).exec();
  await client.hset("k:3", "a", "1");
  await client.expire("k:3", 1000);
  await client.persist("k:3");
  await client.expire("k:3", -1);
  await caughtUp(collector, client);
  assert.deepEqual(
    collector.changes.map(({ key, kind }) => `${kind} ${key}`),
    ["set k:1", "unset k:1", "set k:2", "dirty k:2", "set k:3", "ttl k:3", "ttl k:3", "gone k:3"],
  );
  const [one, two, three, four] = collector.changes;
  assert.equal(one?.start, two?.start, "a script's effects are a transaction");
  assert.equal(three?.start, four?.start);
});

test("a server that restarts with its data leaves a gap, and is followed again", async () => {
  const own = await startRedis({ args: ["--appendonly", "yes"] });
  const redis = own.client({ maxRetriesPerRequest: null });
  const capture = startCapture(own);
  try {
    const collector = capture.attach(new Collector());
    await isAttached(collector);
    await redis.hset("k:1", "a", "1");
    await caughtUp(collector, redis);
    await own.kill();
    await own.start();
    await redis.hset("k:2", "a", "1");
    await waitFor(() => collector.attachments.length > 1, { what: "the gap" });
    await redis.hset("k:3", "a", "1");
    await caughtUp(collector, redis);
    assert.ok(collector.attachments[1]?.gap);
    assert.equal(collector.keys.at(-1), "k:3");
  } finally {
    await capture.end();
    await own.stop();
  }
});

test("what was reached in one history is not acknowledged in the next", async () => {
  const own = await startRedis();
  const capture = startCapture(own);
  try {
    const collector = capture.attach(new Collector());
    await isAttached(collector);
    const redis = own.client();
    await redis.hset("k:1", "a", "x".repeat(100_000));
    await caughtUp(collector, redis);
    assert.equal(await redis.call("WAIT", "1", "5000"), 1);
    // A recipe that has no place yet: nothing more counts as committed.
    capture.capture.hold({});
    await own.kill();
    await own.start();
    await waitFor(() => collector.attachments.length > 1, { what: "the new history" });
    await redis.hset("k:2", "a", "1");
    assert.equal(await redis.call("WAIT", "1", "1500"), 0);
  } finally {
    await capture.end();
    await own.stop();
  }
});
