/** `wbsync run` and the commands that wait for a runner, as processes: a real Redis, and SQLite as the database. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseSync } from "@photostructure/sqlite";
import { BUNDLES, STATUS } from "../../src/redis/keys.js";
import type { Status } from "../../src/registry/types.js";
import { type RunningCli, startWbsync, WBSYNC, wbsync } from "../support/cli.js";
import { freePort, tempDir } from "../support/process.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

let redis: RedisServer;
let dir: string;
let database: InstanceType<typeof DatabaseSync>;
const runners: RunningCli[] = [];

const run = async (...args: string[]) => await wbsync(args, { cwd: dir, env: { REDIS_URL: redis.url } });
const deploy = async (file: string, ...args: string[]) => await run("deploy", file, "--no-check", ...args);

function startRunner(...args: string[]): RunningCli {
  const runner = startWbsync(["run", ...args], { cwd: dir, env: { REDIS_URL: redis.url } });
  runners.push(runner);
  return runner;
}

/** A recipe for the table `persons`, or another, in the test's SQLite file. */
function recipe(file: string, version: string, table = "persons"): string {
  const source = `import { sqlite, writeBehind } from "wbsync";
export default writeBehind({
  name: "Persons", version: "${version}", keysPrefix: "person",
  connector: sqlite({ file: ${JSON.stringify(join(dir, "data.sqlite"))} }).table("${table}", { primaryKey: "id" }),
  mappings: { name: "name", age: "age" },
});`;
  writeFileSync(join(dir, file), source);
  return file;
}

function countRows(): unknown {
  return (database.prepare("SELECT count(*) AS rows FROM persons").get() as { rows: number }).rows;
}

async function state(): Promise<Record<string, unknown>> {
  const [found] = JSON.parse((await run("list", "--json")).stdout) as Record<string, unknown>[];
  return found!;
}

before(async () => {
  redis = await startRedis();
});
after(() => redis.stop());

beforeEach(async () => {
  await redis.client().flushall();
  dir = tempDir("wbsync-run");
  database = new DatabaseSync(join(dir, "data.sqlite"));
  database.exec("CREATE TABLE persons (id TEXT PRIMARY KEY NOT NULL, name TEXT, age INTEGER)");
});

afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop("SIGKILL");
  database.close();
});

test("deploy --wait returns when a runner has taken over, and rows arrive", async () => {
  startRunner();
  const deployed = await deploy(recipe("one.ts", "1.0.0"), "--wait");
  assert.equal(deployed.code, 0, deployed.stderr);
  await redis.client().hset("person:1", { name: "Ann", age: "30" });
  await waitFor(() => countRows() === 1, { what: "the row" });
  const { state: how, runner, reason } = await state();
  assert.deepEqual([how, reason], ["running", undefined]);
  assert.ok(runner);
});

test("SIGTERM writes what is buffered, and the exit code is 0", async () => {
  const runner = startRunner();
  assert.equal((await deploy(recipe("one.ts", "1.0.0"), "--wait")).code, 0);
  const client = redis.client();
  for (let id = 0; id < 500; id++) void client.hset(`person:${id}`, { name: "Ann", age: String(id) });
  await client.ping();
  const { code, stdout, stderr } = await runner.stop();
  assert.equal(code, 0);
  assert.equal(stdout, "", "the log is on stderr");
  assert.equal(stderr.match(/writing what is buffered/g)?.length, 1, stderr);
  assert.equal(countRows(), 500);
  const { state: how, reason } = await state();
  assert.deepEqual([how, reason], ["stopped", "its runner was stopped"]);
});

test("SIGTERM while Redis is away writes what is buffered, and does not wait for Redis", async (t) => {
  const mortal = await startRedis();
  t.after(() => mortal.stop());
  const env = { REDIS_URL: mortal.url };
  const runner = startWbsync(["run"], { cwd: dir, env });
  runners.push(runner);
  const deployed = await wbsync(["deploy", recipe("one.ts", "1.0.0"), "--no-check", "--wait"], { cwd: dir, env });
  assert.equal(deployed.code, 0, deployed.stderr);
  await mortal.client().hset("person:1", { name: "Ann", age: "30" });
  await waitFor(() => countRows() === 1, { what: "the row" });
  await mortal.kill();
  await waitFor(() => /link is down/.test(runner.stderr()), { what: "the runner to notice" });
  const { code, stderr } = await Promise.race([runner.stop(), sleep(15_000).then(() => runner.stop("SIGKILL"))]);
  assert.equal(code, 0, stderr);
});

