/** "No runner is alive": said where no runner follows this registry, whatever runs beside it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CHANGED } from "../../src/redis/keys.js";
import { project, recipeSource, startWbsync, wbsync } from "../support/cli.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

let redis: RedisServer;
const dir = project({ "persons.ts": recipeSource() });
const WARNING = /no runner is alive/;

/** What a deploy says. */
async function deploy(...flags: string[]): Promise<string> {
  const args = ["deploy", "persons.ts", "--no-check", "--force", ...flags];
  const { code, stderr } = await wbsync(args, { cwd: dir, env: { REDIS_URL: redis.url } });
  assert.equal(code, 0, stderr);
  return stderr;
}

before(async () => {
  redis = await startRedis({ acl: ["deployer on >pass-word ~* &* +@all -client|list"] });
});
after(() => redis.stop());

test("a runner of another database number is no runner of this one", async (t) => {
  const client = redis.client();
  for (const [db, runners] of [
    [0, 1],
    [2, 2],
  ] as const) {
    const runner = startWbsync(["run", "--db", String(db)], { cwd: dir, env: { REDIS_URL: redis.url } });
    t.after(() => runner.stop("SIGKILL"));
    const followers = async () => (await client.pubsub("NUMSUB", CHANGED))[1];
    await waitFor(async () => (await followers()) === runners, { what: `the runner of database ${db}` });
    assert.doesNotMatch(await deploy("--db", String(db)), WARNING);
    assert.match(await deploy("--db", "1"), WARNING);
  }
});

test("who may not list clients is told what the channel tells", async (t) => {
  const credentials = ["--user", "deployer", "--password", "pass-word"];
  assert.match(await deploy("--db", "1", ...credentials), WARNING);
  const runner = startWbsync(["run"], { cwd: dir, env: { REDIS_URL: redis.url } });
  t.after(() => runner.stop("SIGKILL"));
  await waitFor(async () => (await redis.client().pubsub("NUMSUB", CHANGED))[1] === 1, { what: "the runner" });
  assert.doesNotMatch(await deploy("--db", "1", ...credentials), WARNING);
});
