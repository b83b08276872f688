/** The database goes away under load, and comes back; the test files say which. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Lab, startLab } from "../support/lab.js";
import type { DatabaseKind } from "../support/lab-databases.js";
import { waitFor } from "../support/wait.js";
import { cutWaiting, openSession } from "./locks.js";
import { RandomLoad } from "./random-load.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

/** How long the database is away; WBSYNC_TEST_OUTAGE_MS makes it shorter where time is dear. */
const OUTAGE_MS = Number(process.env["WBSYNC_TEST_OUTAGE_MS"] ?? 20_000);

/** Declares the tests. */
export function outageTests(database: "mysql" | "postgres", name: string): void {
  let lab: Lab;
  let load: RandomLoad;

  before(async () => {
    lab = await startLab({ database: database satisfies DatabaseKind });
    await recordRows(lab.db);
    await lab.deploy();
    await lab.running();
    load = new RandomLoad({ redis: lab.client, seed: Date.now() });
  });
  after(() => lab.stop());

  const assertEqual = async () => {
    await load.stop();
    assert.ok((await lab.compare()) > 0);
    await assertNoRowWentBack(lab.db, load);
  };

  test(`${name} stopped for ${OUTAGE_MS / 1000} s under load: nothing is lost, nothing goes back`, async () => {
    load.start();
    await sleep(500);
    await lab.db.server!.shutdown();
    const away = sleep(OUTAGE_MS);
    await waitFor(async () => (await lab.status())?.state === "failing", { what: "list to say that it is failing" });
    const { state, reason } = await lab.listed();
    assert.equal(state, "failing");
    assert.match(String(reason), /ECONNREFUSED|cannot be reached|shutdown|terminat|lost|closed/i);
    await away;
    await lab.db.server!.start();
    await waitFor(async () => (await lab.status())?.state === "running", { what: "the recipe to go on by itself" });
    await sleep(500);
    await assertEqual();
  });

  test(`${name} killed with SIGKILL under load: what was acknowledged is there`, async () => {
    load.start();
    for (let round = 0; round < 2; round++) {
      await sleep(500);
      await lab.db.server!.kill();
      await sleep(300);
      await lab.db.server!.start();
    }
    await assertEqual();
  });

  test(`${name}: a connection cut in the middle of a transaction loses and repeats nothing`, async () => {
    load.start();
    for (let round = 0; round < 10; round++) {
      const session = await openSession(lab.db);
      await session.query(`SELECT id FROM persons WHERE id = '${round}' FOR UPDATE`);
      await waitFor(() => cutWaiting(lab.db), { what: "a transaction that waits", everyMs: 5 });
      await session.end();
      await sleep(50);
    }
    await assertEqual();
  });
}
