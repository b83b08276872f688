/** `wbsync deploy` and what looks after registrations, as processes against a real Redis. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { project, recipeSource, wbsync } from "../support/cli.js";
import { type RedisServer, startRedis } from "../support/redis.js";

let redis: RedisServer;
const dir = project({ "persons.ts": recipeSource(), "persons-1.1.ts": recipeSource({ version: "1.1.0" }) });
const run = async (...args: string[]) => await wbsync(args, { cwd: dir, env: { REDIS_URL: redis.url } });

/** Deploys without the compiler, which takes a second. */
const deploy = async (file: string, ...args: string[]) => await run("deploy", file, "--no-check", ...args);

before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());
beforeEach(() => redis.client().flushall());

test("deploy registers a recipe, and list shows it as stopped while nobody runs it", async () => {
  const deployed = await run("deploy", "persons.ts");
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.equal(deployed.stdout, "Persons 1.0.0 is deployed\n");
  assert.match(deployed.stderr, /no runner is alive/);

  const listed = await run("list", "--json");
  assert.equal(listed.stderr, "");
  const [recipe] = JSON.parse(listed.stdout) as Record<string, unknown>[];
  const { name, version, keysPrefix, connector, table, state, reason } = recipe!;
  assert.deepEqual(
    { name, version, keysPrefix, connector, table, state, reason },
    {
      ...{ name: "Persons", version: "1.0.0", keysPrefix: "person", connector: "mysql", table: "persons" },
      ...{ state: "stopped", reason: "no runner has taken it up" },
    },
  );
});

test("the table of list names every recipe on one line", async () => {
  await deploy("persons.ts");
  const { stdout } = await run("list");
  const [head, line, ...rest] = stdout.trimEnd().split("\n");
  assert.match(head!, /^NAME +VERSION +PREFIX +CONNECTOR +TABLE +STATE/);
  assert.match(line!, /^Persons +1\.0\.0 +person +mysql +persons +stopped/);
  assert.deepEqual(rest, []);
});

test("list of an empty registry prints an empty array for programs and a hint for people", async () => {
  assert.deepEqual(JSON.parse((await run("list", "--json")).stdout), []);
  const { stdout, stderr } = await run("list");
  assert.equal(stdout, "");
  assert.match(stderr, /wbsync deploy/);
});

test("a newer version replaces the older one, and an older or equal one is refused with both named", async () => {
  await deploy("persons.ts");
  assert.match((await deploy("persons-1.1.ts")).stdout, /Persons 1\.1\.0 is deployed \(before: 1\.0\.0\)/);
  for (const file of ["persons.ts", "persons-1.1.ts"]) {
    const refused = await deploy(file);
    assert.equal(refused.code, 1);
    assert.equal(refused.stdout, "");
    assert.match(refused.stderr, /Version 1\.[01]\.0 .*not newer than 1\.1\.0/);
    assert.match(refused.stderr, /--force/);
  }
  const forced = await deploy("persons.ts", "--force", "--json");
  assert.equal(forced.code, 0, forced.stderr);
  const [outcome] = JSON.parse(forced.stdout) as Record<string, unknown>[];
  assert.equal(outcome!.action, "replaced");
  assert.equal(outcome!.from, "1.1.0");
});

test("99.99.99 always replaces", async () => {
  writeFileSync(join(dir, "always.ts"), recipeSource({ version: "99.99.99" }));
  for (let attempt = 0; attempt < 2; attempt++) assert.equal((await deploy("always.ts")).code, 0);
});

test("--dry-run shows what would change, and changes nothing", async () => {
  const planned = await deploy("persons.ts", "--dry-run");
  assert.equal(planned.stdout, "Persons 1.0.0 would be deployed\n");
  assert.deepEqual(JSON.parse((await run("list", "--json")).stdout), []);
  await deploy("persons.ts");
  const refused = await deploy("persons.ts", "--dry-run");
  assert.equal(refused.code, 1);
});

test("one bundle holds several recipes, and all of them are registered or none", async () => {
  const two = `export * from "./persons-1.1.js"; export { default } from "./persons-1.1.js"; export { other } from "./other.js";`;
  writeFileSync(join(dir, "two.ts"), two);
  writeFileSync(
    join(dir, "other.ts"),
    recipeSource({ name: "Other" }).replace("export default", "export const other ="),
  );
  assert.match((await deploy("two.ts")).stdout, /Persons 1\.1\.0.*\nOther 1\.0\.0/);
  await run("undeploy", "Other");
  const refused = await deploy("two.ts");
  assert.equal(refused.code, 1);
  const names = (JSON.parse((await run("list", "--json")).stdout) as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names, ["Persons"]);
});

