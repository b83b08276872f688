/**
 * `npm test`: installs what is missing, builds, runs the tests, and proves that they cleaned up.
 *
 *     npm test                    every *.test.ts under test/, but for connectors whose servers are not in every distribution
 *     npm test -- mysql cli/      the files whose path contains one of these
 *     npm run test:connectors     the connectors that npm test leaves out; what cannot be had here is skipped, and said at the end
 *
 * Needs nothing but Node, for it also works straight after `git clone`.
 */
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { leftovers } from "./support/leftovers.mjs";
import { ensureServers, hasNpmPackages } from "./support/install.mjs";

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** More files at a time than the usual two cores: most tests wait for a server. */
const CONCURRENCY = 3;
/** These take longest, mostly waiting: begun last they would be waited for alone. */
const FIRST = /cassandra|snowflake-harm|[/-]kill|outage|runners|memory|upgrade/;
/** Where the tests' reporter lists what was skipped. */
const SKIPPED = "skipped.txt";
/** These run everywhere; the other connectors' servers take minutes to get, and have a command of their own. */
const EVERYWHERE = /^test\/connectors\/(mysql|postgres|sqlite|sql)/;
/** Only by name: the emulator now and then refuses a call as busy when a runner was killed in the middle of one. */
const BY_NAME = /^test\/connectors\/snowflake-kill/;

/** As the head of this file says it. */
const USAGE = `npm test                    every test file, but for connectors whose servers are not in every distribution
npm test -- mysql cli/      the files whose path contains one of these
npm run test:connectors     the connectors that npm test leaves out; what cannot be had here is skipped, and said at the end`;

async function main() {
  const args = process.argv.slice(2);
  if (args.includes("--help") || args.includes("-h")) {
    console.log(USAGE);
    return 0;
  }
  process.chdir(ROOT);
  const files = chosenFiles(args);
  if (!hasNpmPackages()) run("npm", ["ci"]);
  const command = args.includes("--connectors") ? "npm run test:connectors" : "npm test";
  ensureServers(["redis", "mariadb", "postgres"], command);
  run(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.json"]);
  if (args.includes("--connectors") && args.length === 1) prepareConnectors(command);
  // Everything temporary goes into one folder, so that what stays behind is found. PostgreSQL's own user looks into it.
  const folder = mkdtempSync(join(tmpdir(), "wbsync-test-"));
  chmodSync(folder, 0o755);
  try {
    const code = await test(files, folder);
    sayWhatWasSkipped(folder);
    const left = await leftovers(folder);
    for (const line of left) console.error(`Left behind: ${line}`);
    return left.length > 0 ? 1 : code;
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

function chosenFiles(args) {
  const filters = args.filter((arg) => !arg.startsWith("-"));
  const unknown = args.find((arg) => arg.startsWith("-") && arg !== "--connectors");
  if (unknown) throw new Error(`Unknown option ${unknown}: expected --connectors or parts of file names.`);
  const isChosen = args.includes("--connectors")
    ? (file) =>
        file.startsWith("test/connectors/") && ((!EVERYWHERE.test(file) && !BY_NAME.test(file)) || filters.length > 0)
    : (file) => !file.startsWith("test/connectors/") || EVERYWHERE.test(file) || filters.length > 0;
  const files = readdirSync("test", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) =>
      relative(ROOT, join(ROOT, entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join("/"),
    )
    .filter(isChosen)
    .filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)))
    .sort();
  if (files.length === 0) throw new Error(`No test file matches ${filters.join(" ") || "anything"}.`);
  return files;
}

/** Without these the tests of some connectors are skipped, which is no reason to stop. */
function prepareConnectors(command) {
  for (const name of ["java", "maven", "go", "python"]) {
    try {
      ensureServers([name], command);
    } catch (error) {
      console.error(error.message);
    }
  }
  run(process.execPath, ["--import", "tsx", "test/support/prepare.ts"]);
}

/** In one list, for a line among hundreds is not read. */
function sayWhatWasSkipped(folder) {
  const path = join(folder, SKIPPED);
  const lines = existsSync(path) ? readFileSync(path, "utf8").trim() : "";
  rmSync(path, { force: true });
  if (lines !== "") console.error(`\nNot tested, since it could not be had here:\n${lines.replaceAll(/^/gm, "- ")}`);
}

/** Runs a command to its end; its failure is ours. */
function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"] });
  if (error) throw error;
  if (status !== 0) throw new Error(`"${command} ${args.join(" ")}" failed.`);
}

/** Runs the test files, and resolves to node's exit code. */
async function test(files, folder) {
  const inOrder = [...files.filter((file) => FIRST.test(file)), ...files.filter((file) => !FIRST.test(file))];
  const args = ["--import", "tsx", "test/support/run-files.mjs", CONCURRENCY, join(folder, SKIPPED), ...inOrder];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"], env: environment(folder) });
  // Ctrl-C reaches the tests as well: let them end, then clean up.
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  return await new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** The developer's own Redis and settings are none of the tests' business. */
function environment(folder) {
  const env = { ...process.env, TMPDIR: folder };
  for (const name of Object.keys(env)) {
    const ours = name.startsWith("WBSYNC_") && !name.startsWith("WBSYNC_TEST_");
    if (ours || ["REDIS_URL", "REDISCLI_AUTH", "NO_COLOR", "FORCE_COLOR"].includes(name)) delete env[name];
  }
  return env;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
