import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { typeCheck, typeErrors } from "../../src/recipe/type-check.js";
import { tempDir } from "../support/process.js";

const RECIPE = `
import { readFileSync } from "node:fs";
import { configGet, mysql, writeBehind } from "wbsync";

const db = mysql({ host: process.env.DB_HOST ?? "db", database: "test", user: "app", password: () => configGet("P") });

export default writeBehind({
  name: "people",
  version: readFileSync("version", "utf8"),
  keysPrefix: "person",
  connector: db.table("persons", { primaryKey: "id" }),
  mappings: { first_name: "first" },
});
`;

/** The errors of a recipe in a folder of its own, without the folder's path. */
async function errorsOf(files: Readonly<Record<string, string>>, entry = "recipe.ts"): Promise<readonly string[]> {
  const folder = tempDir("wbsync-types");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const errors = await typeErrors(join(folder, entry));
  return errors.map((error) =>
    error.slice(error.indexOf(`${folder.split("/").at(-1)}/`) + folder.split("/").at(-1)!.length + 1),
  );
}

test("a right recipe passes in a folder where nothing is installed", async () => {
  assert.deepEqual(await errorsOf({ "recipe.ts": RECIPE }), []);
});

test("a wrong option is named with file, line and column", async () => {
  const [error, ...more] = await errorsOf({ "recipe.ts": RECIPE.replace("keysPrefix", "keyPrefix") });
  assert.match(error!, /^recipe\.ts:10:3 - error TS2561: .*'keyPrefix' does not exist.*'keysPrefix'/);
  assert.deepEqual(more, []);
});

test("errors of the files that a recipe imports count, and those of packages do not", async () => {
  const errors = await errorsOf({
    "recipe.ts": 'import { n } from "./other.js";\nimport { m } from "pack";\nexport const sum: number = n + m;\n',
    "other.ts": 'export const n: number = "text";\n',
    "node_modules/pack/package.json": '{ "name": "pack", "types": "index.d.ts" }',
    "node_modules/pack/index.d.ts": "export declare const m: Missing;\nimport './nowhere.js';\n",
  });
  assert.equal(errors.length, 1);
  assert.match(errors[0]!, /^other\.ts:1:14 - error TS2322/);
});

test("a package without types is no error of the recipe", async () => {
  const errors = await errorsOf({
    "recipe.ts": 'import pack from "pack";\nexport default pack;\n',
    "node_modules/pack/package.json": '{ "name": "pack", "main": "index.js" }',
    "node_modules/pack/index.js": "module.exports = 1;\n",
  });
  assert.deepEqual(errors, []);
});

test("a database driver comes with wbsync: with its types where nothing else is installed", async () => {
  const drivers = `import mysql2 from "mysql2";
import { createPool } from "mysql2/promise";
import pg from "pg";
import { DatabaseSync } from "@photostructure/sqlite";
export const all = [createPool, pg.Pool, DatabaseSync];
export const escaped: number = mysql2.escape("a");
`;
  const [error, ...more] = await errorsOf({ "recipe.ts": drivers });
  assert.match(error!, /^recipe\.ts:6:14 - error TS2322: Type 'string'/);
  assert.deepEqual(more, []);
});

test("a part of a driver that has no types is no error of the recipe", async () => {
  const recipe = 'import utils from "pg/lib/utils.js";\nexport default utils;\n';
  assert.deepEqual(await errorsOf({ "recipe.ts": recipe }), []);
});

test("a driver that the project has installed is the project's", async () => {
  const errors = await errorsOf({
    "recipe.ts": 'import { mine } from "pg";\nexport const n: number = mine;\n',
    "node_modules/pg/package.json": '{ "name": "pg", "types": "index.d.ts" }',
    "node_modules/pg/index.d.ts": "export declare const mine: number;\n",
  });
  assert.deepEqual(errors, []);
});

test("a package that is not installed is an error of the recipe", async () => {
  const [error] = await errorsOf({ "recipe.ts": 'import x from "left-pad-of-old";\nexport default x;\n' });
  assert.match(error!, /^recipe\.ts:1:15 - error TS2307/);
});

test("the project's own settings apply, and what they say of output does not", async () => {
  const tsconfig = {
    compilerOptions: {
      strict: false,
      composite: true,
      rootDir: "src",
      outDir: "dist",
      module: "nodenext",
      noUnusedLocals: true,
    },
  };
  const files = { "tsconfig.json": JSON.stringify(tsconfig), "package.json": '{ "type": "module" }' };
  assert.deepEqual(await errorsOf({ ...files, "recipe.ts": "export const length = (text) => text.length;\n" }), []);
  const [error] = await errorsOf({ ...files, "deep/recipe.ts": "const unused = 1;\nexport {};\n" }, "deep/recipe.ts");
  assert.match(error!, /^deep\/recipe\.ts:1:7 - error TS6133/);
  assert.deepEqual(await errorsOf({ ...files, "recipe.ts": RECIPE }), []);
});

test("settings that cannot be read do not stop a right recipe", async () => {
  assert.deepEqual(await errorsOf({ "tsconfig.json": '{ "extends": "./nowhere.json", ', "recipe.ts": RECIPE }), []);
});

test("declarations of the project are seen", async () => {
  const recipe = 'export const x: Mine = { a: 1 };\nimport sql from "./schema.sql";\nexport const y: string = sql;\n';
  const globals = 'interface Mine { a: number }\ndeclare module "*.sql" { const text: string; export default text; }\n';
  assert.deepEqual(await errorsOf({ "tsconfig.json": "{}", "globals.d.ts": globals, "recipe.ts": recipe }), []);
});

test("a recipe in JavaScript is not checked unless it asks for it", async () => {
  assert.deepEqual(await errorsOf({ "recipe.js": "export const n = null.x;\n" }, "recipe.js"), []);
  assert.equal((await errorsOf({ "recipe.js": "// @ts-check\nexport const n = null.x;\n" }, "recipe.js")).length, 1);
});

test("type errors stop a deploy with all of them in one message", async () => {
  const file = join(tempDir("wbsync-types"), "recipe.ts");
  writeFileSync(file, 'export const a: number = "a";\nexport const b: number = "b";\n');
  await assert.rejects(typeCheck(file), (error) => {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "RECIPE_TYPES");
    assert.match(error.message, /recipe\.ts:1:14 - error TS2322: .*\n.*recipe\.ts:2:14 - error TS2322/);
    return true;
  });
});

test("a file that does not exist is named", async () => {
  await assert.rejects(typeCheck("nowhere.ts"), /There is no recipe nowhere\.ts/);
});