test("type errors are shown with file and line, and deploy nothing", async () => {
  writeFileSync(join(dir, "typo.ts"), recipeSource({ more: "btach: 10," }));
  const refused = await run("deploy", "typo.ts");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /typo\.ts:\d+:\d+ - error TS\d+: /);
  assert.match(refused.stderr, /btach/);
});

test("an invalid recipe is refused with its name, the option, what was given and what is allowed", async () => {
  writeFileSync(join(dir, "invalid.ts"), recipeSource({ more: "batch: 0," }));
  const refused = await deploy("invalid.ts");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Persons/);
  assert.match(refused.stderr, /batch/);
  assert.match(refused.stderr, /100000/);
});

test("deploy warns where Redis may evict what wbsync keeps in it", async () => {
  const client = redis.client();
  await client.config("SET", "maxmemory-policy", "allkeys-lru");
  const deployed = await deploy("persons.ts");
  await client.config("SET", "maxmemory-policy", "noeviction");
  assert.equal(deployed.code, 0);
  assert.match(deployed.stderr, /maxmemory-policy is allkeys-lru/);
});

test("deploy --wait fails when no runner takes over in time", async () => {
  const waited = await deploy("persons.ts", "--wait", "1");
  assert.equal(waited.code, 1);
  assert.match(waited.stderr, /did not take over version 1\.0\.0/);
});

test("show, versions and rollback know the versions of a recipe", async () => {
  await deploy("persons.ts");
  await deploy("persons-1.1.ts");
  assert.match((await run("show", "Persons")).stdout, /^version +1\.1\.0$/m);
  const shown = JSON.parse((await run("show", "Persons", "--json")).stdout) as { revision: number; state: string };
  assert.equal(shown.state, "stopped");
  const versions = JSON.parse((await run("versions", "Persons", "--json")).stdout) as { version: string }[];
  assert.deepEqual(
    versions.map(({ version }) => version),
    ["1.1.0", "1.0.0"],
  );
  assert.match((await run("versions", "Persons")).stdout, /^1\.1\.0 .* active$/m);
  assert.match((await run("rollback", "Persons")).stdout, /Persons 1\.0\.0 is active again \(before: 1\.1\.0\)/);
  const unknown = await run("rollback", "Persons", "7.0.0");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no version 7\.0\.0/);
});

test("an unknown recipe is an error that suggests the right name", async () => {
  await deploy("persons.ts");
  for (const verb of ["show", "undeploy", "versions", "rollback", "pause", "resume", "export"]) {
    const failed = await run(verb, "Person");
    assert.equal(failed.code, 1, verb);
    assert.equal(failed.stdout, "", verb);
    assert.match(failed.stderr, /There is no recipe "Person"[\s\S]*Did you mean "Persons"/, verb);
  }
});

test("undeploy removes the registration", async () => {
  await deploy("persons.ts");
  const removed = await run("undeploy", "Persons", "--json");
  assert.deepEqual(JSON.parse(removed.stdout), { name: "Persons", version: "1.0.0", buffered: 0 });
  assert.deepEqual(JSON.parse((await run("list", "--json")).stdout), []);
});

test("pause and resume say so where no runner is alive", async () => {
  await deploy("persons.ts");
  const paused = await run("pause", "Persons");
  assert.equal(paused.code, 0);
  assert.equal(paused.stdout, "Persons is paused\n");
  assert.match(paused.stderr, /no runner/);
  assert.equal((await run("resume", "Persons")).stdout, "Persons is active\n");
});

test("what export wrote, import registers on another server", async () => {
  await deploy("persons-1.1.ts");
  const exported = await run("export", "Persons");
  writeFileSync(join(dir, "persons.json"), exported.stdout);
  await redis.client().flushall();
  assert.match((await run("import", "persons.json")).stdout, /Persons 1\.1\.0 is deployed/);
  assert.equal((await run("import", "persons.json")).code, 1);
  const piped = await wbsync(["import", "-", "--force"], { env: { REDIS_URL: redis.url }, input: exported.stdout });
  assert.equal(piped.code, 0, piped.stderr);
  const broken = await wbsync(["import", "-"], { env: { REDIS_URL: redis.url }, input: "{}" });
  assert.equal(broken.code, 1);
});
