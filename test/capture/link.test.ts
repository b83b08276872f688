import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { WbsyncError } from "../../src/errors.js";
import { CommandReader } from "../../src/capture/resp.js";
import { ReplicaLink } from "../../src/capture/link.js";
import type { RedisTarget } from "../../src/redis/target.js";
import { freePort } from "../support/process.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { serverOffset } from "./attached.js";
import { startRelay } from "./relay.js";

const KEYS = 100_000;

let server: RedisServer;
let client: Redis;
const stop = new AbortController();

before(async () => {
  server = await startRedis({
    acl: ["least on >secret +psync +replconf +ping", "none on >secret +ping +replconf"],
  });
  client = server.client();
  const script = "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'filler:' .. i, 'some value of a length') end";
  await client.eval(script, 0, KEYS);
});
after(async () => {
  stop.abort();
  await server.stop();
});

/** The commands that come after a full synchronisation, until one of them is "last". */
async function follow(
  target: RedisTarget,
): Promise<{ commands: string[]; start: number; end: number; link: ReplicaLink }> {
  const link = await ReplicaLink.connect(target, stop.signal);
  const synced = await link.psync(undefined);
  assert.equal(synced.full, true);
  link.acknowledged = () => 0;
  const reader = new CommandReader(synced.offset);
  const commands: string[] = [];
  // The stream is there once the RDB was skipped: what is written meanwhile comes first.
  await client.set("while", "it is sent");
  await client.set("last", "command");
  for await (const chunk of link.chunks(true)) {
    reader.push(chunk, (command) => {
      commands.push(Array.from({ length: command.argc }, (_, i) => command.arg(i)).join(" "));
    });
    if (commands.includes("set last command")) break;
  }
  return { commands, start: synced.offset, end: reader.end, link };
}

/** The server as one that does not know how to leave its RDB empty. */
const startOldServer = () => startRelay(server, (said) => said.replace("rdb-filter-only", "rdb-no-such-opt"));

for (const diskless of ["yes", "no"]) {
  test(`after a full synchronisation the stream follows an RDB that was left empty (repl-diskless-sync ${diskless})`, async () => {
    await client.config("SET", "repl-diskless-sync", diskless);
    await client.config("SET", "repl-diskless-sync-delay", "0");
    const { commands, start, end, link } = await follow(server.target);
    link.close();
    assert.deepEqual(
      commands.filter((command) => command !== "PING"),
      ["SELECT 0", "set while it is sent", "set last command"],
    );
    assert.ok(end > start && end <= (await serverOffset(client)));
  });

  test(`the RDB of an older server is skipped, however long it is (repl-diskless-sync ${diskless})`, async () => {
    await client.config("SET", "repl-diskless-sync", diskless);
    await client.config("SET", "repl-diskless-sync-delay", "0");
    const old = await startOldServer();
    try {
      const { commands, link } = await follow(old.target);
      link.close();
      assert.ok(old.received() > KEYS * 10, `only ${old.received()} bytes came`);
      assert.deepEqual(
        commands.filter((command) => command !== "PING"),
        ["SELECT 0", "set while it is sent", "set last command"],
      );
    } finally {
      old.close();
    }
  });
}

test("a position is continued exactly, without a copy", async () => {
  const info = await client.info("replication");
  const replid = /master_replid:(\w+)/.exec(info)?.[1] ?? "";
  const offset = await serverOffset(client);
  await client.set("x", "1");
  const link = await ReplicaLink.connect(server.target, stop.signal);
  const synced = await link.psync({ replid, offset });
  assert.deepEqual([synced.full, synced.offset], [false, offset]);
  const reader = new CommandReader(synced.offset);
  const commands: string[] = [];
  for await (const chunk of link.chunks(false)) {
    reader.push(chunk, (command) => commands.push(command.arg(0)));
    if (commands.includes("set")) break;
  }
  link.close();
  assert.ok(reader.end <= (await serverOffset(client)));
});

test("a user that may do no more than +psync +replconf +ping can read the stream", async () => {
  const link = await ReplicaLink.connect({ ...server.target, username: "least", password: "secret" }, stop.signal);
  const replid = /master_replid:(\w+)/.exec(await client.info("replication"))?.[1] ?? "";
  const synced = await link.psync({ replid, offset: await serverOffset(client) });
  assert.equal(synced.full, false);
  link.close();
});

test("what the server refuses is said, and what to do about it", async () => {
  const refused = (message: RegExp, hint: RegExp) => (error: unknown) =>
    error instanceof WbsyncError &&
    error.code === "REDIS_UNREACHABLE" &&
    message.test(error.message) &&
    hint.test(error.hint ?? "");
  const wrong = { ...server.target, username: "least", password: "wrong" };
  await assert.rejects(ReplicaLink.connect(wrong, stop.signal), refused(/refused AUTH: WRONGPASS/, /--password/));
  const link = await ReplicaLink.connect({ ...server.target, username: "none", password: "secret" }, stop.signal);
  await assert.rejects(link.psync(undefined), refused(/refused PSYNC: NOPERM/, /\+psync/));
  link.close();
  const nobody = { ...server.target, port: await freePort() };
  await assert.rejects(
    ReplicaLink.connect(nobody, stop.signal),
    refused(/cannot be reached.*ECONNREFUSED/, /host, port/),
  );
});

test("an abort ends a link at any time", async () => {
  const abort = new AbortController();
  const link = await ReplicaLink.connect(server.target, abort.signal);
  const synced = link.psync(undefined);
  await synced;
  const reading = (async () => {
    for await (const _ of link.chunks(true));
  })();
  abort.abort();
  await assert.rejects(reading);
  await assert.rejects(ReplicaLink.connect(server.target, AbortSignal.abort()));
});

test("a server that falls silent for a minute is given up, and not before", async (t) => {
  let now = performance.now();
  t.mock.method(performance, "now", () => now);
  const ticks: (() => void)[] = [];
  t.mock.method(globalThis, "setInterval", (tick: () => void) => void ticks.push(tick));
  const replid = /master_replid:(\w+)/.exec(await client.info("replication"))?.[1] ?? "";
  const offset = await serverOffset(client);
  const link = await ReplicaLink.connect(server.target, stop.signal);
  t.after(() => link.close());
  await link.psync({ replid, offset });
  server.pause();
  t.after(() => server.resume());
  let failure: unknown;
  const reading = (async () => {
    for await (const _ of link.chunks(false));
  })().catch((error: unknown) => (failure = error));
  const pass = async (ms: number) => {
    now += ms;
    for (const tick of ticks) tick();
    await Promise.race([reading, sleep(50)]);
  };
  await pass(50_000);
  assert.equal(failure, undefined);
  await pass(11_000);
  assert.match(String(failure), /silent for 60 s/);
});
