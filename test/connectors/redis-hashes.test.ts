/** What the contract suite does not ask of the Redis connector. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test, type TestContext } from "node:test";
import type { Sink, SinkContext } from "../../src/connectors/connector.js";
import { redis, type RedisOptions } from "../../src/connectors/redis.js";
import { encodeCommand } from "../../src/connectors/redis/encoded-command.js";
import { SupersededError, UserError } from "../../src/errors.js";
import type { Batch, Checkpoint } from "../../src/model.js";
import { freePort, tempDir } from "../support/process.js";
import { startRedis, type RedisServer } from "../support/redis.js";
import { startRedisCluster, type RedisCluster } from "../support/redis-cluster.js";
import { waitFor } from "../support/wait.js";

const NEVER = new AbortController().signal;
const NOTHING: Batch = { upserts: [], deletes: [] };

const checkpoint = (token: string, high = 1): Checkpoint => ({
  ...{ partition: 0, token, replid: "r", low: 1, db: 0, high, snapshot: "done", version: "1.0.0" },
});

/** A batch that sets these fields of these ids. */
function batch(rows: Readonly<Record<string, Readonly<Record<string, string | Buffer | null>>>>): Batch {
  return {
    deletes: [],
    upserts: Object.entries(rows).map(([id, fields], offset) => ({
      columns: Object.keys(fields),
      rows: [{ id: [id], values: Object.values(fields), offset }],
    })),
  };
}

async function openSink(t: TestContext, options: RedisOptions | string, context: Partial<SinkContext> = {}) {
  const sink = redis(options)
    .hashes("copy")
    .sink({ recipe: "r", columns: ["a"], ...context });
  t.after(() => sink.close());
  const opened = await sink.open(NEVER);
  return { sink, opened };
}

async function failure(sink: Sink, work: () => Promise<unknown>): Promise<{ error: unknown; kind: string }> {
  try {
    await work();
  } catch (error) {
    return { error, kind: sink.classify(error) };
  }
  return assert.fail("expected an error");
}

describe("hashes on one server", () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedis();
  });
  after(() => server?.stop());

  test("any bytes pass, and only mapped fields are touched", async (t) => {
    const client = server.client();
    await client.hset("copy:x y:{z}", { own: "stays", a: "old", b: "old" });
    const { sink, opened } = await openSink(t, { host: server.host, port: server.port }, { columns: ["a", "b"] });
    assert.deepEqual(
      opened.columns.map(({ name, kind }) => [name, kind.kind]),
      [
        ["id", "binary"],
        ["a", "binary"],
        ["b", "binary"],
      ],
    );
    const bytes = Buffer.from([0, 255, 13, 10, 128]);
    await sink.write(batch({ "x y:{z}": { a: bytes, b: null } }), [], NEVER);
    const stored = await client.hgetallBuffer("copy:x y:{z}");
    assert.deepEqual({ ...stored }, { own: Buffer.from("stays"), a: bytes });
  });

  test("a key that holds no hash is refused before anything is written", async (t) => {
    const client = server.client();
    await client.set("copy:text", "somebody's");
    const { sink } = await openSink(t, server.url);
    const rows = batch({ one: { a: "1" }, text: { a: "2" }, two: { a: "3" } });
    const move = { partition: 0, from: undefined, to: checkpoint("t") };
    const { error, kind } = await failure(sink, () => sink.write(rows, [move], NEVER));
    assert.equal(kind, "reject");
    assert.match(String(error), /"copy:text" of the target holds a string, not a hash/);
    assert.equal(await client.exists("copy:one", "copy:two"), 0);
    assert.deepEqual((await sink.open(NEVER)).checkpoints, []);
    await sink.write(batch({ one: { a: "1" } }), [move], NEVER);
    assert.equal(await client.hget("copy:one", "a"), "1");
  });

  test("a row of more fields than Lua's stack holds is written whole", async (t) => {
    const fields = Object.fromEntries(Array.from({ length: 9_001 }, (_, i) => [`f${i}`, i % 3 === 0 ? null : `${i}`]));
    const { sink } = await openSink(t, server.url);
    await server.client().hset("copy:wide", { f0: "old", f9000: "old" });
    await sink.write(batch({ wide: fields }), [], NEVER);
    const stored = await server.client().hgetall("copy:wide");
    const expected = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
    assert.deepEqual({ ...stored }, expected);
  });

  test("checkpoints of recipes and prefixes with colons are not mistaken for one another", async (t) => {
    const sinks = [
      redis(server.url).hashes("b:c").sink({ recipe: "a", columns: [] }),
      redis(server.url).hashes("c").sink({ recipe: "a:b", columns: [] }),
    ];
    for (const sink of sinks) {
      t.after(() => sink.close());
      assert.deepEqual((await sink.open(NEVER)).checkpoints, []);
      await sink.write(NOTHING, [{ partition: 0, from: undefined, to: checkpoint("t") }], NEVER);
    }
  });

  test("the prefix that the recipe reads is not written on the server that it reads", async (t) => {
    const runId = /run_id:(\w+)/.exec(await server.client().info("server"))![1]!;
    const source = { keysPrefix: "copy", db: 0, runIds: ["another", runId] };
    const refused = redis(server.url).hashes("copy").sink({ recipe: "r", columns: [], source });
    t.after(() => refused.close());
    const { error, kind } = await failure(refused, () => refused.open(NEVER));
    assert.equal(kind, "fatal");
    assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED");
    assert.match(error.message, /every write would be its next change/);
    for (const [prefix, options] of [
      ["copies", { url: server.url }],
      ["copy", { url: server.url, db: 1 }],
    ] as const) {
      const sink = redis(options).hashes(prefix).sink({ recipe: "r", columns: [], source });
      t.after(() => sink.close());
      await sink.open(NEVER);
    }
  });

  test("a user without a right is told which are needed", async (t) => {
    await server.client().call("ACL", "SETUSER", "copier", "on", ">pw", "~copy:*", "~wbsync:checkpoint:*", "+@all");
    const options = { host: server.host, port: server.port, user: "copier", password: "pw" };
    const { sink } = await openSink(t, options);
    await sink.write(batch({ permitted: { a: "1" } }), [], NEVER);
    await server.client().call("ACL", "SETUSER", "copier", "-hset");
    const { error, kind } = await failure(sink, () => sink.write(batch({ permitted: { a: "2" } }), [], NEVER));
    assert.equal(kind, "fatal");
    assert.ok(error instanceof UserError);
    assert.match(error.message, /refuses: .*can't run this command/);
    assert.match(error.hint ?? "", /\+hset/);
  });

  test("a full server is tried again", async (t) => {
    const { sink } = await openSink(t, server.url);
    await server.client().config("SET", "maxmemory", "1");
    t.after(() => server.client().config("SET", "maxmemory", "0"));
    const { kind } = await failure(sink, () => sink.write(batch({ full: { a: "1" } }), [], NEVER));
    assert.equal(kind, "retry");
    assert.equal(await server.client().exists("copy:full"), 0);
  });
});

