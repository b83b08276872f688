/** Drivers are optional: where one is not installed, the command that installs it is named. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { tempDir } from "../support/process.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The package of each optional driver, and a table that needs it. */
const DRIVERS: Readonly<Record<string, string>> = {
  "cassandra-driver": `cassandra("cassandra://h/k?localDataCenter=d").table("t", { primaryKey: "id" })`,
  mongodb: `mongodb("mongodb://h/d").collection("c", { primaryKey: "_id" })`,
  mssql: `mssql("mssql://u:p@h/d").table("t", { primaryKey: "id" })`,
  oracledb: `oracle("oracle://u:p@h:1521/s").table("t", { primaryKey: "id" })`,
  "snowflake-sdk": `snowflake("snowflake://u:p@a/d/s").table("t", { primaryKey: "id" })`,
};

/** wbsync as npm installs it: with its dependencies, and without optional peers. */
const dir = tempDir("wbsync-drivers");
before(() => {
  const modules = join(dir, "node_modules");
  const manifest = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { dependencies: object };
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(modules, name));
  }
  for (const name of ["package.json", "dist"])
    cpSync(join(ROOT, name), join(modules, "wbsync", name), { recursive: true });
});

for (const [driver, table] of Object.entries(DRIVERS)) {
  test(`a recipe whose driver ${driver} is not installed says which command installs it`, async () => {
    const file = join(dir, `${driver}.mjs`);
    writeFileSync(
      file,
      `import * as wbsync from "wbsync";
const { cassandra, mongodb, mssql, oracle, snowflake } = wbsync;
const sink = ${table}.sink({ recipe: "r", columns: [] });
await sink.open(new AbortController().signal).catch((error) => {
  console.log(JSON.stringify({ code: error.code, message: error.message, hint: error.hint, kind: sink.classify(error) }));
});
`,
    );
    const { stdout } = await promisify(execFile)(process.execPath, [file]);
    assert.deepEqual(JSON.parse(stdout), {
      ...{ code: "DRIVER_MISSING", kind: "fatal" },
      ...{ message: `The driver "${driver}" is not installed`, hint: `Run: npm install ${driver}` },
    });
  });
}
