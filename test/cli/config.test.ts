/** `wbsync config` and `wbsync keys`, as processes against a real Redis. */
import assert from "node:assert/strict";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { project, recipeSource, wbsync } from "../support/cli.js";
import { type RedisServer, startRedis } from "../support/redis.js";
import { noTerminal, startOnTerminal } from "../support/terminal.js";

let redis: RedisServer;
let key: string;
const dir = project({ "persons.ts": recipeSource() });
const VALUE = "pa ss'\"word-é";

const run = async (args: readonly string[], env: Record<string, string> = {}, input = "") =>
  await wbsync(args, { cwd: dir, input, env: { REDIS_URL: redis.url, ...env } });

before(async () => {
  redis = await startRedis();
  key = (await wbsync(["config", "keygen"])).stdout.trim();
});
after(() => redis.stop());
beforeEach(() => redis.client().flushall());

test("keygen prints a key of 32 bytes, another one each time", async () => {
  assert.equal(Buffer.from(key, "base64").length, 32);
  assert.notEqual((await wbsync(["config", "keygen"])).stdout.trim(), key);
});

test("a parameter is set from standard input, and get prints it", async () => {
  const set = await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, `${VALUE}\n`);
  assert.deepEqual([set.code, set.stdout], [0, "MySqlPassword is set\n"], set.stderr);
  const got = await run(["config", "get", "MySqlPassword"], { WBSYNC_SECRET_KEY: key });
  assert.equal(got.stdout, `${VALUE}\n`);
});

test("where nothing comes on standard input, what is set already stays", async () => {
  await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, VALUE);
  const empty = await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, "");
  assert.deepEqual([empty.code, /no value for MySqlPassword/.test(empty.stderr)], [2, true]);
  assert.equal((await run(["config", "get", "MySqlPassword"], { WBSYNC_SECRET_KEY: key })).stdout, `${VALUE}\n`);
});

test("a parameter is set from a variable or a file, with the key from a file", async () => {
  writeFileSync(join(dir, "secret.key"), `${key}\n`);
  writeFileSync(join(dir, "value.txt"), "from a file\n");
  const withKey = ["--secret-key-file", "secret.key"];
  assert.equal((await run(["config", "set", "A", "--from-env", ...withKey], { A: "from A" })).code, 0);
  assert.equal((await run(["config", "set", "B", "--from-env", "A", ...withKey], { A: "from A" })).code, 0);
  assert.equal((await run(["config", "set", "C", "--from-file", "value.txt", ...withKey])).code, 0);
  const values = await Promise.all(
    ["A", "B", "C"].map(async (name) => (await run(["config", "get", name, ...withKey])).stdout),
  );
  assert.deepEqual(values, ["from A\n", "from A\n", "from a file\n"]);
  const missing = await run(["config", "set", "D", "--from-env", ...withKey]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /environment variable D is not set/);
});

test("on a terminal a value is asked for, and not shown", { skip: noTerminal }, async (t) => {
  const env = { REDIS_URL: redis.url, WBSYNC_SECRET_KEY: key };
  const terminal = startOnTerminal(["config", "set", "Asked"], { cwd: dir, env });
  t.after(() => terminal.stop());
  await terminal.shows(/Asked/);
  terminal.type("typed by a person\r");
  assert.equal(await terminal.ended, 0, terminal.screen());
  assert.match(terminal.screen(), /Asked is set/);
  assert.doesNotMatch(terminal.screen(), /typed|person/);
  assert.equal((await run(["config", "get", "Asked"], { WBSYNC_SECRET_KEY: key })).stdout, "typed by a person\n");
});

test("list shows names and never values", async () => {
  await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, VALUE);
  const [table, json] = [await run(["config", "list"]), await run(["config", "list", "--json"])];
  assert.match(table.stdout, /^MySqlPassword +\d{4}-/m);
  const parameters = JSON.parse(json.stdout) as { name: string }[];
  assert.deepEqual(
    parameters.map(({ name }) => name),
    ["MySqlPassword"],
  );
  for (const { stdout, stderr } of [table, json]) assert.ok(!`${stdout}${stderr}`.includes("word-é"));
});

