/** Memory is bounded by the number of changed keys, not by the number of changes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { startLab } from "../support/lab.js";
import { waitFor } from "../support/wait.js";
import { flood } from "./flood.js";

const [WRITES, KEYS, MAX_MB] = [5_000_000, 200_000, 400];

test("5,000,000 writes on 200,000 keys while the database is down: the runner stays under 400 MB and catches up", async (t) => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  const peakMb = () =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${runner.child.pid}/status`, "utf8"))![1]) / 1024;

  await lab.db.server!.shutdown();
  await flood({ port: lab.redis.port, count: WRITES, keys: KEYS });
  const written = Number(/master_repl_offset:(\d+)/.exec(await lab.client.info("replication"))![1]);
  await waitFor(async () => ((await lab.status())?.capturedOffset ?? 0) >= written, { what: "the stream to be read" });
  assert.ok((await lab.status())!.buffered >= KEYS);
  t.diagnostic(`${Math.round(peakMb())} MB with ${KEYS} changed keys`);

  await lab.db.server!.start();
  assert.equal(await lab.compare(), KEYS);
  t.diagnostic(`${Math.round(peakMb())} MB at most`);
  assert.ok(peakMb() < MAX_MB, `${peakMb()} MB`);
});
