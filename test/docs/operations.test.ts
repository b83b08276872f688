import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startWbsync, wbsync } from "../support/cli.js";
import { tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import { rowsBecome, sqliteCreate, sqliteQuery } from "../recipes/shop.js";
import { blocks, document, inRepository } from "./guide.js";

test("a runner with the least permissions does all that it has to, and the server refuses it nothing", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const admin = redis.client();
  const dir = tempDir("wbsync-acl");
  const file = join(dir, "persons.sqlite");
  sqliteCreate(file, readFileSync(inRepository("recipes/persons.sql"), "utf8"));
  const recipe = join(dir, "recipe.ts");
  writeFileSync(
    recipe,
    `import { sqlite, writeBehind, writeThrough } from "wbsync";
const connector = sqlite(${JSON.stringify(file)}).table("persons", { primaryKey: "id" });
const common = { version: "1.0.0", connector, mappings: { first_name: "first", age: "age" } };
export const behind = writeBehind({ ...common, name: "Behind", keysPrefix: "person" });
export const through = writeThrough({ ...common, name: "Through", keysPrefix: "__" });
`,
  );
  const [, , name, ...rules] = blocks(document("docs/operations.md"), "acl").join().trim().split(" ");
  await admin.call("ACL", "SETUSER", name!, ...rules);
  const env = { REDIS_URL: redis.url, NO_COLOR: "1" };
  const runner = startWbsync(["run", "--url", `redis://${name}:secret@127.0.0.1:${redis.port}`], { env, cwd: dir });
  t.after(() => runner.stop("SIGKILL"));
  const deployed = await wbsync(["deploy", recipe, "--no-check", "--wait", "20"], { env });
  assert.equal(deployed.code, 0, deployed.stderr + runner.stderr());

  const rows = () => sqliteQuery(file, "SELECT id, first, age FROM persons ORDER BY id");
  await admin.hset("person:1", { first_name: "Ada", age: "36" });
  await admin.hincrby("person:1", "age", 1);
  await admin.hset("person:2", { first_name: "Alan", "#": "=a" });
  await admin.hset("person:3", { first_name: "nobody", "#": "-b" });
  await admin.hset("__{person:4}", { first_name: "Grace", "#": "=c" });
  const ada = { id: "1", first: "Ada", age: 37 };
  const others = [
    { id: "2", first: "Alan", age: null },
    { id: "4", first: "Grace", age: null },
  ];
  await rowsBecome(rows, [ada, ...others]);
  await waitFor(async () => (await admin.exists("{person:2}a", "{person:3}b", "{person:4}c")) === 3, {
    what: "answers",
  });
  await waitFor(async () => !(await admin.exists("person:3")), { what: "the deletion of person:3" });

  await admin.hset("person:5", { age: "many" });
  await waitFor(async () => (await admin.xlen("wbsync:dead:Behind")) === 1, { what: "a dead letter" });
  await wbsync(["dlq", "retry", "Behind", "--all"], { env });
  await waitFor(async () => (await admin.llen("wbsync:retry:Behind")) === 0, { what: "the retry to be taken" });
  await admin.hset("person:5", { age: "5" });
  await waitFor(async () => (await admin.xlen("wbsync:dead:Behind")) === 0, { what: "the dead letter to be healed" });
  await admin.del("person:1");
  await rowsBecome(rows, [...others, { id: "5", first: null, age: 5 }]);

  await admin.flushall();
  await waitFor(async () => (await admin.hlen("wbsync:recipes")) === 2, { what: "registrations to be put back" });
  assert.equal((await wbsync(["undeploy", "Through"], { env })).code, 0);
  const { code } = await runner.stop();
  assert.equal(code, 0);
  assert.deepEqual(await admin.call("ACL", "LOG"), []);
});

test("every error code is explained", () => {
  const codes = [...document("src/errors.ts").matchAll(/^ {2}\| "([A-Z_]+)"/gm)].map(([, code]) => code!);
  assert.ok(codes.length > 10);
  const page = document("docs/errors.md");
  for (const code of codes) assert.match(page, new RegExp(`^\\| \`${code}\``, "m"));
});

test("every metric and every state is explained", () => {
  const page = document("docs/operations.md");
  for (const [name] of document("src/observe/metrics.ts").matchAll(/wbsync_\w+/g)) assert.ok(page.includes(name), name);
  const states = /export type State =([^;]*);/.exec(document("src/registry/types.ts"))?.[1] ?? "";
  for (const [, state] of states.matchAll(/\| "(\w+)"/g)) assert.match(page, new RegExp(`^\\| \`${state}\``, "m"));
});
