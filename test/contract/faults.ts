/** The server gone, the connection cut, the network silent, the sign-in refused. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WbsyncError } from "../../src/errors.js";
import { waitFor } from "../support/wait.js";
import { checkpoint, Fixture, NEVER, type Harness, type TableSpec } from "./harness.js";

const SPEC: TableSpec = {
  columns: [
    ["id", "int64"],
    ["name", "varchar(20)"],
  ],
  primaryKey: ["id"],
};

/** Faults that need no harm to the server. */
export function waits(harness: () => Harness): void {
  test("an abort ends a write that waits, and the sink can be opened again", async (t) => {
    if (harness().capabilities.holds === false) return t.skip("nothing can be held here");
    const table = await Fixture.open(t, harness(), SPEC);
    await table.set({ id: "1", name: "a" });
    const release = await harness().hold(table.name);
    t.after(release);
    const abort = new AbortController();
    const move = { partition: 0, from: table.token, to: checkpoint(0, "next") };
    const writing = table.sink.write(table.batch([{ id: "1", name: "b" }]), [move], abort.signal);
    setTimeout(() => abort.abort(), 100);
    const { kind } = await table.failure(() => writing);
    assert.equal(kind, "retry");
    await release();
    // The server may take a moment to notice that nobody waits any more.
    await waitFor(() => table.open().then(() => true));
    await waitFor(async () => {
      await table.open();
      await table.set({ id: "1", name: "c" });
      return true;
    });
    assert.deepEqual(await table.rows(), [{ id: "1", name: "c" }]);
  });

  test("an abort before the start writes nothing and connects to nothing", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    const aborted = AbortSignal.abort();
    assert.equal(
      (await table.failure(() => table.sink.write(table.batch([{ id: "1", name: "a" }]), [], aborted))).kind,
      "retry",
    );
    assert.equal((await table.failure(() => table.sink.open(aborted))).kind, "retry");
    await table.open();
    assert.deepEqual(await table.rows(), []);
  });

  test("a closed sink refuses to write, may be closed again, and can be opened again", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    await table.sink.close();
    await table.sink.close();
    assert.equal((await table.failure(() => table.set({ id: "1", name: "a" }))).kind, "retry");
    await table.open();
    await table.set({ id: "1", name: "a" });
    assert.equal((await table.rows()).length, 1);
  });
}

/** Servers only. */
export function signIn(harness: () => Harness): void {
  test("wrong credentials are for a person to mend, fresh ones are asked for at every attempt, and none is shown", async (t) => {
    const { user = "", password = "" } = harness();
    const secret = `wrong-${randomUUID()}`;
    const given = { user, password: secret };
    const asked: string[] = [];
    const connection = {
      user: () => given.user,
      password: async () => {
        asked.push(given.password);
        return given.password;
      },
    };
    const name = `${harness().prefix}signin`;
    await harness().createTable(name, SPEC);
    t.after(() => harness().drop(name));
    const table = new Fixture(harness(), name, SPEC, { connection });
    t.after(() => table.sink.close());
    const { error, kind } = await table.failure(() => table.open());
    assert.equal(kind, "fatal");
    assert.ok(error instanceof WbsyncError && error.code === "DATABASE_MISCONFIGURED", String(error));
    assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, new RegExp(secret));
    given.password = password;
    await table.open();
    await table.set({ id: "1", name: "a" });
    assert.deepEqual(asked, [secret, password]);
  });

  test("a port where nobody listens is unreachable, and may be tried again", async (t) => {
    const table = new Fixture(harness(), "any", SPEC, { connection: { port: 1 } });
    t.after(() => table.sink.close());
    const { error, kind } = await table.failure(() => table.open());
    assert.equal(kind, "retry");
    assert.ok(error instanceof WbsyncError && error.code === "DATABASE_UNREACHABLE", String(error));
    assert.match(error.message, /:1\b.* cannot be reached.*ECONNREFUSED/);
  });

  test("a statement that is not answered in its time ends, and may be tried again", async (t) => {
    if (harness().capabilities.holds === false) return t.skip("nothing can be held here");
    const table = await Fixture.open(t, harness(), SPEC, { connection: { statementTimeoutMs: 1000 } });
    await table.set({ id: "1", name: "a" });
    const release = await harness().hold(table.name);
    t.after(release);
    assert.equal((await table.failure(() => table.set({ id: "1", name: "b" }))).kind, "retry");
    await release();
    await waitFor(async () => {
      await table.open();
      await table.set({ id: "1", name: "c" });
      return true;
    });
    assert.deepEqual(await table.rows(), [{ id: "1", name: "c" }]);
  });
}