for (const [how, silence] of [
  ["is killed", async (server: RedisServer) => await server.kill()],
  ["does not answer", async (server: RedisServer) => server.pause()],
] as const) {
  test(`SIGTERM ends a runner that stands by also when Redis ${how}`, async (t) => {
    const mortal = await startRedis();
    t.after(() => mortal.resume());
    t.after(() => mortal.stop());
    const env = { REDIS_URL: mortal.url };
    runners.push(startWbsync(["run"], { cwd: dir, env }));
    const deployed = await wbsync(["deploy", recipe("one.ts", "1.0.0"), "--no-check", "--wait"], { cwd: dir, env });
    assert.equal(deployed.code, 0, deployed.stderr);
    const second = startWbsync(["run"], { cwd: dir, env });
    runners.push(second);
    await waitFor(() => /standby/.test(second.stderr()), { what: "the second runner to stand by" });
    await silence(mortal);
    // Until it has asked, and gets no answer.
    await sleep(1_000);
    const { code, stderr } = await Promise.race([second.stop(), sleep(15_000).then(() => second.stop("SIGKILL"))]);
    assert.equal(code, 0, stderr);
  });
}

test("pause and resume return when it is so, and nothing is lost meanwhile", async () => {
  startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  const paused = await run("pause", "Persons");
  assert.deepEqual([paused.code, paused.stdout, paused.stderr], [0, "Persons is paused\n", ""]);
  await redis.client().hset("person:1", { name: "Ann", age: "30" });
  assert.equal((await state()).state, "paused");
  assert.equal(countRows(), 0);
  const resumed = await run("resume", "Persons", "--json");
  assert.deepEqual(JSON.parse(resumed.stdout), { name: "Persons", state: "running" });
  await waitFor(() => countRows() === 1, { what: "the row" });
});

test("undeploy says what was still buffered", async () => {
  startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await run("pause", "Persons");
  await redis.client().hset("person:1", "name", "Ann");
  await waitFor(async () => (await state()).buffered === 1, { what: "the buffered key" });
  const removed = await run("undeploy", "Persons");
  assert.equal(removed.code, 0);
  assert.match(removed.stderr, /1 key with changes was still buffered/);
});

test("a version that cannot reach its table is refused, deploy --wait fails, and list shows both versions and why", async () => {
  startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  const refused = await deploy(recipe("two.ts", "2.0.0", "nowhere"), "--wait");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /2\.0\.0[\s\S]*nowhere/);
  const { state: how, version, runningVersion, refused: why } = await state();
  assert.deepEqual([how, version, runningVersion], ["running", "2.0.0", "1.0.0"]);
  assert.match((why as { reason: string }).reason, /nowhere/);
  assert.match((await run("list")).stdout, /version 2\.0\.0 was refused/);
});

test("deploy --wait fails with the reason when the first version cannot work", async () => {
  startRunner();
  const failed = await deploy(recipe("one.ts", "1.0.0", "nowhere"), "--wait");
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /nowhere/);
  const { state: how, reason } = await state();
  assert.equal(how, "failing");
  assert.match(String(reason), /nowhere/);
});

test("deploy --wait names the reason also where the version before failed for the same", async () => {
  startRunner();
  for (const [version, table] of [
    ["1.0.0", "nowhere"],
    ["2.0.0", "nowhere"],
    ["3.0.0", "elsewhere"],
  ] as const) {
    const failed = await deploy(recipe("one.ts", version, table), "--wait", "30");
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, new RegExp(`Version ${version} .* is failing: .*${table}`));
    assert.equal((await state())["runningVersion"], undefined, "what is told is of this version");
  }
  const mended = await deploy(recipe("one.ts", "4.0.0"), "--wait", "30");
  assert.equal(mended.code, 0, mended.stderr);
});

