import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { bundleRecipe } from "../../src/recipe/bundle.js";
import { loadBundle } from "../../src/recipe/load.js";
import { sha256 } from "../../src/recipe/sha256.js";
import { tempDir } from "../support/process.js";

/** Writes files into a new folder and returns it. */
function project(files: Readonly<Record<string, string>>): string {
  const folder = tempDir("wbsync-bundle");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const RECIPE = `
import shout, { version } from "shout";
import * as named from "shout/named";
import { writeBehind, mysql } from "wbsync";
import { columns } from "./columns";

const db = mysql({ host: "127.0.0.1", database: "test", user: "app", password: "x" });

export default writeBehind({
  name: shout("people") + named.suffix,
  version,
  keysPrefix: "person",
  connector: db.table("persons", { primaryKey: "id" }),
  mappings: columns satisfies Record<string, string>,
});
`;

const FILES = {
  "recipes/people.ts": RECIPE,
  "recipes/columns.ts": 'export const columns = { first_name: "first" } as const;',
  "node_modules/shout/package.json": '{ "name": "shout", "version": "1.0.0", "main": "index.js" }',
  "node_modules/shout/index.js": 'module.exports = (text) => text.toUpperCase(); module.exports.version = "1.2.3";',
  "node_modules/shout/named.js": 'exports.suffix = "!";',
};

async function refusal(files: Readonly<Record<string, string>>): Promise<UserError> {
  const error = await bundleRecipe(join(project(files), "recipe.ts")).then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, "BUNDLE");
  return error;
}

test("a recipe and its npm packages become one text that loads elsewhere", async () => {
  const { code, sha256: hash, warnings } = await bundleRecipe(join(project(FILES), "recipes/people.ts"));
  assert.deepEqual(warnings, []);
  assert.equal(hash, sha256(code));
  const [recipe] = loadBundle(code, "wbsync:test");
  assert.deepEqual(
    [recipe!.name, recipe!.version, recipe!.mappings],
    ["PEOPLE!", "1.2.3", [{ field: "first_name", column: "first" }]],
  );
});

test("the same recipe gives the same bundle in any folder, without a path in it", async () => {
  const [one, two] = [project(FILES), project(FILES)];
  const before = process.cwd();
  const first = await bundleRecipe(join(one, "recipes/people.ts"));
  process.chdir(two);
  const second = await bundleRecipe("recipes/people.ts").finally(() => process.chdir(before));
  assert.equal(first.sha256, second.sha256);
  assert.ok(!first.code.includes(one) && !first.code.includes(before));
  const map = /base64,(\S+)/.exec(first.code)![1]!;
  assert.ok(!Buffer.from(map, "base64").toString().includes(one));
});

test("wbsync, the drivers and Node's own modules stay outside", async () => {
  const source = `
    import mysql2 from "mysql2/promise";
    import { readFileSync } from "fs";
    import { connect } from "node:net";
    import { sqlite } from "wbsync";
    export const used = [mysql2, readFileSync, connect, sqlite, () => import("pg")];
  `;
  const { code } = await bundleRecipe(join(project({ "recipe.ts": source }), "recipe.ts"), { sourceMap: false });
  for (const name of ["mysql2/promise", "fs", "node:net", "wbsync", "pg"])
    assert.ok(code.includes(`require("${name}")`), name);
  assert.ok(!code.includes("import(") && !code.includes("sourceMappingURL"));
});

test("a recipe may read files and modules beside its own URL", async () => {
  const source = `
    import { createRequire } from "node:module";
    import { writeBehind } from "wbsync";
    import sql from "./schema.sql";
    const { sep } = createRequire(import.meta.url)("node:path");
    export const recipe = writeBehind({
      name: sql + sep, version: "1.0.0", keysPrefix: "p", mappings: { a: "a" },
      connector: { kind: "none", table: "t", primaryKey: ["id"], sink() {} },
    });
  `;
  const { code } = await bundleRecipe(join(project({ "recipe.ts": source, "schema.sql": "name" }), "recipe.ts"));
  assert.equal(loadBundle(code, "wbsync:test")[0]!.name, "name/");
});

test("what does not compile is named with file, line and column", async () => {
  const error = await refusal({ "recipe.ts": 'export default 1;\nconst = "x";\n' });
  assert.match(error.message, /recipe\.ts:2:7 - error: Expected identifier but found "="/);
});

test("a package that is not installed is named, with what to do", async () => {
  const error = await refusal({ "recipe.ts": 'import x from "left-pad-of-old";\nexport default x;\n' });
  assert.match(error.message, /recipe\.ts:1:15 - error: Could not resolve "left-pad-of-old"/);
  assert.match(error.hint!, /npm/);
});

test("await at the top level is answered with the way to do it", async () => {
  const error = await refusal({ "recipe.ts": "export default await Promise.resolve(1);\n" });
  assert.match(error.message, /recipe\.ts:1:16 - error: A recipe cannot use await at its top level\. Await inside/);
});

test("a file that does not exist is named", async () => {
  await assert.rejects(bundleRecipe("nowhere.ts"), /There is no recipe nowhere\.ts/);
});