/** A private server that may be harmed. */
export function harm(harness: () => Harness): void {
  const server = () => harness().server!;

  test("a server that went away before a write is tried again, and goes on when it is back", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    await table.set({ id: "1", name: "a" });
    for (const end of [() => server().kill(), () => server().shutdown()]) {
      await end();
      try {
        assert.equal((await table.failure(() => table.set({ id: "1", name: "b" }))).kind, "retry");
        const { error, kind } = await table.failure(() => table.open());
        assert.equal(kind, "retry");
        assert.ok(error instanceof WbsyncError && error.code === "DATABASE_UNREACHABLE", String(error));
      } finally {
        await server().start();
      }
      assert.deepEqual(await table.rows(), [{ id: "1", name: "a" }]);
      await table.open();
      await table.set({ id: "1", name: "a" }, { id: "2", name: "c" });
      await table.write(table.batch([], [{ id: "2" }]));
    }
  });

  test("a connection cut in the middle of a transaction is tried again, and nothing of it stays", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    await table.set({ id: "1", name: "a" });
    for (const cut of [() => server().cutConnections(), () => server().kill()]) {
      const before = table.token;
      const release = await harness().hold(table.name);
      t.after(release);
      const rows = [
        { id: "0", name: "z" },
        { id: "1", name: "b" },
      ];
      const failing = table.failure(() => table.set(...rows));
      // Long enough for the killed server to be waiting for the row; if it is not yet, it is killed a little earlier.
      await sleep(100);
      await cut();
      assert.equal((await failing).kind, "retry");
      await server().start();
      await release();
      const { checkpoints } = await table.open();
      assert.equal(checkpoints[0]?.token, before);
      assert.deepEqual(await table.rows(), [{ id: "1", name: "a" }]);
    }
    await table.set({ id: "1", name: "c" });
    assert.deepEqual(await table.rows(), [{ id: "1", name: "c" }]);
  });

  test("what was committed survives a server that is killed, and the stored token tells what became of the rest", async (t) => {
    const table = await Fixture.open(t, harness(), SPEC);
    await table.set({ id: "1", name: "0" });
    let last = 0;
    for (let round = 0; round < 5; round++) {
      const tokens = new Map<string | undefined, number>([[table.token, last]]);
      const killed = sleep(20 + round * 15).then(() => server().kill());
      let token = table.token;
      try {
        for (;;) {
          const next = randomUUID();
          tokens.set(next, last + 1);
          const move = { partition: 0, from: token, to: checkpoint(0, next, last + 1) };
          await table.sink.write(table.batch([{ id: "1", name: String(last + 1) }]), [move], NEVER);
          last++;
          token = next;
        }
      } catch (error) {
        assert.equal(table.sink.classify(error), "retry", String(error));
      }
      await killed;
      await server().start();
      await table.open();
      const stored = tokens.get(table.token);
      assert.ok(stored === last || stored === last + 1, `committed ${last}, and the token says ${stored}`);
      last = stored;
      const rows = await table.rows();
      const isAhead = harness().capabilities.atomic === false && rows[0]?.["name"] === String(last + 1);
      assert.deepEqual(rows, [{ id: "1", name: String(isAhead ? last + 1 : last) }]);
    }
  });
}
