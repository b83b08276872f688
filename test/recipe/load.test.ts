import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { UserError, type ErrorCode } from "../../src/errors.js";
import * as api from "../../src/index.js";
import { bundleRecipe } from "../../src/recipe/bundle.js";
import { loadBundle, type LoadOptions } from "../../src/recipe/load.js";
import { tempDir } from "../support/process.js";

const LABEL = "wbsync:People@1.0.0";

const HEAD = `
const { writeBehind } = require("wbsync");
const recipe = (name, transform) => writeBehind({
  name, transform, version: "1.0.0", keysPrefix: "p", mappings: { a: "a" },
  connector: { kind: "none", table: "t", primaryKey: ["id"], sink() {} },
});
`;

function names(code: string): string[] {
  return loadBundle(HEAD + code, LABEL).map(({ name }) => name);
}

function refusal(code: string, options?: LoadOptions, expected: ErrorCode = "BUNDLE"): string {
  try {
    loadBundle(HEAD + code, LABEL, options);
  } catch (error) {
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.code, expected);
    return error.message;
  }
  return assert.fail("the bundle was loaded");
}

const ES_MODULE = 'Object.defineProperty(exports, "__esModule", { value: true });';

const shapes: readonly [string, string, readonly string[]][] = [
  ["a module that is the recipe", 'module.exports = recipe("a");', ["a"]],
  ["a module that is an array", 'module.exports = [recipe("a"), recipe("b")];', ["a", "b"]],
  ["a default export", `${ES_MODULE} exports.default = recipe("a");`, ["a"]],
  ["a default export that is an array", `${ES_MODULE} exports.default = [recipe("a"), recipe("b")];`, ["a", "b"]],
  ["named exports", 'exports.one = recipe("a"); exports.two = recipe("b");', ["a", "b"]],
  ["a default export beside named ones", 'exports.default = recipe("a"); exports.two = [recipe("b")];', ["a", "b"]],
  ["one recipe under two names", 'exports.default = exports.one = recipe("a");', ["a"]],
  ["a default export inside a default export", `exports.default = { __esModule: true, default: recipe("a") };`, ["a"]],
  ["a recipe beside other exports", 'exports.helper = () => 1; exports.list = [1, 2]; exports.x = recipe("a");', ["a"]],
];

for (const [shape, code, expected] of shapes) {
  test(`recipes are found in ${shape}`, () => assert.deepEqual(names(code), expected));
}

test("a bundle without a recipe is told what it exports instead", () => {
  assert.match(refusal(""), /wbsync:People@1\.0\.0 exports no recipe: it exports nothing/);
  assert.match(refusal("exports.helper = 1; exports.other = 2;"), /exports no recipe: it exports helper, other/);
  assert.match(refusal('exports.default = { name: "x", batch: 1 };'), /default export is an object with name, batch/);
});

test("a bundle may not end the process, and what it prints is no data", (t) => {
  for (const code of ["process.exit(0);", "process.abort();"])
    assert.match(refusal(code), /called process\.(exit|abort)\(\)/);
  const print = t.mock.method(console, "error", () => undefined);
  assert.deepEqual(names('console.log("loading"); module.exports = recipe("a");'), ["a"]);
  assert.deepEqual(print.mock.calls[0]?.arguments, ["loading"]);
});

test("two recipes of one name in a bundle are refused", () => {
  assert.match(refusal('module.exports = [recipe("a"), recipe("a")];'), /exports two recipes of the name "a"/);
});

test("an array that holds something else among its recipes is refused", () => {
  assert.match(refusal('module.exports = [recipe("a"), undefined];'), /an array with nothing among its recipes/);
});

test("a bundle gets this process's own API, drivers and Node's modules, and nothing else", () => {
  const code = `
    const path = require("path"), net = require("node:net"), mysql = require("mysql2/promise");
    module.exports = recipe([typeof path.join, typeof net.connect, typeof mysql.createConnection].join());
    globalThis.wbsyncTestApi = require("wbsync");
  `;
  assert.deepEqual(names(code), ["function,function,function"]);
  assert.equal((globalThis as Record<string, unknown>)["wbsyncTestApi"], api);
  assert.match(refusal('require("left-pad");'), /requires "left-pad", which is not in the bundle/);
  assert.match(refusal('require("typescript");'), /requires "typescript", which is not in the bundle/);
});

test("a bundle that loops while it is loaded is ended", () => {
  assert.match(refusal("while (true) {}", { timeoutMs: 100 }), /had not finished loading after 100 ms/);
  assert.match(refusal("(function f() { for (;;) { try { for (;;); } catch {} } })();", { timeoutMs: 100 }), /100 ms/);
  assert.deepEqual(names('module.exports = recipe("after");'), ["after"]);
});

test("an error while loading is told with its place in the bundle", () => {
  assert.match(refusal("\nnull.x;"), /threw while it was loaded: TypeError: .* \(wbsync:People@1\.0\.0:8:6\)/);
  assert.match(refusal('throw "plain text";'), /threw while it was loaded: plain text\./);
  assert.match(refusal("const = 1;"), /SyntaxError: .* \(wbsync:People@1\.0\.0:7:1\)/);
});

test("an error while loading is told with its place in the recipe's own source", async () => {
  const file = join(tempDir("wbsync-load"), "people.ts");
  writeFileSync(file, "interface A {\n  b: string;\n}\nconst a = JSON.parse('null') as A;\nexport const b = a.b;\n");
  const { code } = await bundleRecipe(file);
  assert.throws(() => loadBundle(code, LABEL), /Cannot read properties of null.* \(people\.ts:5:20\)/);
});

test("a recipe that is not valid says so itself", () => {
  assert.match(refusal('writeBehind({ name: "x" });', undefined, "RECIPE_INVALID"), /^Recipe "x" has \d problems/);
});

test("stacks of a recipe's functions name its label", () => {
  const [recipe] = loadBundle(`${HEAD}module.exports = recipe("a", () => null.x);`, LABEL);
  assert.throws(
    () => recipe!.transform!({}, "p:1"),
    (error: Error) => error.stack!.includes(`${LABEL}:`),
  );
});
