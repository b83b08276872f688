/** A server that has vanished without a word: nothing comes, not even the end of the connection. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { connectRedis } from "../../src/redis/client.js";
import { encode, WireConnection } from "../../src/redis/wire-connection.js";
import { startDeafProxy } from "../support/deaf-proxy.js";
import { startRedis } from "../support/redis.js";

test("a connection that is silent is made anew, and what was asked is asked again", async (t) => {
  const server = await startRedis();
  const proxy = await startDeafProxy(server.port);
  t.after(async () => (await proxy.close(), await server.stop()));
  const redis = await connectRedis({ ...server.target, port: proxy.port }, { name: "t", retry: true, silentMs: 300 });
  t.after(() => redis.disconnect());
  await redis.set("a", 1);
  proxy.lose("get");
  const asked = redis.get("a");
  let closed = 0;
  redis.on("close", () => (closed++, proxy.lose(undefined)));
  assert.equal(await asked, "1");
  assert.equal(closed, 1);
});

test("a connection that was lost while it was asked does not take the next one with it", async (t) => {
  const server = await startRedis();
  const proxy = await startDeafProxy(server.port);
  t.after(async () => (await proxy.close(), await server.stop()));
  const redis = await connectRedis({ ...server.target, port: proxy.port }, { name: "t", retry: true, silentMs: 500 });
  t.after(() => redis.disconnect());
  proxy.lose("get");
  const asked = redis.get("a");
  await new Promise((resolve) => setTimeout(resolve, 50));
  proxy.lose(undefined);
  await server.client().call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  assert.equal(await asked, null);
  let closed = 0;
  redis.on("close", () => closed++);
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(closed, 0);
});

test("so is the one that reads hashes back: what was asked is rejected", async (t) => {
  const server = await startRedis();
  const proxy = await startDeafProxy(server.port);
  t.after(async () => (await proxy.close(), await server.stop()));
  const connection = await WireConnection.open({ host: "127.0.0.1", port: proxy.port }, 300);
  // Idle, it stays.
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.deepEqual(await connection.ask(encode("PING"), 1), ["PONG"]);
  proxy.lose("GET");
  await assert.rejects(connection.ask(encode("GET", "a"), 1), /no answer within 0.3 s/);
  assert.equal(connection.isOpen, false);
});
