/** `wbsync init`: what it writes is a project that type-checks and deploys as it is. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { DATABASE_NAMES, databaseOf } from "../../src/cli/init/databases.js";
import { typeErrors } from "../../src/recipe/type-check.js";
import { startWbsync } from "../support/cli.js";
import { startMariadb } from "../support/mariadb.js";
import { startPostgres } from "../support/postgres.js";
import { MAPPING_OF_EVERY_TYPE } from "../support/every-type.js";
import { initLab } from "./init-lab.js";

const lab = initLab();
const { run, read } = lab;

for (const database of DATABASE_NAMES) {
  test(`a new ${database} project type-checks and deploys as it is`, async () => {
    const made = await run("init", "shop", "--yes", "--template", database, "--json");
    assert.equal(made.code, 0, made.stderr);
    const { files } = JSON.parse(made.stdout) as { files: string[] };
    const schema = { mongodb: ["schema.js"], redis: [] as string[] } as Partial<Record<string, string[]>>;
    const expected = [
      ...[".env.example", ".gitignore", "README.md", "package.json", "recipe.ts"],
      ...(schema[database] ?? ["schema.sql"]),
      "tsconfig.json",
    ];
    assert.deepEqual(files.sort(), expected);
    for (const file of files) assert.doesNotMatch(read(`shop/${file}`), /\{\{|undefined/, file);
    const { dependencies } = JSON.parse(read("shop/package.json")) as { dependencies: Record<string, string> };
    const { driver } = databaseOf(database);
    assert.deepEqual(Object.keys(dependencies), ["wbsync", ...(driver === undefined ? [] : [driver])]);
    assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);

    const deployed = await run("deploy", "shop/recipe.ts");
    assert.equal(deployed.code, 0, deployed.stderr);
    const [recipe] = JSON.parse((await run("list", "--json")).stdout) as Record<string, string>[];
    const { name, keysPrefix, connector, table } = recipe!;
    assert.deepEqual(
      { name, keysPrefix, connector, table },
      { name: "PersonsWriteBehind", keysPrefix: "person", connector: database, table: "persons" },
    );
  });
}

test("a recipe for another Redis has its database's number as a number", async () => {
  const connection = ["--template", "redis", "--connection", "redis://app@127.0.0.1:6390/3"];
  assert.equal((await run("init", "shop", "--yes", ...connection)).code, 0);
  assert.match(read("shop/recipe.ts"), /^ {2}db: 3,$/m);
});

test("schema.sql is accepted by its database, whatever the types", async (t) => {
  const schema = async (template: string) => {
    const flags = [
      "--force",
      "--template",
      template,
      "--table",
      "select",
      "--primary-key",
      "a:integer, b",
      "--mapping",
      MAPPING_OF_EVERY_TYPE,
    ];
    assert.equal((await run("init", "shop", "--yes", ...flags)).code, 0);
    return read("shop/schema.sql");
  };
  const mariadb = await startMariadb();
  t.after(() => mariadb.stop());
  await mariadb.query(await schema("mysql"));
  const postgres = await startPostgres();
  t.after(() => postgres.stop());
  await postgres.query(await schema("postgres"));
  const { DatabaseSync } = await import("@photostructure/sqlite");
  const sqlite = new DatabaseSync(":memory:");
  t.after(() => sqlite.close());
  sqlite.exec(await schema("sqlite"));
});

test("flags answer every question, and names that need quoting stay what they are", async () => {
  const made = await run(
    ...["init", "shop", "--template", "mysql", "--connection", "mysql://app:p%20w@db:3307/my-shop"],
    ...["--prefix", "order", "--table", 'Or`d"ers', "--primary-key", "customer_id:integer, line_no:integer"],
    ...["--mapping", "customer=customer_name, total amount=total:decimal, __proto__=x", "--name", "Orders"],
  );
  assert.equal(made.code, 0, made.stderr);
  const recipe = read("shop/recipe.ts");
  assert.match(recipe, /host: "db",\n {2}port: 3307,\n {2}user: "app"/);
  assert.match(recipe, /primaryKey: \["customer_id", "line_no"\]/);
  assert.match(recipe, /customer: "customer_name",\n {4}"total amount": "total",\n {4}\["__proto__"\]: "x",/);
  assert.match(read("shop/schema.sql"), /CREATE TABLE IF NOT EXISTS `Or``d"ers`/);
  assert.match(read("shop/schema.sql"), /`total` DECIMAL\(20, 4\),\n[\s\S]*PRIMARY KEY \(`customer_id`, `line_no`\)\n/);
  const deployed = await run("deploy", "shop/recipe.ts");
  assert.equal(deployed.code, 0, deployed.stderr);
});

test("a database without columns is told the types by the mapping", async () => {
  const made = await run("init", "shop", "--yes", "--template", "mongodb");
  assert.equal(made.code, 0, made.stderr);
  const recipe = read("shop/recipe.ts");
  assert.match(recipe, /primaryKey: "_id"/);
  assert.match(recipe, /first_name: "first",\n[\s\S]*age: \{ column: "age", type: "integer" \},/);
});

test("CQL knows no NOT NULL", async () => {
  const made = await run("init", "shop", "--yes", "--template", "cassandra");
  assert.equal(made.code, 0, made.stderr);
  assert.match(read("shop/schema.sql"), /"id" text,\n[\s\S]*"age" bigint,\n\s+PRIMARY KEY \("id"\)\n/);
});

test("what the URL says of encryption stands in the recipe", async () => {
  for (const [query, line] of [
    ["", "// trustServerCertificate: true, for"],
    ["?encrypt=false", "\n  encrypt: false,"],
    ["?trustServerCertificate=true", "\n  trustServerCertificate: true,"],
  ] as const) {
    const url = `mssql://app@db/shop${query}`;
    const made = await run("init", "shop", "--yes", "--force", "--template", "mssql", "--connection", url);
    assert.equal(made.code, 0, made.stderr);
    assert.ok(read("shop/recipe.ts").includes(line), query);
  }
});

test("a password goes into .env, which only its owner can read, and nowhere else", async () => {
  await run("init", "shop", "--yes", "--connection", "mysql://app:se%23cret@db/shop");
  assert.match(read("shop/.env"), /^MYSQL_PASSWORD='se#cret'$/m);
  assert.equal(statSync(join(lab.dir, "shop/.env")).mode & 0o777, 0o600);
  assert.match(read("shop/.gitignore"), /^\.env$/m);
  for (const file of ["recipe.ts", "README.md", ".env.example"])
    assert.ok(!read(`shop/${file}`).includes("se#cret"), file);
});

test("what npm says of a project without .env stands in its README.md", async () => {
  await run("init", "shop", "--yes");
  const { stderr } = spawnSync("npm", ["run", "--silent", "deploy"], { cwd: join(lab.dir, "shop"), encoding: "utf8" });
  assert.match(stderr, /\.env/);
  assert.ok(read("shop/README.md").includes(stderr.trim()), stderr);
});

test("files that exist are not overwritten without --force", async () => {
  await run("init", "shop", "--yes");
  const before = read("shop/recipe.ts");
  const refused = await run("init", "shop", "--yes", "--table", "other");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /already holds .*recipe\.ts[\s\S]*--force/);
  assert.equal(read("shop/recipe.ts"), before);
  assert.equal((await run("init", "shop", "--yes", "--table", "other", "--force")).code, 0);
  assert.notEqual(read("shop/recipe.ts"), before);
});

test("who names the database is asked nothing else: what no flag says takes its default", async () => {
  const made = await run("init", "shop", "--template", "sqlite", "--table", "orders");
  assert.equal(made.code, 0, made.stderr);
  assert.match(read("shop/recipe.ts"), /name: "OrdersWriteBehind"[\s\S]*keysPrefix: "person"[\s\S]*age: "age"/);
});

test("without a terminal nothing is asked: the flags that answer are named", async () => {
  const refused = await run("init", "shop", "--prefix", "order");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /--template, or say --yes.* --connection, --table, --primary-key, --mapping, --name/);
  assert.ok(!existsSync(join(lab.dir, "shop")));
});

test("who knows the tables does not name the database beside them", async () => {
  const refused = await run("init", "shop", "--from", "app.sqlite", "--template", "sqlite");
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /'--template <database>' cannot be used with option '--from <url>'/);
});

test("a folder that cannot be made, or is none, is refused with the reason", async (t) => {
  writeFileSync(join(lab.dir, "file"), "");
  const folders = ["file", "file/shop", ...(process.platform === "linux" ? ["/proc/shop", "/proc/deep/shop"] : [])];
  for (const folder of folders) {
    const running = startWbsync(["init", folder, "--yes", "--template", "sqlite"], { cwd: lab.dir });
    t.after(() => running.stop("SIGKILL"));
    const { code, stderr } = await Promise.race([running.ended, sleep(15_000).then(() => running.stop("SIGKILL"))]);
    assert.equal(code, 2, `${folder}: ${stderr}`);
    assert.match(stderr, new RegExp(`^Error: ${folder} cannot be written: E\\w+: .*\\.\nName another folder\\.$`, "m"));
  }
});

const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
  [["--template", "oracl"], /Allowed choices are mysql, postgres, sqlite, /],
  [["--connection", "postgres://h/d"], /starts with "postgres:"/],
  [["--connection", "mysql://h"], /names no database/],
  [["--template", "redis", "--connection", "redis://h/shop"], /database "shop", which is no number/],
  [["--mapping", "a=b:intger"], /did you mean integer/],
  [["--mapping", "a=x, b=x"], /"x" is there twice/],
  [["--primary-key", ""], /it is empty/],
];
for (const [args, message] of wrong) {
  test(`init refuses ${args.join(" ")}`, async () => {
    const refused = await run("init", "shop", "--yes", ...args);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, message);
    assert.ok(!existsSync(join(lab.dir, "shop")));
  });
}

test("init refuses a prefix and a name that deploy would refuse, and writes nothing", async () => {
  for (const [flag, value, problem] of [
    ["--prefix", "person:", /must not end with a colon/],
    ["--prefix", "person*", /is not a pattern/],
    ["--name", "x".repeat(129), /at most 128 characters/],
  ] as const) {
    const { code, stderr } = await run("init", "shop", "--yes", "--template", "sqlite", flag, value);
    assert.equal(code, 2);
    assert.match(stderr, problem);
    assert.equal(existsSync(join(lab.dir, "shop")), false);
  }
});
