import assert from "node:assert/strict";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { WbsyncError } from "../../src/errors.js";
import { connectRedis, describeTarget, parseRedisUrl, type RedisTarget } from "../../src/redis/client.js";
import { freePort } from "../support/process.js";
import { startRedis } from "../support/redis.js";

const PASSWORD = "p@ss/word";
const server = await startRedis({ password: PASSWORD });
after(() => server.stop());

const urls: readonly [string, RedisTarget, string][] = [
  ["redis://localhost", { host: "localhost", port: 6379, db: 0 }, "localhost:6379"],
  ["redis://:p%40ss@h:7000/3", { host: "h", port: 7000, password: "p@ss", db: 3 }, "h:7000/3"],
  ["redis://u:p@h?db=2", { host: "h", port: 6379, username: "u", password: "p", db: 2 }, "h:6379/2"],
  ["rediss://h:1", { host: "h", port: 1, db: 0, tls: {} }, "h:1"],
  ["redis://[::1]:7000", { host: "::1", port: 7000, db: 0 }, "[::1]:7000"],
  ["unix:///run/r.sock?db=1", { host: "localhost", port: 0, db: 1, path: "/run/r.sock" }, "/run/r.sock/1"],
  [
    "redis+unix://:p@/run/r.sock",
    { host: "localhost", port: 0, password: "p", db: 0, path: "/run/r.sock" },
    "/run/r.sock",
  ],
  ["/run/r.sock", { host: "localhost", port: 0, db: 0, path: "/run/r.sock" }, "/run/r.sock"],
];

for (const [url, target, shown] of urls) {
  test(`${url} is understood, and shown as ${shown}`, () => {
    assert.deepEqual(parseRedisUrl(url), target);
    assert.equal(describeTarget(target), shown);
  });
}

test("a URL that is not valid is refused without repeating its password", () => {
  for (const url of [
    "http://u:hush@h",
    "hush",
    "redis://u:hush@h/x",
    "redis://u:hush@h:99999",
    "redis://u:hu%sh@h",
    "redis://u:12#hush@h",
    "unix://",
  ]) {
    assert.throws(
      () => parseRedisUrl(url),
      (error) => error instanceof WbsyncError && error.code === "USAGE" && !/hu%?sh/.test(error.message),
      url,
    );
  }
});

async function failure(target: RedisTarget): Promise<string> {
  const error = await connectRedis(target, { name: "test" }).then(
    () => assert.fail("it was connected"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof WbsyncError, String(error));
  assert.equal(error.code, "REDIS_UNREACHABLE");
  return `${error.message} ${error.hint}`;
}

test("a connection has its name and its database", async () => {
  const redis = await connectRedis({ ...server.target, db: 3 }, { name: "wbsync-test" });
  assert.match(String(await redis.client("INFO")), /name=wbsync-test .* db=3 /);
  redis.disconnect();
});

test("a missing password, a wrong one, a wrong database and a closed port are told apart", async () => {
  const { password: _, ...anonymous } = server.target;
  assert.match(
    await failure(anonymous),
    new RegExp(`127.0.0.1:${server.port} asks for a password, and none was given`),
  );
  assert.match(await failure({ ...anonymous, password: "other" }), /refuses the password of the default user/);
  assert.match(await failure({ ...server.target, username: "ann" }), /refuses the password of user "ann"/);
  assert.match(await failure({ ...server.target, db: 99 }), /has no database 99/);
  assert.match(
    await failure({ ...server.target, port: await freePort() }),
    /refuses the connection.*Is the server running/,
  );
  assert.match(await failure({ ...server.target, path: "/nowhere.sock" }), /Redis at \/nowhere\.sock does not exist/);
});

test("a peer that hangs up is told from one that refuses", async () => {
  const port = await freePort();
  const rude = createServer((socket) => socket.destroy()).listen(port, "127.0.0.1");
  try {
    assert.match(await failure({ host: "127.0.0.1", port, db: 0 }), /closed the connection or failed/);
  } finally {
    rude.close();
  }
});

test("with retry it waits for the server, and reconnects when it was lost", async () => {
  const late = await startRedis();
  await late.kill();
  const retries: string[] = [];
  let connected = false;
  const connecting = connectRedis(late.target, {
    name: "test",
    retry: true,
    onRetry: (error) => retries.push(error.message),
  }).finally(() => (connected = true));
  while (retries.length < 2) await new Promise(setImmediate);
  assert.ok(!connected);
  assert.match(retries[0]!, /refuses the connection/);
  await late.start();
  const redis = await connecting;
  assert.equal(await redis.set("a", "1"), "OK");
  await late.kill();
  const waiting = redis.get("a");
  await late.start();
  assert.equal(await waiting, null);
  redis.disconnect();
  await late.stop();
});

test("the wait for the first connection ends with its signal", async () => {
  const controller = new AbortController();
  const target = { host: "127.0.0.1", port: await freePort(), db: 0 };
  const reason = new Error("enough");
  const options = { name: "test", retry: true, signal: controller.signal, onRetry: () => controller.abort(reason) };
  await assert.rejects(connectRedis(target, options), reason);
});
