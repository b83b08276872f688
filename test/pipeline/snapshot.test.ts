import assert from "node:assert/strict";
import { test } from "node:test";
import { scanKeys } from "../../src/pipeline/snapshot.js";
import { startRedis } from "../support/redis.js";

/** What a prefix may be made of, and keys that it would match as a pattern. */
const PREFIXES: Readonly<Record<string, readonly string[]>> = {
  "star*:": ["starlight:1", "star:1"],
  "what?:": ["what!:1", "whats:1"],
  "[ab]:": ["a:1", "b:1"],
  "[^c]:": ["d:1", "[:1"],
  "[a-e]:": ["e:1"],
  "back\\slash:": ["backslash:1"],
  "tail\\": ["tail*"],
  "naïve*:": ["naïves:1"],
};

test("a scan finds the keys that begin with the prefix, whatever it is made of, and no others", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const redis = server.client();
  for (const [prefix, others] of Object.entries(PREFIXES)) {
    const own = [`${prefix}1`, `${prefix}*`, `${prefix}[2]`];
    for (const key of [...own, ...others]) await redis.hset(key, "age", 1);
    const found: string[] = [];
    await scanKeys({
      ...{ redis, head: bytes(prefix), signal: new AbortController().signal, onProgress: () => undefined },
      take: async (keys) => void found.push(...keys),
    });
    assert.deepEqual(found.toSorted(), own.map(bytes).toSorted(), prefix);
    await redis.flushall();
  }
});

const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

test("a scan does not go on in another process of the server, to which its cursor means something else", async (t) => {
  const server = await startRedis({ args: ["--save", "3600 1"] });
  t.after(() => server.stop());
  const redis = server.client();
  const pipeline = redis.pipeline();
  for (let i = 0; i < 20_000; i++) pipeline.hset(`person:${i}`, "age", i);
  await pipeline.exec();
  let pages = 0;
  const found = new Set<string>();
  const options = {
    ...{ redis, head: "person:", signal: new AbortController().signal, onProgress: () => undefined },
    take: async (keys: readonly string[]) => {
      for (const key of keys) found.add(key);
      if (++pages !== 5) return;
      await server.shutdown();
      await server.start();
    },
  };
  await assert.rejects(scanKeys(options), /the connection to Redis was lost/);
  assert.ok(found.size < 20_000);
  await scanKeys(options);
  assert.equal(found.size, 20_000);
});
