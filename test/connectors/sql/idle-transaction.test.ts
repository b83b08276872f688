/** A runner that is stopped in the middle of a transaction must not keep its successor from the checkpoint for ever. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MYSQL, MysqlDatabase } from "../../../src/connectors/mysql/session.js";
import { POSTGRES, PostgresDatabase } from "../../../src/connectors/postgres/session.js";
import type { Database, Steps } from "../../../src/connectors/sql/database.js";
import { serverOptions } from "../../../src/connectors/sql/server-options.js";
import { startMariadb } from "../../support/mariadb.js";
import { startPostgres } from "../../support/postgres.js";

interface Server {
  readonly url: string;
  query(sql: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

const DATABASES: readonly [string, () => Promise<Server>, (url: string) => Pick<Database, "connect" | "classify">][] = [
  ["MariaDB", startMariadb, (url) => new MysqlDatabase(serverOptions(MYSQL, url))],
  ["PostgreSQL", startPostgres, (url) => new PostgresDatabase(serverOptions(POSTGRES, url))],
];

/** Nothing of this process moves meanwhile, as under SIGSTOP. */
function stopFor(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

for (const [name, start, databaseAt] of DATABASES) {
  test(`${name} rolls back a transaction whose writer has been stopped for long`, async (t) => {
    const server = await start();
    t.after(() => server.stop());
    await server.query("CREATE TABLE place (id INT PRIMARY KEY, token INT)");
    await server.query("INSERT INTO place VALUES (1, 1)");
    const database = databaseAt(server.url);
    const session = await database.connect(new AbortController().signal);
    const steps = function* (): Steps {
      yield { sql: "UPDATE place SET token = 2", params: [] };
      stopFor(12_000);
      yield { sql: "UPDATE place SET token = 3", params: [] };
    };
    const error = await session.transact([steps()]).then(
      () => assert.fail("the transaction went on"),
      (failure: unknown) => failure,
    );
    assert.equal(
      (error as { code?: string }).code === "DATABASE_UNREACHABLE" || database.classify(error, []) === "retry",
      true,
    );
    assert.equal(Number((await server.query("SELECT token FROM place"))[0]?.["token"]), 1);
    session.cut();
  });
}
