/**
 * Makes sure that the servers which the tests start privately are installed, and what fetches or builds further ones. `node
 * test/support/install.mjs [redis] [mariadb] [postgres]` does it by hand. Needs nothing but Node, for it runs before `npm ci`.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Programs that must be there, and the package that brings them. */
const SERVERS = {
  redis: { programs: ["redis-server"], apt: "redis-server", brew: "redis" },
  mariadb: { programs: ["mariadbd", "mariadb-install-db"], apt: "mariadb-server", brew: "mariadb" },
  postgres: { programs: ["initdb", "postgres"], apt: "postgresql", brew: "postgresql" },
  java: { programs: ["java"], apt: "openjdk-17-jre-headless", brew: "openjdk@17" },
  maven: { programs: ["mvn"], apt: "maven", brew: "maven" },
  go: { programs: ["go"], apt: "golang-go", brew: "go" },
  // Debian has the modules that make an environment in packages of their own.
  python: { programs: ["python3"], check: ["-c", "import ensurepip, venv"], apt: "python3-venv", brew: "python" },
};

/** Installs without questions, and without letting Debian start what it installs: the tests start their own. */
const APT_SCRIPT = `
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' >"$policy" && chmod +x "$policy"
fi
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
`;

/** Installs what is missing of these names in SERVERS; throws an error that says what to do where it cannot. */
export function ensureServers(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  const packages = missing.map((name) => SERVERS[name].apt);
  const root = rootCommand();
  if (root === undefined || !find("apt-get")) throw new Error(advice(missing));
  console.error(`Installing ${packages.join(", ")} (a few minutes at most) …`);
  const [command, ...args] = [...root, "sh", "-c", APT_SCRIPT, "sh", ...packages];
  const result = spawnSync(command, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  const still = missing.filter((name) => !isInstalled(name));
  if (still.length === 0) return;
  const output = `${result.stdout}${result.stderr}`.trim().split("\n").slice(-15).join("\n");
  throw new Error(`apt-get could not install ${packages.join(", ")}:\n${output}\n\n${advice(still)}`);
}

function isInstalled(name) {
  const { programs, check } = SERVERS[name];
  return programs.every(find) && (!check || spawnSync(programs[0], check, { stdio: "ignore" }).status === 0);
}

/** Ordinary users do not have the folders of servers in their path, and Debian keeps PostgreSQL's programs apart. */
function find(program) {
  const postgres = "/usr/lib/postgresql";
  const versions = existsSync(postgres) ? readdirSync(postgres).map((version) => join(postgres, version, "bin")) : [];
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", ...versions];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What to put before a command so that it runs as root without a question; undefined where that cannot be had. */
function rootCommand() {
  if (process.getuid?.() === 0) return [];
  const sudo = find("sudo") && spawnSync("sudo", ["-n", "true"], { stdio: "ignore" }).status === 0;
  return sudo ? ["sudo", "-n"] : undefined;
}

function advice(missing) {
  const packages = (manager) => missing.map((name) => SERVERS[name][manager]).join(" ");
  const command = find("apt-get")
    ? `sudo apt-get install -y ${packages("apt")}`
    : process.platform === "darwin"
      ? `brew install ${packages("brew")}`
      : `docker run --rm -v "$PWD":/src:ro node:20-bookworm sh -c ` +
        `'git clone -q /src /wbsync && cd /wbsync && npm test' (or install ${missing.join(", ")} with your package manager)`;
  return `These servers are needed and not installed: ${missing.join(", ")}. Please run:\n\n  ${command}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  try {
    ensureServers(names.length > 0 ? names : ["redis", "mariadb", "postgres"]);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
