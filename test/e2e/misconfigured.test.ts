/** What only a person can mend is shown with its reason, and goes on by itself once it is mended. Others are not disturbed. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import { type Lab, type RecipeText, startLab } from "../support/lab.js";
import { readTable } from "../support/lab-tables.js";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait.js";

let lab: Lab;
let version = 0;

before(async () => {
  lab = await startLab();
  await lab.deploy({ name: "Healthy", prefix: "healthy", table: "persons" });
  const runner = lab.startRunner();
  await runner.is("running", "Healthy");
});
after(() => lab.stop());

const server = () => lab.db.server as unknown as Record<"host" | "port" | "database", string>;
const healthyGoesOn = async () => {
  const id = `h${++version}`;
  await lab.client.hset(`healthy:${id}`, { first_name: "fine" });
  await waitFor(async () => (await readTable(lab.db)).has(id), { what: "the other recipe to go on" });
  assert.equal((await lab.listed("Healthy"))["state"], "running");
};

interface Fault {
  readonly recipe: RecipeText | (() => Promise<RecipeText> | RecipeText);
  readonly reason: RegExp;
  readonly mend: () => Promise<unknown>;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  "a missing table": {
    recipe: { table: "missing_table" },
    reason: /missing_table/,
    mend: () => lab.db.query("CREATE TABLE missing_table LIKE persons"),
  },
  "a missing column": {
    recipe: { table: "narrow", mappings: { first_name: "first", nick: "nickname" } },
    reason: /nickname/,
    mend: () => lab.db.query("ALTER TABLE narrow ADD COLUMN nickname VARCHAR(50)"),
  },
  "a column that is not the primary key": {
    recipe: { table: "keyless" },
    reason: /key|unique/i,
    mend: () => lab.db.query("ALTER TABLE keyless ADD PRIMARY KEY (id)"),
  },
  "a wrong password": {
    recipe: () => ({ connection: JSON.stringify(user("wrong")) }),
    reason: /denied/i,
    mend: () => lab.db.query("CREATE USER 'guest'@'%' IDENTIFIED BY 'wrong'").then(grant),
  },
  "a database that does not exist": {
    recipe: () => ({
      connection: JSON.stringify({ ...account(), database: "nowhere" }),
    }),
    reason: /nowhere/,
    mend: async () => {
      await lab.db.query("CREATE DATABASE nowhere");
      await lab.db.query("CREATE TABLE nowhere.persons LIKE test.persons");
    },
  },
  "an address where nobody listens": {
    recipe: async () => {
      way.port = await freePort();
      return { connection: JSON.stringify({ ...account(), host: "127.0.0.1", port: way.port }) };
    },
    reason: /ECONNREFUSED|cannot be reached/,
    mend: () => listen(way.port),
  },
  "no right to write": {
    recipe: async () => {
      await lab.db.query("CREATE USER 'reader'@'%' IDENTIFIED BY 'r'");
      await lab.db.query("GRANT SELECT, CREATE ON *.* TO 'reader'@'%'");
      return { connection: JSON.stringify({ ...address(), database: "test", user: "reader", password: "r" }) };
    },
    reason: /denied/i,
    mend: () => lab.db.query("GRANT ALL ON *.* TO 'reader'@'%'"),
  },
};

/** Until then nobody listens there. */
const way = { port: 0 };

/** Makes a way to the database from this port. */
const listen = async (port: number) => {
  const relay = createServer((near) => {
    const far = connect(Number(server().port), server().host);
    near.on("error", () => far.destroy()).pipe(far);
    far.on("error", () => near.destroy()).pipe(near);
  });
  relay.listen(port, "127.0.0.1").unref();
  await once(relay, "listening");
};

const address = () => ({ host: server().host, port: server().port });
const account = () => ({ ...address(), database: "test", user: "wbsync", password: "secret" });
const user = (password: string) => ({ ...address(), database: "test", user: "guest", password });
const grant = () => lab.db.query("GRANT ALL ON *.* TO 'guest'@'%'");

test("a fault of the configuration is shown, waited for, and disturbs nobody", async (t) => {
  await lab.db.query("CREATE TABLE narrow (id VARCHAR(64) PRIMARY KEY, first VARCHAR(50))");
  await lab.db.query("CREATE TABLE keyless (id VARCHAR(64), first VARCHAR(50), last VARCHAR(50), age INT, v BIGINT)");
  for (const [title, { recipe, reason, mend }] of Object.entries(FAULTS)) {
    await t.test(title, async () => {
      const name = `Faulty ${title}`;
      const text = typeof recipe === "function" ? await recipe() : recipe;
      const prefix = `faulty${++version}`;
      await lab.deploy({ ...text, name, prefix });
      // While it is tried again it is shown as "starting", for a moment.
      const shown = await waitFor(
        async () => {
          const listed = await lab.listed(name);
          return listed["state"] === "failing" && listed;
        },
        { what: "it to be shown as failing" },
      );
      assert.match(String(shown["reason"]), reason);
      assert.doesNotMatch(JSON.stringify(shown), /secret|"password"/);
      await lab.client.hset(`${prefix}:1`, { first_name: "waited" });
      await healthyGoesOn();
      await mend();
      await waitFor(async () => (await lab.status(name))?.state === "running", { what: "it to go on by itself" });
      const { table = "persons" } = text;
      const schema = title.includes("not exist") ? "nowhere." : "";
      await waitFor(async () => (await lab.db.query(`SELECT * FROM ${schema}${table} WHERE first = 'waited'`)).length);
      await lab.db.query(`DELETE FROM ${schema}${table} WHERE first = 'waited'`);
      await lab.ok("undeploy", name);
    });
  }
});

