/** A client that waits for the acknowledgement of its write. */
import assert from "node:assert/strict";
import type { Lab } from "../support/lab.js";

/** The first answer in the stream, as a client waits for it: XREAD BLOCK. */
export async function answer(lab: Lab, stream: string): Promise<Record<string, string>> {
  const client = lab.redis.client();
  try {
    const reply = await client.xread("BLOCK", 20_000, "STREAMS", stream, "0-0");
    assert.ok(reply, `nobody answered in ${stream}`);
    const [, fields] = reply[0]![1][0]!;
    return Object.fromEntries(fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1]!]] : [])));
  } finally {
    client.disconnect();
  }
}
