/** The real driver, over TDS; what it sends runs on H2. */
import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { missingForH2, startH2 } from "../support/h2.js";
import { backendOnH2, imitateCatalog } from "../support/h2/mssql.js";
import { h2Lab, KILLS } from "../support/h2-lab.js";
import { Lab } from "../support/lab.js";
import { startRedis } from "../support/redis.js";
import { startTds } from "../support/tds/server.js";

const CREDENTIALS = { user: "wbsync", password: "secret" };

const missing = await missingForH2();

test(
  `SQL Server's driver over TDS: after kill -9 of the runner at ${KILLS} random moments every row equals its hash, and none ever went back`,
  { skip: missing ?? false },
  async (t) => {
    const server = await startH2("MSSQLServer");
    await imitateCatalog(server);
    const tds = await startTds(backendOnH2(server), CREDENTIALS);
    const database = await h2Lab(server, {
      kind: "mssql",
      url: `mssql://${CREDENTIALS.user}:${CREDENTIALS.password}@127.0.0.1:${tds.port}/?encrypt=false`,
      create:
        "CREATE TABLE persons (id nvarchar(200) NOT NULL PRIMARY KEY, first nvarchar(100), last nvarchar(100), age int, v bigint)",
      async stop() {
        await tds.down();
        await server.stop();
      },
    });
    await killRunners(t, new Lab(await startRedis(), database, undefined), KILLS);
  },
);
