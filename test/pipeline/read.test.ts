import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Redis } from "ioredis";
import { PipelinedReader } from "../../src/pipeline/read.js";
import { type RedisServer, startRedis } from "../support/redis.js";

let server: RedisServer;
let redis: Redis;

before(async () => {
  server = await startRedis({ password: "p@ss wörd" });
  redis = server.client({ db: 3 });
});
after(() => server.stop());

const big = "x".repeat(2 ** 20);
const binary = Buffer.from([0xff, 0x00, 0x0d, 0x0a, 0x24]);

test("hashes are read back with their mapped fields, each as what it is", async () => {
  await redis.hset("a", { first: "Ann", last: "", other: "1" });
  await redis.hset("b", { first: binary, last: big });
  await redis.hset("empty", { other: "1" });
  await redis.set("text", "1");
  const reader = new PipelinedReader(redis, ["first", "last"]);
  const { found, offset } = await reader.read(["a", "nobody", "b", "empty", "text"]);
  assert.deepEqual(found, [
    { kind: "fields", values: ["Ann", ""] },
    { kind: "absent" },
    { kind: "fields", values: [binary.toString("latin1"), big] },
    { kind: "fields", values: [null, null] },
    { kind: "refused", error: "the key does not hold a hash" },
  ]);
  assert.equal(offset, Number(((await redis.call("ROLE")) as unknown[])[1]));
});

test("whole hashes are read back", async () => {
  await redis.hset("ü", { first: "Ann", [binary.toString("latin1")]: "1" });
  const reader = new PipelinedReader(redis, undefined);
  const { found } = await reader.read([Buffer.from("ü").toString("latin1"), "nobody"]);
  const name = Buffer.from(binary.toString("latin1")).toString("latin1");
  const record = new Map([
    ["first", "Ann"],
    [name, "1"],
  ]);
  assert.deepEqual(found, [{ kind: "hash", record }, { kind: "absent" }]);
});

test("several batches at a time get their own answers", async () => {
  const keys = Array.from({ length: 5000 }, (_, i) => `n${i}`);
  await Promise.all(keys.map((key, i) => redis.hset(key, { first: String(i) })));
  const reader = new PipelinedReader(redis, ["first"]);
  const batches = [0, 1, 2, 3, 4].map((n) => keys.slice(n * 1000, n * 1000 + 1000));
  const answers = await Promise.all(batches.map((batch) => reader.read(batch)));
  const values = answers.flatMap(({ found }) => found.map((one) => (one.kind === "fields" ? one.values[0] : one.kind)));
  assert.deepEqual(
    values,
    keys.map((_, i) => String(i)),
  );
});

test("after a lost connection reading fails once, and the next time connects again", async () => {
  const reader = new PipelinedReader(redis, ["first"]);
  await redis.hset("a", { first: "Ann" });
  await reader.read(["a"]);
  await redis.call("CLIENT", "PAUSE", "1000", "ALL");
  const reading = reader.read(["a"]);
  const failure = assert.rejects(reading);
  await server.kill();
  await failure;
  await assert.rejects(reader.read(["a"]));
  await server.start();
  const { found } = await reader.read(["a"]);
  assert.deepEqual(found, [{ kind: "absent" }]);
});

test("a wrong password is told", async () => {
  const stranger = server.client({ password: "wrong", enableReadyCheck: false });
  await assert.rejects(new PipelinedReader(stranger, ["first"]).read(["a"]), /WRONGPASS/);
});

test("the connection ends with the one beside it", async () => {
  const other = server.client({ db: 3 });
  await other.ping();
  const reader = new PipelinedReader(other, ["first"]);
  await reader.read(["a"]);
  other.disconnect();
  await new Promise((resolve) => other.once("end", resolve));
  await assert.rejects(reader.read(["a"]));
});
