/** Parameters that are kept beside the recipes: when a changed one takes effect, and that no value is ever shown. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { PARAMETERS } from "../../src/redis/keys.js";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait.js";

const WRONG = "wrong-Pa55'w0rd";
const RIGHT = "right/Pa55@w0rd";
const HEAD = 'import { configGet } from "wbsync";';

let lab: Lab;
let runner: LabRunner;
let http: string;

before(async () => {
  lab = await startLab({ env: { WBSYNC_SECRET_KEY: randomBytes(32).toString("base64") } });
  for (const user of ["first_user", "second_user"]) {
    await lab.db.query(`CREATE USER '${user}'@'%' IDENTIFIED BY '${RIGHT}'`);
    await lab.db.query(`GRANT ALL ON *.* TO '${user}'@'%'`);
  }
  http = String(await freePort());
  runner = lab.startRunner("--http", http);
});
after(() => lab.stop());

/** The argument of mysql(…) with user and password from parameters. */
function connection(): string {
  const { host, port } = lab.db.server as unknown as { host: string; port: number };
  return `{ host: "${host}", port: ${port}, database: "test", user: configGet("DbUser"), password: configGet("DbPassword") }`;
}

async function set(name: string, value: string, ...flags: string[]): Promise<void> {
  lab.env[name] = value;
  await lab.ok("config", "set", name, "--from-env", ...flags);
  delete lab.env[name];
}

/** Who is connected to the database for the runner. */
async function users(): Promise<string[]> {
  const rows = await lab.db.query("SELECT DISTINCT user FROM information_schema.processlist WHERE user LIKE '%_user'");
  return rows.map(({ user }) => user as string);
}

async function isCarried(id: string): Promise<void> {
  await lab.client.hset(`person:${id}`, { first_name: "Ann" });
  await waitFor(async () => (await lab.db.query(`SELECT id FROM persons WHERE id = '${id}'`)).length === 1);
}

/** Everything that a person or a tool may look at. */
async function everythingShown(name: string): Promise<string> {
  const outputs = await Promise.all(
    [["list"], ["list", "--json"], ["show", name], ["show", name, "--json"], ["config", "list", "--json"]].map(
      async (args) => await lab.cli(...args),
    ),
  );
  const texts = outputs.map(({ stdout, stderr }) => stdout + stderr);
  const pages = ["/metrics", "/readyz"].map(async (path) => (await fetch(`http://127.0.0.1:${http}${path}`)).text());
  return [...texts, ...(await Promise.all(pages)), runner.stderr(), runner.stdout()].join("\n");
}

test("a parameter that is missing is named, and one that the database refuses is not shown", async () => {
  await set("DbUser", "first_user");
  await lab.deploy({ head: HEAD, connection: connection() });
  const missing = await runner.is("failing");
  assert.match(String(missing.reason), /DbPassword/);
  await set("DbPassword", WRONG, "--reconnect");
  const denied = await waitFor(async () => {
    const status = await lab.status();
    return /denied/i.test(String(status?.reason)) && status;
  });
  assert.match(String(denied.reason), /first_user/, "the driver's words are shown");
  assert.ok(!(await everythingShown("Persons")).includes(WRONG));
});

test("the password in a URL that is a parameter is not shown either", async () => {
  const port = await freePort();
  const url = `mysql://first_user:${encodeURIComponent(WRONG)}@127.0.0.1:${port}/test`;
  await set("DbUrl", url);
  await lab.deploy({ name: "ByUrl", prefix: "url", head: HEAD, connection: 'configGet("DbUrl")' });
  const failing = await runner.is("failing", "ByUrl");
  assert.match(String(failing.reason), /ECONNREFUSED|cannot be reached/);
  const shown = await everythingShown("ByUrl");
  for (const secret of [WRONG, encodeURIComponent(WRONG), url]) assert.ok(!shown.includes(secret), secret);
  await lab.ok("undeploy", "ByUrl");
});

test("with --reconnect a changed parameter takes effect at once", async () => {
  await set("DbPassword", RIGHT, "--reconnect");
  await runner.is("running");
  await isCarried("first");
  assert.deepEqual(await users(), ["first_user"]);
  await set("DbUser", "second_user", "--reconnect");
  await waitFor(async () => (await users()).join() === "second_user", { what: "all connections to be made anew" });
  await isCarried("second");
  assert.deepEqual(await users(), ["second_user"]);
});

test("without it, at the next attempt to connect", async () => {
  await set("DbUser", "first_user");
  await isCarried("third");
  assert.deepEqual(await users(), ["second_user"]);
  const rows = await lab.db.query("SELECT id FROM information_schema.processlist WHERE user = 'second_user'");
  for (const { id } of rows) await lab.db.query(`KILL ${Number(id)}`);
  await isCarried("fourth");
  await waitFor(async () => (await users()).join() === "first_user", { what: "the new user to be connected" });
  assert.ok(!(await everythingShown("Persons")).includes(RIGHT));
});

test("parameters that vanish from Redis are put back, and are as good as before", async () => {
  const names = (await lab.client.hkeys(PARAMETERS)).toSorted();
  await lab.client.flushall();
  await waitFor(async () => (await lab.client.hlen(PARAMETERS)) === names.length, { what: "them to be put back" });
  assert.deepEqual((await lab.client.hkeys(PARAMETERS)).toSorted(), names);
  assert.match(runner.stderr(), /parameters had vanished from Redis and were put back/);
  const rows = await lab.db.query("SELECT id FROM information_schema.processlist WHERE user LIKE '%_user'");
  assert.ok(rows.length > 0);
  for (const { id } of rows) await lab.db.query(`KILL ${Number(id)}`);
  await isCarried("fifth");
});
