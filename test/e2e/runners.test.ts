/** Two runners of one recipe: one works, the other stands by and takes over. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { waitFor } from "../support/wait.js";
import { RandomLoad } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

let lab: Lab;
let first: LabRunner;
let second: LabRunner;
let third: LabRunner;
let load: RandomLoad;

before(async () => {
  lab = await startLab();
  await recordRows(lab.db);
  await lab.deploy();
  first = await lab.running();
  load = new RandomLoad({ redis: lab.client, seed: 7 });
  load.start();
});
after(() => lab.stop());

const standsBy = (runner: LabRunner, times = 1): Promise<unknown> =>
  waitFor(() => runner.stderr().split("standby").length > times, { what: "the runner to stand by" });

test("the one that starts later stands by", async () => {
  second = lab.startRunner();
  await standsBy(second);
  assert.equal((await lab.listed())["state"], "running");
});

test("it takes over when the first is killed", async () => {
  await first.kill();
  await second.is("running");
});

test("it takes over when the first ends in good order", async () => {
  third = lab.startRunner();
  await standsBy(third);
  assert.equal((await second.stop()).code, 0);
  await third.is("running");
});

test("a runner that was asleep and wakes up late is refused", async () => {
  process.kill(third.child.pid as number, "SIGSTOP");
  const other = await lab.running();
  process.kill(third.child.pid as number, "SIGCONT");
  await standsBy(third);
  const ended = await third.stop();
  assert.equal(ended.code, 0);
  assert.doesNotMatch(ended.stderr, /could not be written/);
  await load.stop();
  await lab.compare();
  await assertNoRowWentBack(lab.db, load);
  assert.equal((await other.stop()).code, 0);
});
