/**
 * `npm run bench`: installs what is missing, builds, measures, prints a table and writes JSON.
 *
 *     npm run bench                      every figure (about twenty minutes)
 *     npm run bench -- quick             fewer rows and rounds (about eight minutes)
 *     npm run bench -- drain latency     the figures whose name contains one of these
 *     npm run bench -- --write           also writes docs/benchmarks.md
 *     npm run bench -- --profile <dir>   the runner writes CPU profiles there
 *
 * Needs nothing but Node, for it also works straight after `git clone`.
 */
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { inDocker } from "../support/advice.mjs";
import { ensureServers, hasNpmPackages } from "../support/install.mjs";

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Runs a command to its end; its failure is ours. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw error;
  if (status !== 0) throw new Error(`"${command} ${args.join(" ")}" failed.`);
}

/** Before anything is measured: the first figure without /proc would end the bench. */
function expectLinux() {
  if (process.platform === "linux") return;
  const found = `The bench reads memory and CPU time in Linux's /proc, and this is ${process.platform}. Please run:`;
  throw new Error(`${found}\n\n  ${inDocker("npm run bench")}\n`);
}

try {
  process.chdir(ROOT);
  expectLinux();
  if (!hasNpmPackages()) run("npm", ["ci"]);
  ensureServers(["redis", "mariadb", "postgres"], "npm run bench");
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]);
  run(process.execPath, ["--import", "tsx", "test/bench/main.ts", ...process.argv.slice(2)]);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
