/** kill -9 of the runner at random moments under load; the test files say on which database, and how often. */
import assert from "node:assert/strict";
import { type TestContext, after } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab, LabRunner } from "../support/lab.js";
import { waitFor } from "../support/wait.js";
import { mulberry32, RandomLoad } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

/** A third dies while it connects or catches up, the others while they write, too. */
async function letLive(runner: LabRunner, random: () => number, maxMs: number): Promise<void> {
  if (random() < 0.33) await waitFor(() => runner.stderr() !== "", { everyMs: 5 });
  else await runner.is("running");
  await sleep(random() * maxMs);
}

export interface KillOptions {
  /** A runner lives at most so long after the moment that was waited for. */
  readonly maxMs?: number;
  /** Further options of the recipe, in source text. */
  readonly more?: string;
  /** How often rows have to have changed in each round, or the runners were killed too early to prove anything. */
  readonly states?: number;
}

/** Kills the runner so often, then compares every row, and looks at everything that the rows have been. */
export async function killRunners(t: TestContext, lab: Lab, rounds: number, options: KillOptions = {}): Promise<void> {
  const { maxMs = 400, more = "", states: least = 10 } = options;
  const seed = Number(process.env["WBSYNC_TEST_SEED"] ?? Date.now() % 2 ** 31);
  t.diagnostic(`WBSYNC_TEST_SEED=${seed}`);
  const random = mulberry32(seed + 1);
  after(() => lab.stop());
  await recordRows(lab.db);
  await lab.deploy({ more: `batch: 200, ${more}` });

  const load = new RandomLoad({ redis: lab.client, seed });
  load.start();
  for (let round = 0; round < rounds; round++) {
    const runner = lab.startRunner();
    await letLive(runner, random, maxMs);
    await runner.kill();
  }
  const runner = await lab.running();
  await load.stop();

  const rows = await lab.compare();
  const states = await assertNoRowWentBack(lab.db, load);
  t.diagnostic(`${load.size} writes, ${rows} rows at the end, ${states} states on the way`);
  assert.ok(
    states > rounds * least,
    `the runner wrote ${states} times only: it was killed too early to prove anything`,
  );
  const { code } = await runner.stop();
  assert.equal(code, 0);
}