test("an unreachable host is shown as such, also for deploy --wait", async () => {
  const connection = JSON.stringify({
    host: "127.0.0.1",
    port: await freePort(),
    user: "a",
    password: "b",
    database: "c",
  });
  const { code, stderr } = await lab.cli("deploy", lab.recipe({ name: "Far", connection }), "--no-check", "--wait");
  assert.notEqual(code, 0);
  assert.match(stderr, /ECONNREFUSED|cannot be reached/);
  assert.match(String((await lab.listed("Far"))["reason"]), /ECONNREFUSED|cannot be reached/);
  await healthyGoesOn();
  await lab.ok("undeploy", "Far");
});

test("where the database has no room for all connections, those that were made are closed again", async () => {
  await lab.db.query("CREATE USER 'few'@'%' IDENTIFIED BY 'f' WITH MAX_USER_CONNECTIONS 3");
  await lab.db.query("GRANT ALL ON *.* TO 'few'@'%'");
  const connection = JSON.stringify({ ...address(), database: "test", user: "few", password: "f" });
  await lab.deploy({ name: "Crowded", prefix: "crowded", connection, more: "partitions: 8," });
  await waitFor(async () => (await lab.status("Crowded"))?.state === "failing");
  const open = async () =>
    (await lab.db.query("SELECT id FROM information_schema.processlist WHERE user = 'few'")).length;
  await waitFor(async () => (await open()) === 0, { what: "no connection to be left between two attempts" });
  await lab.db.query("ALTER USER 'few'@'%' WITH MAX_USER_CONNECTIONS 8");
  await waitFor(async () => (await lab.status("Crowded"))?.state === "running");
  await lab.ok("undeploy", "Crowded");
});

test("a connection option that never comes does not keep a runner from ending", async () => {
  const connection = '{ password: () => new Promise(() => undefined), database: "test" }';
  await lab.deploy({ name: "Endless", prefix: "endless", connection });
  const runner = lab.startRunner("Endless");
  await waitFor(() => /runner .* reads from/.test(runner.stderr()));
  await waitFor(async () => (await lab.status("Endless"))?.state === "starting");
  const { code, stderr } = await runner.stop("SIGTERM");
  assert.equal(code, 0, stderr);
  await lab.ok("undeploy", "Endless");
});

test("a table that is altered or dropped under a running recipe is waited for", async () => {
  await lab.db.query("CREATE TABLE moving LIKE persons");
  const options = { name: "Moving", prefix: "moving", table: "moving" };
  await lab.deploy(options, "--wait");
  await lab.client.hset("moving:1", { first_name: "Ann" });
  await lab.compare(options);
  await lab.db.query("RENAME TABLE moving TO gone");
  await lab.client.hset("moving:2", { first_name: "Bea" });
  await waitFor(async () => (await lab.status("Moving"))?.state === "failing");
  assert.match(String((await lab.status("Moving"))?.reason), /moving/);
  await healthyGoesOn();
  await lab.db.query("RENAME TABLE gone TO moving");
  await lab.compare(options);
  await lab.db.query("ALTER TABLE moving ADD COLUMN extra INT NOT NULL DEFAULT 5, MODIFY first VARCHAR(300)");
  await lab.client.hset("moving:3", { first_name: "Cid" });
  await lab.compare(options);
  await lab.ok("undeploy", "Moving");
});

test("a recipe whose code throws, loops or rejects takes down only itself", async () => {
  const bad = {
    throws: `transform: () => { throw new Error("from the recipe"); },`,
    loops: `transform: () => { for (;;); },`,
    rejects: `transform: (record) => { void Promise.reject(new Error("nobody listens")); return record; },`,
  };
  for (const [name, more] of Object.entries(bad)) await lab.deploy({ name, prefix: name, more }, "--wait");
  for (const name of Object.keys(bad)) await lab.client.hset(`${name}:1`, { first_name: name });
  await waitFor(async () => (await lab.status("loops"))?.state === "halted");
  assert.match(String((await lab.listed("loops"))["reason"]), /transform did not return/);
  await waitFor(async () => (await lab.letters("throws")).length === 1);
  assert.match(String((await lab.letters("throws"))[0]!["error"]), /from the recipe/);
  await waitFor(async () => (await lab.db.query("SELECT * FROM persons WHERE first = 'rejects'")).length === 1);
  await healthyGoesOn();
});
