import assert from "node:assert/strict";
import { test } from "node:test";
import { scanKeys } from "../../src/pipeline/snapshot.js";
import { startRedis } from "../support/redis.js";

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
