import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Redis } from "ioredis";
import { PipelinedReader } from "../../src/pipeline/read.js";
import { Wire } from "../../src/redis/wire.js";
import { waitFor } from "../support/wait.js";
import { serverOffset } from "../capture/attached.js";
import { type RedisServer, startRedis } from "../support/redis.js";

let server: RedisServer;
let client: Redis;

before(async () => {
  server = await startRedis();
  client = server.client();
});
after(() => server.stop());

const bytes = (raw: Buffer) => raw.toString("latin1");
const ODD = Buffer.from([0, 0xff, 0xc3, 0xa9, 13, 10]);

test("mapped fields are read byte for byte, in their order; what is missing is null", async () => {
  await client.hset("k:1", "b", ODD, "c", "not mapped");
  const { found } = await new PipelinedReader(client, ["a", "b"]).read(["k:1"]);
  assert.deepEqual(found, [{ kind: "fields", values: [null, bytes(ODD)] }]);
});

test("whole hashes are read byte for byte, whatever their fields are called", async () => {
  await client.hset(ODD, ODD, ODD);
  const { found } = await new PipelinedReader(client, undefined).read([bytes(ODD), "k:nothing"]);
  assert.deepEqual(found, [{ kind: "hash", record: new Map([[bytes(ODD), bytes(ODD)]]) }, { kind: "absent" }]);
});

test("a hash without any mapped field is told from a key that is not there", async () => {
  await client.hset("k:other", "c", "1");
  const { found } = await new PipelinedReader(client, ["a", "b"]).read(["k:nothing", "k:other"]);
  assert.deepEqual(found, [{ kind: "absent" }, { kind: "fields", values: [null, null] }]);
});

test("a key that comes into being between two questions is read as it is then, byte for byte", async () => {
  const late = server.client();
  const reader = new PipelinedReader(late, ["a"]);
  const wire = Wire.beside(late);
  const ask = wire.ask.bind(wire);
  wire.ask = async (commands, count) => {
    if (commands.includes("MULTI")) await client.hset("k:late", "a", ODD);
    return await ask(commands, count);
  };
  const { found } = await reader.read(["k:late"]);
  assert.deepEqual(found, [{ kind: "fields", values: [bytes(ODD)] }]);
});

test("a key of another type is refused, and the others of its batch are read", async () => {
  await client.set("k:text", "x");
  await client.hset("k:hash", "a", "1");
  for (const fields of [["a"], undefined]) {
    const { found } = await new PipelinedReader(client, fields).read(["k:text", "k:hash"]);
    assert.equal(found[0]?.kind, "refused");
    assert.notEqual(found[1]?.kind, "refused");
  }
});

test("the offset is one that the server had come to when it answered", async () => {
  const reader = new PipelinedReader(client, ["a"]);
  // Without a replica there is no backlog, and offsets stand still.
  await client.call("REPLICAOF", "127.0.0.1", "1");
  await client.call("REPLICAOF", "NO", "ONE");
  for (const key of ["k:hash", "k:nothing"]) {
    const before = await serverOffset(client);
    const { offset } = await reader.read([key]);
    assert.ok(offset >= before && offset <= (await serverOffset(client)));
  }
});

test("a server that is a replica of another tells its own offset", async () => {
  await client.config("SET", "repl-diskless-sync-delay", "0");
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(server.port)] });
  try {
    const copy = replica.client();
    await waitFor(async () => (await copy.info("replication")).includes("master_link_status:up"));
    await client.hset("k:hash", "a", "2");
    const target = await serverOffset(client);
    const reader = new PipelinedReader(copy, ["a"]);
    await waitFor(async () => (await reader.read(["k:hash"])).offset >= target, { what: "the replica's offset" });
  } finally {
    await replica.stop();
  }
});
