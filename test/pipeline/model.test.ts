/**
 * The invariants under random schedules: the real buffers, partitions, writers and checkpoints between a simulated stream and a
 * simulated table, with runners that crash, pause, and come back late. The same model has to notice when a rule is taken away.
 *
 * WBSYNC_MODEL_SEED=<seed> plays one schedule, WBSYNC_MODEL_SCHEDULES=<n> more of them.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { FakeClock } from "./model/clock.js";
import { type Outcome, play, type Variant } from "./model/play.js";

const clock = new FakeClock();
before(() => clock.install());
after(() => clock.uninstall());

const SCHEDULES = Number(process.env.WBSYNC_MODEL_SCHEDULES ?? 1500);

async function playAll(variant: Variant, schedules: number): Promise<Map<number, Outcome>> {
  const failures = new Map<number, Outcome>();
  const seeds = process.env.WBSYNC_MODEL_SEED
    ? [Number(process.env.WBSYNC_MODEL_SEED)]
    : Array.from({ length: schedules }, (_, i) => i + 1);
  for (const seed of seeds) {
    const outcome = await play(seed, variant, clock);
    if (Object.values(outcome).some((problem) => problem !== undefined)) failures.set(seed, outcome);
  }
  return failures;
}

const count = (outcomes: Map<number, Outcome>, what: keyof Outcome) =>
  [...outcomes.values()].filter((outcome) => outcome[what] !== undefined).length;

test("table and cache end up equal, no row goes back, and nothing is acknowledged too soon, whatever crashes or comes late", async () => {
  const failures = await playAll({}, SCHEDULES);
  assert.deepEqual([...failures].slice(0, 5), [], `${failures.size} of ${SCHEDULES} schedules failed (seed, outcome)`);
});

test("the model notices when a checkpoint's low is the last offset written", async () => {
  const failures = await playAll(
    {
      store: (checkpoint, { upserts, deletes }) => {
        const rows = [...upserts.flatMap((upsert) => upsert.rows), ...deletes];
        return { ...checkpoint, low: Math.max(checkpoint.low, ...rows.map(({ offset }) => offset)) };
      },
    },
    100,
  );
  assert.ok(count(failures, "diverged") > 0);
});

test("the model notices when nobody waits for the newest offset that a row reflects", async () => {
  const failures = await playAll(
    { store: (checkpoint) => ({ ...checkpoint, high: checkpoint.low }), readOffset: (captured) => captured },
    100,
  );
  assert.ok(count(failures, "wentBack") > 0);
});

test("the model notices when tokens are ignored", async () => {
  const failures = await playAll({ ignoresTokens: true }, 100);
  assert.ok(count(failures, "wentBack") + count(failures, "diverged") > 0);
});

test("the model notices when what is captured is acknowledged", async () => {
  const failures = await playAll({ acknowledgesCaptured: true }, 20);
  assert.ok(count(failures, "tooSoon") > 0);
});
