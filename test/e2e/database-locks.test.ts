/** Another session holds rows that are to be written: they are waited for, and no row goes back meanwhile. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Lab, startLab } from "../support/lab.js";
import type { DatabaseKind } from "../support/lab-databases.js";
import { waitFor } from "../support/wait.js";
import { openSession, type Session } from "./locks.js";
import { RememberedWrites } from "./remembered-writes.js";
import { assertNoRowWentBack, recordRows } from "./row-history.js";

/** What the two databases say differently. */
interface Dialect {
  readonly name: string;
  readonly args: readonly string[];
  /** A transaction waits for a lock for a second, and no longer. */
  readonly limitWaits: readonly string[];
  /** It waits for as long as it takes. */
  readonly unlimitWaits: readonly string[];
  /** Transactions that wait for a lock. */
  readonly waiting: string;
  /** How many deadlocks there were. */
  readonly deadlocks: string;
  /** Makes a session's transaction one that a deadlock spares. */
  readonly survive: readonly string[];
}

const DIALECTS: Readonly<Record<Exclude<DatabaseKind, "sqlite">, Dialect>> = {
  mysql: {
    name: "MariaDB",
    args: ["--innodb-lock-wait-timeout=1"],
    limitWaits: [],
    unlimitWaits: [],
    waiting: "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    deadlocks:
      "SELECT variable_value AS n FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'",
    // The heavier one survives.
    survive: ["INSERT INTO ballast SELECT seq FROM seq_1_to_5000"],
  },
  postgres: {
    name: "PostgreSQL",
    args: ["deadlock_timeout=2s"],
    limitWaits: ["ALTER SYSTEM SET lock_timeout = '1s'", "SELECT pg_reload_conf()"],
    unlimitWaits: ["ALTER SYSTEM RESET lock_timeout", "SELECT pg_reload_conf()"],
    waiting: "SELECT 1 FROM pg_stat_activity WHERE application_name = 'wbsync' AND wait_event_type = 'Lock'",
    deadlocks: "SELECT deadlocks AS n FROM pg_stat_database WHERE datname = current_database()",
    // The one that looks for a deadlock first is the victim.
    survive: ["SET LOCAL deadlock_timeout = '1min'"],
  },
};

const IDS = Array.from({ length: 100 }, (_, i) => String(i));

for (const [kind, dialect] of Object.entries(DIALECTS) as [keyof typeof DIALECTS, Dialect][]) {
  describe(dialect.name, () => {
    let lab: Lab;
    let writes: RememberedWrites;

    before(async () => {
      lab = await startLab({ database: kind, databaseArgs: dialect.args });
      await lab.db.query("CREATE TABLE ballast (n INT)");
      await recordRows(lab.db);
      await lab.deploy({ more: "partitions: 1," });
      await lab.running();
      writes = new RememberedWrites(lab.client);
    });
    after(() => lab.stop());

    const run = async (statements: readonly string[], on: Pick<Session, "query"> = lab.db) => {
      for (const statement of statements) await on.query(statement);
    };
    const deadlocks = async () => Number((await lab.db.query(dialect.deadlocks))[0]?.["n"]);
    const isWritten = async () => {
      assert.equal(await lab.compare(), IDS.length);
      assert.ok((await assertNoRowWentBack(lab.db, writes)) >= IDS.length);
      assert.equal((await lab.status())?.deadLetters, 0, "a lock is no fault of a row");
    };

    test("rows that another session holds are waited for, and written when they are free", async () => {
      await run(dialect.limitWaits);
      await writes.write(IDS);
      await lab.caughtUp();
      const session = await openSession(lab.db);
      await session.query("UPDATE persons SET v = v WHERE id IN ('7', '70')");
      await writes.write(IDS);
      const { reason } = await waitFor(async () => {
        const status = await lab.status();
        return status?.state === "failing" && status;
      });
      assert.match(String(reason), /lock (wait )?timeout/i);
      await writes.write(IDS.slice(0, 50));
      await session.end();
      await isWritten();
      await run(dialect.unlimitWaits);
    });

    test("a transaction that is the victim of a deadlock is written again", async () => {
      await writes.write(IDS);
      await lab.caughtUp();
      const before = await deadlocks();
      const session = await openSession(lab.db);
      await run(dialect.survive, session);
      await session.query("UPDATE persons SET v = v WHERE id = '99'");
      await lab.ok("pause", "Persons");
      await writes.write(IDS);
      await lab.ok("resume", "Persons");
      await waitFor(async () => (await lab.db.query(dialect.waiting)).length, { everyMs: 5 });
      await session.query("UPDATE persons SET v = v WHERE id = '0'");
      await writes.write(IDS.slice(0, 50));
      await session.end();
      await isWritten();
      await waitFor(async () => (await deadlocks()) > before, {
        what: "the deadlock to be counted",
        timeoutMs: 10_000,
      });
    });
  });
}
