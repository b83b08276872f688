import assert from "node:assert/strict";
import { test } from "node:test";
import { loadDriver, within } from "../../../src/connectors/sql/driver.js";
import { UserError, WbsyncError } from "../../../src/errors.js";

const limits = (ms: number, signal = new AbortController().signal, cut: () => void = () => undefined) => ({
  ...{ ms, what: "No answer", cut, signal },
});

test("a driver that is not installed is named with the command that installs it", async () => {
  const name = "wbsync-driver-that-nobody-has";
  await assert.rejects(
    loadDriver(name, () => import(name)),
    (error: unknown) => {
      assert.ok(error instanceof UserError && error.code === "DRIVER_MISSING");
      assert.equal(error.hint, `Run: npm install ${name}`);
      return true;
    },
  );
});

test("a wait ends with the work, with its time, or with the connection", async () => {
  assert.equal(await within(Promise.resolve(7), limits(1000)), 7);
  await assert.rejects(within(Promise.reject(new Error("broken")), limits(1000)), /broken/);

  let cuts = 0;
  const never = new Promise<never>(() => undefined);
  await assert.rejects(
    within(
      never,
      limits(1, undefined, () => cuts++),
    ),
    (error: unknown) => error instanceof WbsyncError && error.code === "TIMEOUT",
  );
  assert.equal(cuts, 1);

  const connection = new AbortController();
  const waiting = within(never, limits(60_000, connection.signal));
  connection.abort();
  await assert.rejects(waiting, { code: "DATABASE_UNREACHABLE" });
  await assert.rejects(within(never, limits(60_000, connection.signal)), { code: "DATABASE_UNREACHABLE" });
});
