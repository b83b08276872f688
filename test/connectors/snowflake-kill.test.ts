/** Over the emulator of Snowflake. */
import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { named, PERSONS_COLUMNS, PERSONS_TABLE, watchedDatabase } from "../e2e/watched-database.js";
import { missingForFakesnow, startFakesnow } from "../support/fakesnow.js";
import { Lab } from "../support/lab.js";
import { type LabDatabase, PERSONS } from "../support/lab-databases.js";
import { startRedis } from "../support/redis.js";
import { snowflakeSession } from "../support/snowflake-session.js";

const missing = await missingForFakesnow();

test(
  "Snowflake, emulated: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back",
  { skip: missing ?? false },
  async (t) => {
    const lab = new Lab(await startRedis(), await startDatabase(), undefined);
    await killRunners(t, lab, 50, { more: "duration: 10, partitions: 2,", states: 5 });
  },
);

/** What the laboratory asks of a database. */
async function startDatabase(): Promise<LabDatabase> {
  // A runner that was killed leaves its transaction behind; Snowflake takes five minutes to roll it back.
  const server = await startFakesnow({ idleSeconds: 1 });
  const url = `snowflake://U:p@fakesnow/TEST/PUBLIC?accessUrl=${encodeURIComponent(server.accessUrl)}`;
  // The emulator refuses a second call on a connection, where Snowflake lets it wait: the watcher has its own.
  const [session, watching] = await Promise.all([snowflakeSession({ url }), snowflakeSession({ url })]);
  await session.query(PERSONS);
  const rowsOver = (one: typeof session) => async () =>
    named(await one.query(`SELECT ${PERSONS_COLUMNS.join(", ")} FROM persons`));
  return watchedDatabase({
    ...{ kind: "snowflake", url, connector: PERSONS_TABLE, rows: rowsOver(session), watching: rowsOver(watching) },
    async stop() {
      await Promise.all([session.close(), watching.close()]);
      await server.stop();
    },
  });
}
