/** What the program loads: no driver before a recipe needs it, and a missing one is named with what installs it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import { EXTERNAL_PACKAGES } from "../../src/recipe/externals.js";
import { project, startWbsync, wbsync } from "../support/cli.js";
import { tempDir } from "../support/process.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

const HOOKS = `--import ${pathToFileURL("test/support/modules.mjs").href}`;
/** ioredis is how wbsync talks to its own Redis. */
const DRIVERS = EXTERNAL_PACKAGES.filter((name) => name !== "ioredis");
const HEAVY = ["typescript", "esbuild", "inquirer", "pino-pretty", "prom-client"];

let redis: RedisServer;
before(async () => {
  redis = await startRedis();
});
after(() => redis?.stop());

/** Starts a runner, and tells what it has loaded so far. */
function startRunner(t: TestContext, dir: string, env: Readonly<Record<string, string>> = {}) {
  const file = join(tempDir("wbsync-modules"), "modules");
  const runner = startWbsync(["run", "--log-format", "json"], {
    cwd: dir,
    env: { REDIS_URL: redis.url, NODE_OPTIONS: HOOKS, WBSYNC_TEST_MODULES: file, ...env },
  });
  t.after(() => runner.stop());
  const loaded = (names: readonly string[]) => {
    const urls = readFileSync(file, "utf8").split("\n");
    return names.filter((name) => urls.some((url) => url.includes(`/node_modules/${name}/`)));
  };
  return { runner, loaded, said: (what: RegExp) => waitFor(() => what.test(runner.stderr())) };
}

test("a runner is at work without any driver, and loads the one that a recipe needs", async (t) => {
  const dir = project({
    "recipe.ts": `import { sqlite, writeBehind } from "wbsync";
      export default writeBehind({ name: "Persons", version: "1.0.0", keysPrefix: "person",
        connector: sqlite({ file: "data.sqlite" }).table("persons", { primaryKey: "id" }), mappings: { name: "name" } });`,
  });
  const database = new DatabaseSync(join(dir, "data.sqlite"));
  database.exec("CREATE TABLE persons (id TEXT PRIMARY KEY, name TEXT)");
  database.close();
  const { loaded, said } = startRunner(t, dir);
  await said(/reads from/);
  assert.deepEqual(loaded(["ioredis"]), ["ioredis"]);
  assert.deepEqual(loaded([...DRIVERS, ...HEAVY]), []);
  const deployed = await wbsync(["deploy", "recipe.ts", "--wait", "--no-check"], {
    cwd: dir,
    env: { REDIS_URL: redis.url },
  });
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.deepEqual(loaded(DRIVERS), ["@photostructure/sqlite"]);
});

const MISSING = {
  "cassandra-driver": 'cassandra({ contactPoints: ["127.0.0.1"], localDataCenter: "dc1", keyspace: "k" }).table',
  mongodb: 'mongodb({ host: "127.0.0.1", database: "d" }).collection',
  mssql: 'mssql({ server: "127.0.0.1", database: "d" }).table',
  oracledb: 'oracle({ connectString: "127.0.0.1/s", user: "u", password: "p" }).table',
  "snowflake-sdk": 'snowflake({ account: "a", user: "u", password: "p" }).table',
} as const;

test("where drivers are missing, the commands that install them are named", async (t) => {
  await redis.client().flushall();
  const recipes = Object.values(MISSING).map((connector) => {
    const name = connector.slice(0, connector.indexOf("("));
    return `export const ${name}Recipe = wbsync.writeBehind({ name: "${name}", version: "1.0.0", keysPrefix: "person",
      connector: wbsync.${connector}("persons", { primaryKey: "id" }), mappings: { name: "name" } });`;
  });
  const dir = project({ "recipe.ts": `import * as wbsync from "wbsync";\n${recipes.join("\n")}` });
  const { said } = startRunner(t, dir, { WBSYNC_TEST_MISSING: Object.keys(MISSING).join(" ") });
  await said(/reads from/);
  const options = { cwd: dir, env: { REDIS_URL: redis.url } };
  const deployed = await wbsync(["deploy", "recipe.ts", "--no-check"], options);
  assert.equal(deployed.code, 0, deployed.stderr);
  for (const [driver, connector] of Object.entries(MISSING)) {
    await said(new RegExp(`The driver .*${driver}.* is not installed[\\s\\S]*npm install ${driver}`));
    const name = connector.slice(0, connector.indexOf("("));
    await waitFor(async () => (await wbsync(["show", name], options)).stdout.includes(`npm install ${driver}`));
  }
});
