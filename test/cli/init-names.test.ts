/** `wbsync init`: names from anywhere become files, exports and commands that are valid. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import { moduleNames } from "../../src/cli/init/modules.js";
import { typeErrors } from "../../src/recipe/type-check.js";
import { initLab } from "./init-lab.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const lab = initLab();
const { run, read } = lab;

test("tables of any script, and names that differ in punctuation alone, give a recipe each", async () => {
  const database = new DatabaseSync(join(lab.dir, "app.sqlite"));
  const client = lab.client();
  for (const [table, field] of Object.entries({
    заказы: "p",
    товары: "q",
    "2024_orders": "r",
    "a b": "s",
    "a-b": "t",
  })) {
    database.exec(`CREATE TABLE "${table}" (id TEXT PRIMARY KEY NOT NULL, ${field}_one TEXT, ${field}_two TEXT)`);
    await client.hset(`${table}:1`, { [`${field}_one`]: "1", [`${field}_two`]: "2" });
  }
  database.close();
  const made = await run("init", "shop", "--from", "app.sqlite", "--json");
  assert.equal(made.code, 0, made.stderr);
  const { files, recipes } = JSON.parse(made.stdout) as { files: string[]; recipes: { name: string }[] };
  const modules = files.filter((file) => file.endsWith(".ts")).sort();
  assert.deepEqual(modules, ["2024_orders.ts", "a-b-2.ts", "a-b.ts", "recipe.ts", "заказы.ts", "товары.ts"]);
  assert.equal(new Set(recipes.map(({ name }) => name)).size, 5);
  assert.match(read("shop/recipe.ts"), /default as _2024OrdersWriteBehind \}/);
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);
  const deployed = await run("deploy", "shop/recipe.ts", "--json");
  assert.equal(deployed.code, 0, deployed.stderr);
  assert.equal((JSON.parse(deployed.stdout) as unknown[]).length, 5);
});

test("files and identifiers are unique whatever the names are", () => {
  const names = (...tables: string[]) => moduleNames(tables.map((table) => ({ table, name: table })));
  const files = (...tables: string[]) => names(...tables).map(({ file }) => file);
  assert.deepEqual(files("a b", "a-b", "a-b-2", "A-B"), ["a-b", "a-b-3", "a-b-2", "A-B-4"]);
  assert.deepEqual(files("recipe", "recipe-table", "!", "x.d", "../y"), [
    "recipe-table",
    "recipe-table-2",
    "table",
    "x-d",
    "y",
  ]);
  const identifiers = names("1a", "_1a", "a b", "a_b", "x²", "é").map(({ identifier }) => identifier);
  assert.deepEqual(identifiers, ["_1a", "_1a2", "a_b", "a_b2", "x_", "é"]);
});

test("the command in README.md is one that a shell understands as it is meant", async () => {
  const mapping = "it's=a:json, $HOME=b, first name=c:integer";
  const made = await run("init", "shop", "--yes", "--template", "sqlite", "--prefix", "my key", "--mapping", mapping);
  assert.equal(made.code, 0, made.stderr);
  const command = /^ {4}redis-cli (HSET .*)$/m.exec(read("shop/README.md"))![1]!;
  const stdout = execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" });
  const words = ["HSET", "my key:1", "it's", "{}", "$HOME", "hello", "first name", "42"];
  assert.deepEqual(stdout.trimEnd().split("\n"), words);
});

test("a recipe may ask the environment, before and after npm install", async () => {
  assert.equal((await run("init", "shop", "--yes", "--template", "sqlite")).code, 0);
  const recipe = read("shop/recipe.ts").replace('"data.sqlite"', 'process.env.FILE ?? "data.sqlite"');
  writeFileSync(join(lab.dir, "shop/recipe.ts"), recipe);
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);
  // What npm install would put there.
  const { dependencies, devDependencies } = JSON.parse(read("shop/package.json")) as Record<string, object>;
  assert.deepEqual(Object.keys({ ...dependencies, ...devDependencies }), ["wbsync", "@types/node", "typescript"]);
  mkdirSync(join(lab.dir, "shop/node_modules/@types"), { recursive: true });
  symlinkSync(ROOT, join(lab.dir, "shop/node_modules/wbsync"));
  symlinkSync(join(ROOT, "node_modules/@types/node"), join(lab.dir, "shop/node_modules/@types/node"));
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", join(lab.dir, "shop")]);
});

test("secrets that are written over a file that all could read are closed to them", async () => {
  const url = ["--connection", "mysql://app:secret@h/db"];
  assert.equal((await run("init", "shop", "--yes", ...url)).code, 0);
  assert.equal((await run("keys", "generate", "release")).code, 0);
  for (const file of ["shop/.env", "release.key"]) chmodSync(join(lab.dir, file), 0o644);
  assert.equal((await run("init", "shop", "--yes", "--force", ...url)).code, 0);
  assert.equal((await run("keys", "generate", "release", "--force")).code, 0);
  for (const file of ["shop/.env", "release.key"])
    assert.equal(statSync(join(lab.dir, file)).mode & 0o777, 0o600, file);
});

test("where one key of a pair exists the other is not written", async () => {
  for (const [present, other] of [
    ["a.pub", "a.key"],
    ["b.key", "b.pub"],
  ] as const) {
    writeFileSync(join(lab.dir, present), "");
    const { code, stderr } = await run("keys", "generate", present[0]!);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`${present} exists already`));
    assert.throws(() => read(other), { code: "ENOENT" });
  }
});