describe("hashes in a cluster", () => {
  let cluster: RedisCluster;
  before(async () => {
    cluster = await startRedisCluster();
  });
  after(() => cluster?.stop());

  const move = (from: string | undefined, to: string, high?: number) => ({
    ...{ partition: 0, from, to: checkpoint(to, high) },
  });

  test("a late writer is refused before it writes a row", async (t) => {
    const { sink } = await openSink(t, { cluster: cluster.addresses }, { recipe: "late" });
    await sink.write(batch({ late: { a: "new" } }), [move(undefined, "t1")], NEVER);
    const { error, kind } = await failure(sink, () =>
      sink.write(batch({ late: { a: "old" } }), [move("t0", "t2")], NEVER),
    );
    assert.ok(error instanceof SupersededError);
    assert.equal(kind, "superseded");
    assert.equal(await cluster.client().hget("copy:late", "a"), "new");
  });

  test("after a write that broke off in the middle, the checkpoint's high covers what may have been written", async (t) => {
    const { sink } = await openSink(t, { cluster: cluster.addresses }, { recipe: "broken" });
    await sink.write(NOTHING, [move(undefined, "t1", 10)], NEVER);
    await cluster.client().set("copy:text", "somebody's");
    const rows = batch({ before: { a: "1" }, text: { a: "2" } });
    assert.equal((await failure(sink, () => sink.write(rows, [move("t1", "t2", 99)], NEVER))).kind, "reject");
    const [stored] = (await sink.open(NEVER)).checkpoints;
    assert.deepEqual(stored, checkpoint("t1", 99));
    await sink.write(NOTHING, [move("t1", "t3", 100)], NEVER);
    assert.deepEqual((await sink.open(NEVER)).checkpoints, [checkpoint("t3", 100)]);
  });

  test("slots that are being moved are written where their keys are going to be", async (t) => {
    const { sink } = await openSink(t, { cluster: cluster.addresses }, { recipe: "slots" });
    const client = cluster.client();
    const ids = Array.from({ length: 40 }, (_, i) => `moving${i}`);
    const [from, to] = cluster.nodes.map((node) => node.client());
    const [fromId, toId] = [String(await from!.call("CLUSTER", "MYID")), String(await to!.call("CLUSTER", "MYID"))];
    const slots: number[] = [];
    for (const id of ids) {
      const slot = (await client.call("CLUSTER", ["KEYSLOT", `copy:${id}`])) as number;
      if (slot < 5462) slots.push(slot);
    }
    assert.ok(slots.length > 1);
    for (const slot of slots) {
      await to!.call("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId);
      await from!.call("CLUSTER", "SETSLOT", slot, "MIGRATING", toId);
    }
    const all = (value: string) => batch(Object.fromEntries(ids.map((id) => [id, { a: value }])));
    await sink.write(all("asked"), [move(undefined, "t1")], NEVER);
    for (const slot of slots) {
      for (const node of [to!, from!]) await node.call("CLUSTER", "SETSLOT", slot, "NODE", toId);
    }
    await sink.write(all("moved"), [move("t1", "t2")], NEVER);
    await waitFor(async () =>
      (await Promise.all(ids.map((id) => client.hget(`copy:${id}`, "a")))).every((a) => a === "moved"),
    );
  });

  test("a node that was killed is tried again, and nothing is lost when it is back", async (t) => {
    const { sink } = await openSink(t, { cluster: cluster.addresses, statementTimeoutMs: 3000 }, { recipe: "killed" });
    const all = (value: string) =>
      batch(Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`k${i}`, { a: value }])));
    await sink.write(all("first"), [move(undefined, "t1")], NEVER);
    const node = cluster.nodes[2]!;
    await node.kill();
    assert.equal((await failure(sink, () => sink.write(all("second"), [move("t1", "t2")], NEVER))).kind, "retry");
    await node.start();
    await cluster.ready();
    const stored = await waitFor(async () => (await sink.open(NEVER)).checkpoints[0]);
    await sink.write(all("third"), [move(stored.token, "t3")], NEVER);
    const client = cluster.client();
    for (let i = 0; i < 30; i++) assert.equal(await client.hget(`copy:k${i}`, "a"), "third");
  });

  test("a node named as a single server, and a single server named as a cluster, are told apart", async (t) => {
    const alone = redis(cluster.nodes[0]!.url).hashes("copy").sink({ recipe: "r", columns: [] });
    t.after(() => alone.close());
    const { error, kind } = await failure(alone, () => alone.open(NEVER));
    assert.equal(kind, "fatal");
    assert.match(String(error), /is a node of a cluster/);
    assert.match((error as UserError).hint ?? "", /cluster: \["127/);
    const single = await startRedis();
    t.after(() => single.stop());
    const sink = redis({ cluster: [`${single.host}:${single.port}`] })
      .hashes("copy")
      .sink({ recipe: "r", columns: [] });
    t.after(() => sink.close());
    const other = await failure(sink, () => sink.open(NEVER));
    assert.match(String(other.error), /cluster support disabled/);
    assert.equal(other.kind, "fatal");
  });
});