test("a version that has worked goes on after a standby too, while a newer one is refused", async () => {
  const runner = startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  assert.equal((await deploy(recipe("two.ts", "2.0.0", "nowhere"), "--wait")).code, 1);
  // As if another runner had written meanwhile: this one stands by, and begins again.
  database.exec("UPDATE wbsync_checkpoint SET token = token || 'x'");
  await redis.client().hset("person:1", { name: "Ann" });
  await waitFor(() => /standby/.test(runner.stderr()), { what: "the runner to stand by" });
  await waitFor(() => countRows() === 1, { what: "the row to be carried" });
  const { state: how, version, runningVersion, refused: why } = await state();
  assert.deepEqual([how, version, runningVersion], ["running", "2.0.0", "1.0.0"]);
  assert.match((why as { reason: string }).reason, /nowhere/);
  assert.equal((await deploy(recipe("three.ts", "3.0.0"), "--wait")).code, 0);
  assert.equal((await state())["refused"], undefined);
});

test("a refused row is listed, dropped and retried", async () => {
  startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  const client = redis.client();
  await client.hset("person:1", { name: "Ann", age: "thirty" });
  const listLetters = async () =>
    JSON.parse((await run("dlq", "list", "Persons", "--json")).stdout) as Record<string, unknown>[];
  const [letter] = await waitFor(async () => {
    const letters = await listLetters();
    return letters.length > 0 && letters;
  });
  assert.equal(letter!.key, "person:1");
  assert.deepEqual(letter!.values, { name: "Ann", age: "thirty" });
  assert.match((await run("dlq", "list", "Persons")).stdout, /person:1 +upsert +.*thirty/);
  const retried = await run("dlq", "retry", "Persons", "person:1", "--json");
  assert.deepEqual(JSON.parse(retried.stdout), { name: "Persons", retried: 1 });
  await waitFor(async () => (await listLetters()).some(({ id }) => id !== letter!.id), { what: "the second refusal" });
  await client.hset("person:1", "age", "30");
  await waitFor(async () => (await listLetters()).length === 0, { what: "the healing" });
  await client.hset("person:2", { name: "Bob", age: "?" });
  await waitFor(async () => (await listLetters()).length === 1);
  await client.hset("person:\u001b[31m3", { name: "Cid", age: "?" });
  await waitFor(async () => (await listLetters()).length === 2);
  const page = await run("dlq", "list", "Persons", "--limit", "1");
  assert.match(page.stderr, /There are more/);
  const [, id] = /--after (\S+)/.exec(page.stderr) ?? [];
  const rest = await run("dlq", "list", "Persons", "--after", id!);
  assert.ok(rest.stdout.includes("person:\\u001b[31m3"), rest.stdout);
  assert.doesNotMatch(rest.stderr, /more/);
  const nonsense = await run("dlq", "list", "Persons", "--after", "foo");
  assert.deepEqual([nonsense.code, /1700000000000-0/.test(nonsense.stderr)], [2, true]);
  await client.hset("person:\u001b[31m3", "age", "3");
  await waitFor(async () => (await listLetters()).length === 1);
  const dropped = await run("dlq", "drop", "Persons", "--all", "--json");
  assert.deepEqual(JSON.parse(dropped.stdout), { name: "Persons", dropped: 1 });
  assert.match((await run("dlq", "list", "Persons")).stderr, /no dead letters/);
});

test("a runner that trusts a key refuses what is not signed with it, and says so in list", async () => {
  await run("keys", "generate", "release");
  startRunner("--trust", "release.pub");
  const unsigned = await deploy(recipe("one.ts", "1.0.0"), "--wait");
  assert.equal(unsigned.code, 1);
  assert.match(unsigned.stderr, /not signed/);
  assert.match(String((await state()).reason), /not signed/);
  const signed = await deploy(recipe("two.ts", "1.0.1"), "--wait", "--sign", "release.key");
  assert.equal(signed.code, 0, signed.stderr);
  await run("keys", "generate", "stranger");
  const strange = await deploy(recipe("three.ts", "1.0.2"), "--wait", "--sign", "stranger.key");
  assert.equal(strange.code, 1);
  const { runningVersion, refused } = await state();
  assert.equal(runningVersion, "1.0.1", "what is trusted goes on");
  assert.match((refused as { reason: string }).reason, /not trusted/);
});