test("without a secret key nothing is stored, and the advice is to make one", async () => {
  const refused = await run(["config", "set", "MySqlPassword"], {}, VALUE);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /wbsync config keygen/);
  assert.deepEqual(JSON.parse((await run(["config", "list", "--json"])).stdout), []);
});

test("another key does not open a parameter, and the error does not show its value", async () => {
  await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, VALUE);
  const other = (await wbsync(["config", "keygen"])).stdout.trim();
  const refused = await run(["config", "get", "MySqlPassword"], { WBSYNC_SECRET_KEY: other });
  assert.equal(refused.code, 1);
  assert.equal(refused.stdout, "");
  assert.match(refused.stderr, /another secret key/);
  assert.ok(!refused.stderr.includes(other));
});

test("unset removes a parameter, and a wrong name is told from a right one", async () => {
  await run(["config", "set", "MySqlPassword"], { WBSYNC_SECRET_KEY: key }, VALUE);
  assert.match((await run(["config", "unset", "MySqlPasword"])).stderr, /Did you mean "MySqlPassword"/);
  assert.equal((await run(["config", "unset", "MySqlPassword"])).code, 0);
  assert.equal((await run(["config", "get", "MySqlPassword"], { WBSYNC_SECRET_KEY: key })).code, 1);
});

test("every verb prints JSON with --json", async () => {
  const env = { WBSYNC_SECRET_KEY: key };
  const json = async (args: readonly string[], input = ""): Promise<unknown> => {
    const { stdout, stderr } = await run(["config", ...args, "--json"], env, input);
    assert.notEqual(stdout, "", stderr);
    return JSON.parse(stdout);
  };
  await run(["deploy", "persons.ts", "--no-check"]);
  assert.deepEqual(await json(["set", "A"], VALUE), { name: "A", state: "set" });
  const again = await json(["set", "A", "--reconnect"], VALUE);
  assert.deepEqual(again, { name: "A", state: "set", reconnects: ["Persons"] });
  assert.deepEqual(await json(["get", "A"]), { name: "A", value: VALUE });
  assert.deepEqual(await json(["unset", "A"]), { name: "A", state: "unset" });
  const { secretKey } = (await json(["keygen"])) as { secretKey: string };
  assert.equal(Buffer.from(secretKey, "base64").length, 32);
});

test("export prints the same with --json, for it is JSON anyway", async () => {
  await run(["deploy", "persons.ts", "--no-check"]);
  const [plain, json] = [await run(["export", "Persons"]), await run(["export", "Persons", "--json"])];
  assert.equal(json.code, 0, json.stderr);
  assert.equal(json.stdout, plain.stdout);
  JSON.parse(json.stdout);
});

test("set --reconnect asks every recipe to connect afresh", async () => {
  await run(["deploy", "persons.ts", "--no-check"]);
  const set = await run(["config", "set", "A", "--reconnect"], { WBSYNC_SECRET_KEY: key }, "value");
  assert.equal(set.code, 0, set.stderr);
  assert.match(set.stderr, /connect afresh: Persons/);
  const shown = JSON.parse((await run(["show", "Persons", "--json"])).stdout) as { reconnects: number };
  assert.equal(shown.reconnects, 1);
});

test("keys generate writes a pair that only its owner can read, and does not overwrite one", async () => {
  const made = await run(["keys", "generate", "release", "--json"]);
  assert.equal(made.code, 0, made.stderr);
  const { privateKey, publicKey } = JSON.parse(made.stdout) as Record<string, string>;
  assert.equal(statSync(join(dir, privateKey!)).mode & 0o777, 0o600);
  assert.match(readFileSync(join(dir, publicKey!), "utf8"), /BEGIN PUBLIC KEY/);
  const again = await run(["keys", "generate", "release"]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /release\.key exists already/);
});

test("deploy --sign registers who signed, and refuses what is no private key", async () => {
  await run(["keys", "generate", "signer"]);
  assert.equal((await run(["deploy", "persons.ts", "--no-check", "--sign", "signer.key"])).code, 0);
  assert.match((await run(["versions", "Persons"])).stdout, /^1\.0\.0 .* yes /m);
  const refused = await run(["deploy", "persons.ts", "--no-check", "--force", "--sign", "signer.pub"]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /private key/);
});
