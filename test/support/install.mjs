/**
 * Makes sure that the servers which the tests start privately are there, and what fetches or builds further ones: installs them, or
 * unpacks them where they must not be installed. `node test/support/install.mjs [redis] [mariadb] [postgres]` does it by hand. Needs
 * nothing but Node, for it runs before `npm ci`.
 */
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { advice } from "./advice.mjs";
import { canUnpack, unpack, unpackedPrograms } from "./unpacked.mjs";

/** Programs that must be there, the package that brings them, and the service that comes with it. */
const SERVERS = {
  redis: { programs: ["redis-server"], apt: "redis-server", brew: "redis", unit: "redis-server" },
  mariadb: { programs: ["mariadbd", "mariadb-install-db"], apt: "mariadb-server", brew: "mariadb", unit: "mariadb" },
  postgres: { programs: ["initdb", "postgres"], apt: "postgresql", brew: "postgresql", unit: "postgresql" },
  java: { programs: ["java"], apt: "openjdk-17-jre-headless", brew: "openjdk@17" },
  maven: { programs: ["mvn"], apt: "maven", brew: "maven" },
  go: { programs: ["go"], apt: "golang-go", brew: "go" },
  // Debian has the modules that make an environment in packages of their own.
  python: { programs: ["python3"], check: ["-c", "import ensurepip, venv"], apt: "python3-venv", brew: "python" },
};

const APT_SCRIPT = fileURLToPath(new URL("apt-install.sh", import.meta.url));
/** What Debian asks before it starts a service. */
const POLICY = "/usr/sbin/policy-rc.d";

/** Whether `npm ci` has been here, and came to its end: npm writes this file last. Seen from the folder of the project. */
export function hasNpmPackages() {
  return fs.existsSync("node_modules/.package-lock.json");
}

/**
 * Gets what is missing of these names in SERVERS; throws an error that says what to do where it cannot. What is unpacked comes into
 * this process's PATH. `command` is what the user wanted to run.
 */
export function ensureServers(names, command) {
  if (names.every(isThere)) return;
  const missing = () => names.filter((name) => !isThere(name));
  const apt = isInPath("apt-get");
  const { problems, conflict } = apt ? bring(missing) : { problems: [], conflict: false };
  if (missing().length === 0) return;
  const packages = (manager) => missing().map((name) => SERVERS[name][manager]);
  const machine = {
    ...{ apt, conflict, brew: isInPath("brew") },
    ...{ root: process.getuid?.() === 0, sudo: isInPath("sudo") },
  };
  const what = { names: missing(), packages: { apt: packages("apt"), brew: packages("brew") }, command, machine };
  throw new Error([...problems, advice(what)].join("\n\n"));
}

/** Installs what is missing, and unpacks what cannot be installed; tells what stood in the way. */
function bring(missing) {
  const root = rootCommand();
  const output = root ? install(missing(), root) : "";
  const problems = [];
  let conflict = false;
  for (const name of missing()) {
    const inTheWay = packagesInTheWay(name);
    conflict ||= inTheWay.length > 0;
    if (inTheWay.length > 0) {
      problems.push(
        `${SERVERS[name].apt} was not installed: it would remove ${inTheWay.join(", ")} from this machine.`,
      );
    } else if (root) problems.push(`apt-get could not install ${SERVERS[name].apt}:\n${output}`);
    // Whatever else keeps apt from installing keeps it from downloading as well.
    if (canUnpack(name) && (inTheWay.length > 0 || !root)) problems.push(...tryToUnpack(name));
  }
  return { problems: [...new Set(problems)], conflict };
}

/** Returns what apt said last. */
function install(names, root) {
  const packages = names.map((name) => SERVERS[name].apt);
  console.error(`Installing ${packages.join(", ")} (a few minutes at most) …`);
  const units = names.flatMap((name) => SERVERS[name].unit ?? []).join(" ");
  const [command, ...args] = [...root, "sh", APT_SCRIPT, POLICY, units, ...packages];
  // A file without a name: unlike a pipe it does not end apt, in the middle of its work, when this process is ended.
  const folder = fs.mkdtempSync(join(tmpdir(), "wbsync-install-"));
  const log = fs.openSync(join(folder, "log"), "w+");
  fs.rmSync(folder, { recursive: true });
  spawnSync(command, args, { stdio: ["ignore", log, log] });
  const bytes = Buffer.alloc(fs.fstatSync(log).size);
  fs.readSync(log, bytes, 0, bytes.length, 0);
  fs.closeSync(log);
  return bytes.toString().trim().split("\n").slice(-15).join("\n");
}

/** The packages that apt would remove for this server. Asking needs no rights. */
function packagesInTheWay(name) {
  const args = ["-s", "-qq", "install", "-y", "--no-install-recommends", SERVERS[name].apt];
  const { stdout } = spawnSync("apt-get", args, { encoding: "utf8" });
  return [...(stdout ?? "").matchAll(/^Remv (\S+)/gm)].map(([, removed]) => removed);
}

function tryToUnpack(name) {
  console.error(`Unpacking ${SERVERS[name].apt} beside the system, without installing it (a minute at most) …`);
  try {
    unpack(name);
    return [];
  } catch (error) {
    return [`${SERVERS[name].apt} could not be unpacked either:\n${error.message}`];
  }
}

/** Also puts what was unpacked into PATH, for this process and those that it starts. */
function isThere(name) {
  const unpacked = unpackedPrograms(name);
  const { programs, check } = SERVERS[name];
  if (!programs.every(isInPath) && fs.existsSync(unpacked)) {
    process.env.PATH = [unpacked, process.env.PATH].join(delimiter);
  }
  return programs.every(isInPath) && (!check || spawnSync(programs[0], check, { stdio: "ignore" }).status === 0);
}

/** Ordinary users do not have the folders of servers in their path, and Debian keeps PostgreSQL's programs apart. */
function isInPath(program) {
  const postgres = "/usr/lib/postgresql";
  const versions = fs.existsSync(postgres) ? fs.readdirSync(postgres).map((name) => join(postgres, name, "bin")) : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", ...versions];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path) {
  try {
    fs.accessSync(path, fs.constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What to put before a command so that it runs as root without a question; undefined where that cannot be had. */
function rootCommand() {
  if (process.getuid?.() === 0) return [];
  const sudo = isInPath("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0;
  return sudo ? ["sudo", "-n"] : undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  try {
    ensureServers(names.length > 0 ? names : ["redis", "mariadb", "postgres"], "npm test");
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