test("a bundle that was changed in Redis is not run, signed or not, and list says so", async () => {
  await run("keys", "generate", "release");
  await deploy(recipe("one.ts", "1.0.0"), "--sign", "release.key");
  const client = redis.client();
  for (const [sha256, code] of Object.entries(await client.hgetall(BUNDLES))) {
    await client.hset(BUNDLES, sha256, `globalThis.evil = 1;${code}`);
  }
  for (const flags of [[], ["--trust", "release.pub"]]) {
    const runner = startRunner(...flags);
    await waitFor(async () => (await state())["state"] === "failing", { what: "it to be refused" });
    assert.match(String((await state())["reason"]), /changed|SHA-256/);
    await runner.stop();
  }
});

test("--http tells whether the runner lives and whether every recipe is capturing", async () => {
  const port = await freePort();
  startRunner("--http", String(port));
  const get = async (path: string) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
  await waitFor(async () => (await get("/healthz")) === 200, { what: "/healthz" });
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await waitFor(async () => (await get("/readyz")) === 200, { what: "/readyz" });
  assert.equal(await get("//"), 404);
});

test("a runner is not ready before it has read the registry, nor while a recipe that was asked for is missing", async () => {
  const port = await freePort();
  const runner = startRunner("Persons", "--http", String(port));
  const ready = async () => {
    const response = await fetch(`http://127.0.0.1:${port}/readyz`);
    return { status: response.status, ...((await response.json()) as { waiting: unknown[] }) };
  };
  await waitFor(async () => await ready().catch(() => undefined), { what: "the port to be open" });
  await waitFor(() => /no recipe "Persons" is registered/.test(runner.stderr()));
  const { status, waiting } = await ready();
  assert.deepEqual([status, waiting], [503, [{ name: "Persons", state: "missing" }]]);
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await waitFor(async () => (await ready()).status === 200, { what: "it to be ready" });
});

test("deploy --wait does not take the last words of a runner that was killed for an answer", async () => {
  const runner = startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await runner.stop("SIGKILL");
  // As old as it would be after a while: nobody waits ten seconds for it here.
  const client = redis.client();
  const status = JSON.parse((await client.hget(STATUS, "Persons"))!) as object;
  await client.hset(STATUS, "Persons", JSON.stringify({ ...status, at: 1 }));
  const again = await deploy(recipe("one.ts", "1.0.0"), "--force", "--wait", "1");
  assert.deepEqual([again.code, /did not take over version 1\.0\.0/.test(again.stderr)], [1, true], again.stderr);
});

test("a log that cannot be written does not end a runner", { skip: !existsSync("/dev/full") }, async () => {
  await deploy(recipe("one.ts", "1.0.0"));
  const command = 'exec "$0" "$@" 2>/dev/full';
  const runner = spawn("sh", ["-c", command, process.execPath, WBSYNC, "run"], {
    cwd: dir,
    env: { ...process.env, REDIS_URL: redis.url },
    stdio: "ignore",
  });
  try {
    await waitFor(async () => (await state())["state"] === "running", { what: "it to run" });
    await redis.client().hset("person:1", { name: "Ann", age: 1 });
    await waitFor(() => countRows() === 1);
  } finally {
    runner.kill("SIGTERM");
  }
  assert.deepEqual(await once(runner, "exit"), [0, null]);
});

test("a recipe that ends the process is shown as failing, and the others go on", async () => {
  const runner = startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  const exits = `if (process.env.ONLY_HERE === undefined) process.exit(0);\n${readFileSync(join(dir, "one.ts"), "utf8")}`;
  writeFileSync(join(dir, "exits.ts"), exits.replace('"Persons"', '"Exits"'));
  const env = { REDIS_URL: redis.url, ONLY_HERE: "1" };
  assert.equal((await wbsync(["deploy", "exits.ts", "--no-check"], { cwd: dir, env })).code, 0);
  const status = async () => JSON.parse((await redis.client().hget(STATUS, "Exits")) ?? "{}") as Partial<Status>;
  await waitFor(async () => (await status()).state === "failing", { what: "it to be refused" });
  assert.match((await status()).reason ?? "", /called process\.exit/);
  await redis.client().hset("person:1", { name: "Ann", age: 1 });
  await waitFor(() => countRows() === 1, { what: "the other recipe to go on" });
  assert.equal(runner.child.exitCode, null);
  const here = await run("deploy", "exits.ts", "--no-check", "--force");
  assert.deepEqual([here.code, /called process\.exit/.test(here.stderr)], [1, true], "nor does it end deploy");
});