test("TLS: the certificate is checked, and one that is not trusted is for a person to mend", async (t) => {
  const dir = tempDir("wbsync-tls");
  const [key, cert] = [join(dir, "key.pem"), join(dir, "cert.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
      ...["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", cert],
    ],
    { stdio: "ignore" },
  );
  const port = await freePort();
  const server = await startRedis({
    args: [
      ...["--tls-port", String(port), "--tls-cert-file", cert, "--tls-key-file", key],
      ...["--tls-ca-cert-file", cert, "--tls-auth-clients", "no"],
    ],
  });
  t.after(() => server.stop());
  const ca = readFileSync(cert);
  const { sink } = await openSink(t, { host: "127.0.0.1", port, tls: { ca } });
  await sink.write(batch({ tls: { a: "1" } }), [], NEVER);
  assert.equal(await server.client().hget("copy:tls", "a"), "1");

  const untrusting = redis(`rediss://127.0.0.1:${port}`).hashes("copy").sink({ recipe: "r", columns: [] });
  t.after(() => untrusting.close());
  const { error, kind } = await failure(untrusting, () => untrusting.open(NEVER));
  assert.equal(kind, "fatal");
  assert.ok(error instanceof UserError);
  assert.match(error.message, /TLS: .*self.signed/);
  await openSink(t, { url: `rediss://127.0.0.1:${port}`, tls: { ca } });
});

test("what is wrong with the options is said when the recipe is loaded", () => {
  const cases: readonly [() => unknown, RegExp][] = [
    [() => redis({ hots: "x" } as RedisOptions), /unknown option "hots"/],
    [() => redis({ database: "1" } as RedisOptions), /unknown option "database"/],
    [() => redis("http://x"), /begins with redis:\/\/ or rediss:\/\//],
    [() => redis({ cluster: ["a:1"], host: "b" }), /cluster stands for itself/],
    [() => redis({}).hashes(""), /expected a prefix/],
    [() => redis({}).hashes("copy:"), /must not end with a colon/],
    [() => redis({}).hashes("wbsync:x"), /wbsync's own/],
    [() => redis({}).hashes("copy", { primaryKey: [] }), /primaryKey/],
  ];
  for (const [work, expected] of cases) {
    assert.throws(work, (error: unknown) => error instanceof UserError && expected.test(error.message));
  }
  assert.deepEqual(redis({}).hashes("copy").primaryKey, ["id"]);
});

test("a command is encoded as Redis's protocol has it, every character of a text as its bytes", () => {
  const encoded = encodeCommand("SET", ["é€😀", Buffer.from([0, 13, 10, 255]), 7, ""]);
  const expected = [Buffer.from("*5\r\n$3\r\nSET\r\n$9\r\né€😀\r\n$4\r\n"), Buffer.from([0, 13, 10, 255])];
  assert.deepEqual(encoded, Buffer.concat([...expected, Buffer.from("\r\n$1\r\n7\r\n$0\r\n\r\n")]));
});
