/** Waiting for the answer to a write that carried an id. */
import assert from "node:assert/strict";
import type { Redis } from "ioredis";

/** The first entry of the stream `{<key>}<id>`, as an object. */
export async function answer(redis: Redis, key: string, id: string): Promise<Record<string, string>> {
  const waiting = redis.duplicate();
  try {
    const reply = await waiting.xread("BLOCK", 20_000, "STREAMS", `{${key}}${id}`, "0-0");
    const entry = reply?.[0]?.[1][0]?.[1];
    assert.ok(entry, `nobody answered ${id} of ${key}`);
    return Object.fromEntries(entry.flatMap((name, i) => (i % 2 === 0 ? [[name, entry[i + 1]]] : []))) as Record<
      string,
      string
    >;
  } finally {
    waiting.disconnect();
  }
}
