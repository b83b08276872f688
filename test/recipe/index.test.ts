import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import * as api from "../../src/index.js";

test("a recipe may import exactly what is public", () => {
  assert.deepEqual(Object.keys(api).sort(), [
    "cassandra",
    "configGet",
    "mongodb",
    "mssql",
    "mysql",
    "oracle",
    "postgres",
    "redis",
    "snowflake",
    "sqlite",
    "writeBehind",
    "writeThrough",
  ]);
});

test("importing the API loads no driver, no client and no compiler", async () => {
  const script = `
    import { createRequire } from "node:module";
    await import(${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)});
    console.log(JSON.stringify(Object.keys(createRequire(import.meta.url).cache)));
  `;
  const args = ["--import", "tsx", "--input-type=module", "--eval", script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL("../../", import.meta.url) });
  const loaded = JSON.parse(stdout) as readonly string[];
  assert.ok(loaded.some((path) => path.includes("/node_modules/semver/")));
  const heavy =
    /\/node_modules\/(@photostructure\/sqlite|cassandra-driver|ioredis|mongodb|mssql|mysql2|oracledb|pg|snowflake-sdk|typescript|inquirer|pino)\//;
  assert.deepEqual(
    loaded.filter((path) => heavy.test(path)),
    [],
  );
});
