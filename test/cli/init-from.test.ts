/** `wbsync init --from`: recipes made of a real catalog and real hashes, that need no editing. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DatabaseSync } from "@photostructure/sqlite";
import { typeErrors } from "../../src/recipe/type-check.js";
import { startWbsync } from "../support/cli.js";
import { type MariadbServer, startMariadb } from "../support/mariadb.js";
import { type PostgresServer, startPostgres } from "../support/postgres.js";
import { freePort } from "../support/process.js";
import { waitFor } from "../support/wait.js";
import { initLab } from "./init-lab.js";

let mariadb: MariadbServer;
let postgres: PostgresServer;
const lab = initLab();
const { run, read } = lab;

before(async () => {
  [mariadb, postgres] = await Promise.all([startMariadb(), startPostgres()]);
});
after(() => Promise.all([mariadb, postgres].map((server) => server?.stop())));

test("one table and its hashes give a recipe that carries them as it stands", async (t) => {
  await mariadb.query("CREATE DATABASE one");
  await mariadb.query(`CREATE TABLE one.persons (id VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY, first VARCHAR(100),
    last VARCHAR(100), age INT, vip TINYINT(4), created TIMESTAMP DEFAULT CURRENT_TIMESTAMP)`);
  const client = lab.client();
  for (let id = 0; id < 20; id++) {
    await client.hset(`person:${id}`, { first_name: "Ann", last_name: "Lee", age: "30", vip: "true", shoe: "39" });
  }
  await client.hset("session:1", { token: "x" });
  const url = mariadb.url.replace(/\/\w+$/, "/one");
  const made = await run("init", "shop", "--from", url);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stderr, /person:… goes to persons, with 4 fields/);
  const recipe = read("shop/recipe.ts");
  assert.match(recipe, /keysPrefix: "person"/);
  assert.match(recipe, /db\.table\("persons", \{ primaryKey: "id" \}\)/);
  for (const line of [
    'first_name: "first",',
    'last_name: "last",',
    'age: "age",',
    'vip: { column: "vip", type: "boolean" },',
  ]) {
    assert.ok(recipe.includes(line), `${line} in\n${recipe}`);
  }
  assert.match(recipe, /\/\/ Fields that no column was found for: shoe/);
  assert.match(recipe, /\/\/ Columns that stay as they are: created/);
  assert.match(read("shop/.env"), /^MYSQL_PASSWORD=secret$/m);
  for (const text of [recipe, made.stdout, made.stderr]) assert.ok(!text.includes("secret"));
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);

  const runner = startWbsync(["run"], { cwd: lab.dir, env: { REDIS_URL: lab.redisUrl, MYSQL_PASSWORD: "secret" } });
  t.after(() => runner.stop("SIGKILL"));
  const deployed = await run("deploy", "shop/recipe.ts", "--wait");
  assert.equal(deployed.code, 0, deployed.stderr);
  const rows = await waitFor(async () => {
    const found = await mariadb.query("SELECT first, last, age, vip FROM one.persons");
    return found.length === 20 && found;
  });
  assert.deepEqual({ ...rows[0] }, { first: "Ann", last: "Lee", age: 30, vip: 1 });
});

test("several tables give a file each, and one that deploys them all; what has no hashes is left out", async () => {
  await postgres.query("CREATE SCHEMA shop");
  await postgres.query('CREATE TABLE customers (id uuid PRIMARY KEY, "fullName" text NOT NULL, since date)');
  await postgres.query(`CREATE TABLE shop.order_lines (order_id bigint, line_no int, amount numeric(10,2) NOT NULL,
    doubled numeric GENERATED ALWAYS AS (amount * 2) STORED, PRIMARY KEY (order_id, line_no))`);
  await postgres.query("CREATE TABLE audit (id serial PRIMARY KEY, text text)");
  const client = lab.client();
  await client.hset("customer:6b1bd5b6-3f3e-4b6c-9c0a-2f6f0c4e9d10", { full_name: "Ann", since: "2024-02-29" });
  await client.hset("orderLine:1:2", { amount: "9.99", line_no: "2" });
  const made = await run("init", ".", "--from", postgres.url, "--json");
  assert.equal(made.code, 0, made.stderr);
  const { recipes } = JSON.parse(made.stdout) as { recipes: Record<string, string>[] };
  const pairs = recipes.map(({ prefix, table }) => `${prefix} ${table}`).sort();
  assert.deepEqual(pairs, ["customer customers", "orderLine shop.order_lines"]);
  const lines = read("shop.order_lines.ts");
  assert.match(lines, /db\.table\("shop\.order_lines", \{ primaryKey: \["order_id", "line_no"\] \}\)/);
  assert.match(lines, /amount: "amount", \/\/ numeric\(10,2\)/);
  assert.doesNotMatch(lines, /doubled|line_no: /);
  assert.match(read("customers.ts"), /full_name: "fullName", \/\/ text/);
  assert.match(read("schema.sql"), /"order_id" bigint NOT NULL,\n[\s\S]*PRIMARY KEY \("order_id", "line_no"\)/);
  const deployed = await run("deploy", "recipe.ts", "--json");
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.equal((JSON.parse(deployed.stdout) as unknown[]).length, 2);
});

test("a table without hashes gives fields with the names of its columns", async () => {
  const file = join(lab.dir, "app.sqlite");
  const database = new DatabaseSync(file);
  database.exec(
    "CREATE TABLE categories (id TEXT PRIMARY KEY NOT NULL, title TEXT NOT NULL, rank INTEGER); CREATE TABLE x (y TEXT)",
  );
  database.close();
  const made = await run("init", "shop", "--from", file, "--name", "Categories");
  assert.equal(made.code, 0, made.stderr);
  const recipe = read("shop/recipe.ts");
  assert.match(recipe, /name: "Categories"[\s\S]*keysPrefix: "category"[\s\S]*title: "title",.*\n\s+rank: "rank",/);
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);
  assert.equal((await run("deploy", "shop/recipe.ts", "--no-check")).code, 0);
});

test("where no hash resembles any of several tables, the tables are named", async () => {
  const file = join(lab.dir, "app.sqlite");
  const database = new DatabaseSync(file);
  database.exec(
    "CREATE TABLE a (id TEXT PRIMARY KEY NOT NULL, t TEXT); CREATE TABLE b (id TEXT PRIMARY KEY NOT NULL, u TEXT)",
  );
  database.close();
  const undecided = await run("init", "shop", "--from", file);
  assert.equal(undecided.code, 1);
  assert.match(undecided.stderr, /--table: a, b/);
  const unknown = await run("init", "shop", "--from", file, "--table", "c");
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no table "c"/);
  assert.ok(!existsSync(join(lab.dir, "shop")));
  assert.equal((await run("init", "shop", "--from", file, "--table", "b", "--prefix", "box")).code, 0);
  assert.match(read("shop/recipe.ts"), /keysPrefix: "box"/);
});

test("a database whose columns nobody can list is refused, with what to do instead", async () => {
  for (const [url, name] of [
    ["mongodb://h/d", "mongodb"],
    ["redis://h/0", "redis"],
    ["cassandra://h/d", "cassandra"],
  ] as const) {
    const refused = await run("init", "shop", "--from", url);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, new RegExp(`--from cannot read what .* holds[\\s\\S]*--template ${name}`));
  }
  assert.ok(!existsSync(join(lab.dir, "shop")));
});

test("a database that cannot be reached is exit code 4, and no message shows its password", async () => {
  const failed = await run("init", "shop", "--from", `mysql://app:se-cret@127.0.0.1:${await freePort()}/test`);
  assert.equal(failed.code, 4);
  assert.match(failed.stderr, /cannot be reached[\s\S]*A running recipe tries again until it answers\.$/m);
  assert.ok(!failed.stderr.includes("se-cret"));
});
