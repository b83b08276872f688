/** `wbsync init` on a terminal: its questions, answered by keys as a person presses them. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { typeErrors } from "../../src/recipe/type-check.js";
import { DOWN, noTerminal, startOnTerminal } from "../support/terminal.js";
import { initLab } from "./init-lab.js";

const CTRL_C = "\u0003";

const lab = initLab();
const { read } = lab;
const init = (...args: string[]) =>
  startOnTerminal(["init", "shop", ...args], { cwd: lab.dir, env: { REDIS_URL: lab.redisUrl } });

test("the questions are asked in order, and a wrong answer is asked for again", { skip: noTerminal }, async (t) => {
  const terminal = init("--name", "Orders");
  t.after(() => terminal.stop());
  await terminal.shows(/Which database\?[\s\S]*MySQL[\s\S]*PostgreSQL[\s\S]*SQLite/);
  terminal.type(`${DOWN}${DOWN}\r`);
  await terminal.shows(/Where is it\?[\s\S]*data\.sqlite/);
  terminal.type("shop.sqlite\r");
  await terminal.shows(/Which keys\?[\s\S]*person/);
  terminal.type("order:\r");
  await terminal.shows(/must not end with a colon/);
  terminal.type("\b\r");
  await terminal.shows(/Which table\?[\s\S]*orders/);
  terminal.type("\r");
  await terminal.shows(/primary key[\s\S]*id/);
  terminal.type("customer:integer, line:integer\r");
  await terminal.shows(/Which fields/);
  terminal.type("total=amount:decimal\r");
  assert.equal(await terminal.ended, 0, terminal.screen());
  assert.doesNotMatch(terminal.screen(), /What is the recipe called/, "a flag has answered it");
  const recipe = read("shop/recipe.ts");
  assert.match(recipe, /sqlite\(\{ file: "shop\.sqlite" \}\)/);
  assert.match(recipe, /name: "Orders"[\s\S]*keysPrefix: "order",/);
  assert.match(recipe, /table\("orders", \{ primaryKey: \["customer", "line"\] \}\)[\s\S]* total: "amount",/);
  assert.deepEqual(await typeErrors(join(lab.dir, "shop/recipe.ts")), []);
});

test("who names the database is asked nothing on a terminal either", { skip: noTerminal }, async (t) => {
  const terminal = init("--template", "sqlite");
  t.after(() => terminal.stop());
  assert.equal(await terminal.ended, 0, terminal.screen());
  assert.doesNotMatch(terminal.screen(), /\?/);
  assert.match(read("shop/recipe.ts"), /name: "PersonsWriteBehind"/);
});

test("Ctrl-C at a question writes nothing", { skip: noTerminal }, async (t) => {
  const terminal = init();
  t.after(() => terminal.stop());
  await terminal.shows(/Which database\?/);
  terminal.type(CTRL_C);
  assert.equal(await terminal.ended, 130, terminal.screen());
  assert.throws(() => read("shop/recipe.ts"), { code: "ENOENT" });
});
