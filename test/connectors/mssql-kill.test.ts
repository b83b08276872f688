/** The real driver, over TDS; what it sends runs on H2. */
import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { RowWatcher } from "../e2e/row-watcher.js";
import { missingForH2, startH2 } from "../support/h2.js";
import { backendOnH2, imitateCatalog } from "../support/h2/mssql.js";
import { Lab } from "../support/lab.js";
import type { LabDatabase } from "../support/lab-databases.js";
import { startRedis } from "../support/redis.js";
import { startTds } from "../support/tds/server.js";

const COLUMNS = ["id", "first", "last", "age", "v"];
const CREDENTIALS = { user: "wbsync", password: "secret" };

const missing = await missingForH2();

test(
  "SQL Server's driver over TDS: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back",
  { skip: missing ?? false },
  async (t) => killRunners(t, new Lab(await startRedis(), await startDatabase(), undefined), 50),
);

/** What the laboratory asks of a database. */
async function startDatabase(): Promise<LabDatabase> {
  const server = await startH2("MSSQLServer");
  await imitateCatalog(server);
  const tds = await startTds(backendOnH2(server), CREDENTIALS);
  const connection = await server.connect();
  await connection.execute(
    "CREATE TABLE persons (id nvarchar(200) NOT NULL PRIMARY KEY, first nvarchar(100), last nvarchar(100), age int, v bigint)",
  );
  await connection.commit();
  const rows = async () => {
    const found = await connection.execute(`SELECT ${COLUMNS.join(", ")} FROM persons`);
    await connection.commit();
    return (found.rows ?? []).map((row) => Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]])));
  };
  const watcher = new RowWatcher(rows);
  return {
    kind: "mssql",
    url: `mssql://${CREDENTIALS.user}:${CREDENTIALS.password}@127.0.0.1:${tds.port}/?encrypt=false`,
    server: undefined,
    other: {
      ...{ connector: `db.table("persons", { primaryKey: "id" })`, rows },
      ...{ watch: () => watcher.start(), watched: () => watcher.stop() },
    },
    query: () => Promise.reject(new Error("rows are read by their watcher")),
    async stop() {
      await watcher.stop().catch(() => undefined);
      connection.destroy();
      await tds.down();
      await server.stop();
    },
  };
}
