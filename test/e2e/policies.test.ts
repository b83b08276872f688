/** Each way to go has a policy of its own; see also deletes.test.ts. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Lab, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";

let lab: Lab;

before(async () => {
  lab = await startLab({ redis: { args: ["--hz", "100"] } });
});
after(() => lab.stop());

const ids = async (): Promise<string[]> => [...(await readTable(lab.db)).keys()].sort();
const write = async (...names: readonly string[]) => {
  for (const name of names) await lab.client.hset(`person:${name}`, { first_name: name });
  await lab.caughtUp();
};
/** Each key goes in another way: a client's DEL, its time to live, memory, FLUSHALL. */
const goInEveryWay = async () => {
  await write("deleted", "expired", "evicted", "flushed");
  await lab.client.del("person:deleted");
  await lab.client.pexpire("person:expired", 20);
  await waitFor(async () => (await lab.client.exists("person:expired")) === 0);
  await evict("person:evicted");
  await lab.caughtUp();
  await lab.client.flushall();
  await lab.caughtUp();
};
/** Lets the server evict one key: the only one that may go. */
const evict = async (key: string) => {
  await lab.client.expire(key, 10_000);
  await lab.client.config("SET", "maxmemory-policy", "volatile-lru");
  await lab.client.config("SET", "maxmemory", "1mb");
  await waitFor(async () => {
    await lab.client.set("lab:ballast", "x").catch(() => undefined);
    return (await lab.client.exists(key)) === 0;
  });
  await lab.client.config("SET", "maxmemory", "0");
};

const POLICIES = ["onDelete", "onExpire", "onEvict", "onFlush"] as const;
const WAYS = { onDelete: "deleted", onExpire: "expired", onEvict: "evicted", onFlush: "flushed" } as const;

test("each policy applies to its own way to go, and to no other", async (t) => {
  await lab.deploy();
  await lab.running();
  await t.test("as they are by default: only a client's delete takes the row", async () => {
    await goInEveryWay();
    assert.deepEqual(await ids(), ["evicted", "expired", "flushed"]);
  });
  for (const [i, policy] of POLICIES.entries()) {
    await t.test(`${policy}: "delete" alone`, async () => {
      const more = POLICIES.map((name) => `${name}: "${name === policy ? "delete" : "keep"}",`).join(" ");
      await lab.deploy({ version: `1.${i + 1}.0`, more }, "--wait", "--force");
      await lab.db.query("DELETE FROM persons");
      await goInEveryWay();
      // FLUSHALL names nothing: whatever row has no hash then goes.
      const kept = policy === "onFlush" ? [] : POLICIES.filter((name) => name !== policy).map((name) => WAYS[name]);
      assert.deepEqual(await ids(), kept.sort());
    });
  }
});
