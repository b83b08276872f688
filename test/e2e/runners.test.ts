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

test("the one that starts later takes over, and the other stands by", async () => {
  second = await lab.running();
  await waitFor(() => first.stderr().includes("standby"), { what: "the first runner to stand by" });
});

test("the one that stands by takes over when the other is killed", async () => {
  await second.kill();
  await first.is("running");
});

test("it takes over at once when the other ends in good order", async () => {
  const third = await lab.running();
  await waitFor(() => first.stderr().split("standby").length > 2, { what: "the first runner to stand by again" });
  const { code } = await third.stop();
  assert.equal(code, 0);
  await first.is("running");
});

test("a runner that was asleep and wakes up late is refused", async () => {
  process.kill(first.child.pid as number, "SIGSTOP");
  const other = await lab.running();
  await lab.client.hset("person:while-asleep", { first_name: "Ann", v: 1 });
  process.kill(first.child.pid as number, "SIGCONT");
  await waitFor(() => first.stderr().split("standby").length > 3, {
    what: "the first runner to stand by a third time",
  });
  await first.stop();
  await load.stop();
  await lab.compare();
  await assertNoRowWentBack(lab.db, load);
  assert.equal((await other.stop()).code, 0);
});
