/** What a recipe's own code may expect of the runner in which it lives. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startLab } from "../support/lab.js";
import { waitFor } from "../support/wait.js";

test("what a recipe keeps in variables outlives attempts that fail: a list of places, and whose turn it is", async () => {
  const lab = await startLab({ database: "sqlite" });
  after(() => lab.stop());
  const places = JSON.stringify(["/nowhere/a.db", "/nowhere/b.db", lab.db.url]);
  const head = `let turn = 0;\nconst places = ${places};`;
  await lab.deploy({
    head,
    connection: "{ file: async () => places[turn++ % places.length]! }",
    more: "partitions: 1,",
  });
  const runner = lab.startRunner();
  const { code, reason } = await runner.is("failing");
  assert.equal(code, "DATABASE_MISCONFIGURED");
  assert.match(String(reason), /nowhere/);
  await runner.is("running");
  await lab.client.hset("person:1", { first_name: "Ann" });
  assert.equal(await lab.compare(), 1);
});

test("a version that was loaded once is carried out also where its bundle has gone since", async () => {
  const lab = await startLab({ database: "sqlite" });
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  await lab.client.del("wbsync:bundles");
  await waitFor(() => /had vanished from Redis and was put back/.test(runner.stderr()));
  await lab.deploy({ version: "1.1.0" }, "--wait");
  await lab.client.hset("person:1", { first_name: "Ann" });
  assert.equal(await lab.compare(), 1);
});