test("what a short password looks like is left where it is data", async () => {
  await deploy(recipe("one.ts", "1.0.0"));
  await redis.client().config("SET", "requirepass", "1");
  const show = async (...args: string[]) =>
    (await wbsync(args, { cwd: dir, env: { REDIS_URL: redis.url, REDISCLI_AUTH: "1" } })).stdout;
  try {
    assert.equal((JSON.parse(await show("list", "--json")) as { version: string }[])[0]?.version, "1.0.0");
    for (const command of [["list"], ["show", "Persons"], ["versions", "Persons"]]) {
      const shown = await show(...command);
      assert.match(shown, /1\.0\.0/);
      assert.doesNotMatch(shown, /secret/);
    }
  } finally {
    await redis.client({ password: "1" }).config("SET", "requirepass", "");
  }
});

test("--log-format json prints one object a line, with the recipe", async () => {
  const runner = startRunner("--log-format", "json");
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await runner.stop();
  const lines = runner.stderr().trimEnd().split("\n");
  const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(parsed.some(({ recipe, level, msg }) => recipe === "Persons" && level === "info" && msg !== ""));
});

test("with --log-format json also what ends a runner before it has begun is one object a line", async () => {
  const port = String(await freePort());
  for (const [args, exit, error] of [
    [["--log-format", "json", "--port", port], 3, "REDIS_UNREACHABLE"],
    [["--log-format=json", "--http", "no"], 2, "USAGE"],
    [["--log-format", "json", "--prot", port], 2, "USAGE"],
    [["--log-format", "json", "--trust", "no-such-file"], 1, "UNTRUSTED"],
  ] as const) {
    const { code, stdout, stderr } = await wbsync(["run", ...args], { cwd: dir });
    assert.deepEqual([code, stdout], [exit, ""], stderr);
    const { level, time, msg, err } = JSON.parse(stderr) as Record<string, unknown> & { err: Record<string, unknown> };
    assert.deepEqual([level, err["code"], typeof err["hint"]], ["error", error, "string"]);
    assert.match(String(time), /^\d{4}-/);
    assert.equal(msg, err["message"]);
  }
});

test("a runner named for one recipe leaves the others alone", async () => {
  const runner = startRunner("Other");
  await waitFor(() => /no recipe "Other" is registered/.test(runner.stderr()), { what: "the warning" });
  const waited = await deploy(recipe("one.ts", "1.0.0"), "--wait", "2");
  assert.equal(waited.code, 1);
  assert.match(waited.stderr, /no runner has reported it/);
});

test("recipes may be registered in another Redis than the hashes are in", async (t) => {
  const registry = await startRedis();
  t.after(() => registry.stop());
  const env = { REDIS_URL: redis.url, WBSYNC_REGISTRY_URL: registry.url };
  const runner = startWbsync(["run"], { cwd: dir, env });
  runners.push(runner);
  const deployed = await wbsync(["deploy", recipe("one.ts", "1.0.0"), "--no-check", "--wait"], { cwd: dir, env });
  assert.equal(deployed.code, 0, deployed.stderr);
  await redis.client().hset("person:1", { name: "Ann", age: "30" });
  await waitFor(() => countRows() === 1, { what: "the row" });
  const keys = await redis.client().keys("wbsync:*");
  assert.deepEqual(keys, [], "nothing of wbsync's beside the hashes");
});

test("run ends with exit code 3 where Redis cannot be reached", async () => {
  const { code, stderr } = await wbsync(["run", "--port", String(await freePort())]);
  assert.equal(code, 3);
  assert.match(stderr, /refuses the connection/);
});

test("a runner that was killed is seen to be gone", async () => {
  const runner = startRunner();
  await deploy(recipe("one.ts", "1.0.0"), "--wait");
  await runner.stop("SIGKILL");
  const { reason } = await waitFor(async () => {
    const found = await state();
    return found.state === "stopped" && found;
  });
  assert.match(String(reason), /has not reported since/);
  const paused = await run("pause", "Persons");
  assert.equal(paused.code, 0);
  assert.match(paused.stderr, /no runner/);
});
