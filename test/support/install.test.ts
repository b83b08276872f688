import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { advice, inDocker } from "./advice.mjs";
import { tempDir } from "./process.js";
import { waitFor } from "./wait.js";

const SCRIPT = fileURLToPath(new URL("apt-install.sh", import.meta.url));
const INSTALL = new URL("install.mjs", import.meta.url).href;

/** A machine whose apt-get and systemctl do what these texts of sh say, and note their calls. */
function machineWith(programs: Readonly<Record<string, string>>) {
  const folder = tempDir("wbsync-install");
  const bin = join(folder, "bin");
  mkdirSync(bin);
  const log = join(folder, "log");
  writeFileSync(log, "");
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >>'${log}'\n${text}\n`, { mode: 0o755 });
  }
  const policy = join(folder, "policy-rc.d");
  const env = { ...process.env, PATH: [bin, process.env["PATH"]].join(delimiter), POLICY: policy, FOLDER: folder };
  return { folder, bin, policy, env, calls: () => readFileSync(log, "utf8").trim().split("\n") };
}

const installed = (units: string, ...packages: string[]) => ({
  with: (machine: ReturnType<typeof machineWith>) =>
    spawnSync("sh", [SCRIPT, machine.policy, units, ...packages], { env: machine.env, encoding: "utf8" }),
});

test("packages are installed one by one, and none is removed for them", () => {
  const machine = machineWith({ "apt-get": '[ "$8" != mariadb-server ]', systemctl: "" });
  installed("", "mariadb-server", "redis-server").with(machine);
  const calls = machine.calls();
  assert.deepEqual(
    calls.map((call) => call.split(" ").at(-1)),
    ["-qq", "mariadb-server", "redis-server"],
  );
  for (const call of calls.slice(1)) assert.match(call, /^apt-get install -y .*--no-remove/);
});

test("only services that were not there before are kept from starting with the machine", () => {
  const machine = machineWith({
    "apt-get": '[ "$1" != install ] || touch "$FOLDER/mariadb.service"',
    systemctl:
      '[ "$1" != list-unit-files ] || case $3 in redis-server.service) echo "$3" ;; *) ls "$FOLDER" | grep -x "$3" ;; esac',
  });
  installed("redis-server mariadb postgresql", "mariadb-server").with(machine);
  const changes = machine.calls().filter((call) => /^systemctl (?!list)/.test(call));
  assert.deepEqual(changes, ["systemctl --quiet disable mariadb.service", "systemctl --quiet stop mariadb.service"]);
});

test("no service starts during an installation, and nothing of it stays", { skip: !existsSync("/proc") }, () => {
  const machine = machineWith({
    "apt-get": '"$POLICY" redis-server start; echo $? >>"$FOLDER/answers"',
    systemctl: "",
  });
  installed("", "redis-server").with(machine);
  assert.equal(readFileSync(join(machine.folder, "answers"), "utf8"), "101\n101\n");
  assert.ok(!existsSync(machine.policy));
});

test("the user's own policy is left as it is", () => {
  const machine = machineWith({ "apt-get": "", systemctl: "" });
  writeFileSync(machine.policy, "#!/bin/sh\nexit 0\n");
  installed("", "redis-server").with(machine);
  assert.equal(readFileSync(machine.policy, "utf8"), "#!/bin/sh\nexit 0\n");
});

/** Starts an installation that does not end, and ends it with this signal. */
async function interrupted(signal: NodeJS.Signals) {
  const machine = machineWith({ "apt-get": "exec sleep 60", systemctl: "" });
  const child = spawn("sh", [SCRIPT, machine.policy, "", "redis-server"], {
    ...{ env: machine.env, stdio: "ignore", detached: true },
  });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  // As Ctrl-C does: all of them.
  const end = (how: NodeJS.Signals) => process.kill(-(child.pid as number), how);
  after(() => child.exitCode ?? child.signalCode ?? end("SIGKILL"));
  await waitFor(() => machine.calls()[0] !== "", { what: "apt-get" });
  assert.ok(existsSync(machine.policy));
  end(signal);
  await ended;
  return machine;
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`an installation that ${signal} ended leaves nothing that keeps services from starting`, async () => {
    assert.ok(!existsSync((await interrupted(signal)).policy));
  });
}

test("what kill -9 leaves of an installation lets services start, and takes itself away", async () => {
  const { policy } = await interrupted("SIGKILL");
  assert.equal(spawnSync(policy, ["redis-server", "start"]).status, 104);
  assert.ok(!existsSync(policy));
});

const NOTHING = { apt: false, conflict: false, brew: false, root: false, sudo: false };
const APT = { ...NOTHING, apt: true };
for (const [machine, expected] of [
  [{ ...APT, root: true, sudo: true }, "apt-get install -y --no-remove redis-server postgresql"],
  [{ ...APT, sudo: true }, "sudo apt-get install -y --no-remove redis-server postgresql"],
  [APT, 'su -c "apt-get install -y --no-remove redis-server postgresql"'],
  [{ ...NOTHING, brew: true }, "brew install redis postgresql"],
  [NOTHING, inDocker("npm run demo")],
  [{ ...APT, conflict: true }, inDocker("npm run demo")],
] as const) {
  test(`with ${JSON.stringify(machine)} the advice is to run: ${expected}`, () => {
    const packages = { apt: ["redis-server", "postgresql"], brew: ["redis", "postgresql"] };
    const text = advice({ names: ["redis", "postgres"], packages, command: "npm run demo", machine });
    assert.equal(text.split("\n")[2], `  ${expected}`);
    // With another package manager, but not where apt has just refused.
    assert.equal(/package manager/.test(text), machine === NOTHING, text);
  });
}

/** Runs this script where nothing but these programs is in PATH, as an ordinary user would. */
function node(script: string, machine: ReturnType<typeof machineWith>) {
  const env = { ...machine.env, PATH: machine.bin, XDG_CACHE_HOME: machine.folder };
  const args = ["--input-type=module", "-e", `process.getuid = () => 1000;\n${script}`];
  return spawnSync(process.execPath, args, { env, cwd: machine.folder, encoding: "utf8" });
}

test("where an installation would remove something, it is named, and what is advised removes nothing", () => {
  const machine = machineWith({
    "apt-get":
      'case " $*" in *" -s "*) echo "Remv valkey-redis-compat [8]" ;; *) echo "E: no network"; exit 100 ;; esac',
  });
  const script = `import { ensureServers } from "${INSTALL}"; ensureServers(["redis"], "npm run bench");`;
  const { status, stderr } = node(script, machine);
  assert.equal(status, 1);
  assert.match(stderr, /redis-server was not installed: it would remove valkey-redis-compat from this machine\./);
  assert.ok(stderr.includes(`Please run:\n\n  ${inDocker("npm run bench")}\n`), stderr);
  assert.deepEqual(
    readdirSync(machine.folder, { recursive: true }).filter((name) => String(name).includes("work-")),
    [],
  );
});

test("npm's packages count only when npm came to its end", () => {
  const machine = machineWith({});
  const script = `import { hasNpmPackages } from "${INSTALL}"; process.stdout.write(String(hasNpmPackages()));`;
  mkdirSync(join(machine.folder, "node_modules"));
  assert.equal(node(script, machine).stdout, "false");
  writeFileSync(join(machine.folder, "node_modules", ".package-lock.json"), "{}");
  assert.equal(node(script, machine).stdout, "true");
});

const asRoot = { skip: process.getuid?.() !== 0 };
test("the command for Docker reads a clone that belongs to somebody else", asRoot, () => {
  const folder = tempDir("wbsync-docker");
  const git = (...args: string[]) =>
    spawnSync("git", ["-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", ...args]);
  git("init", "--quiet", "src");
  git("-C", "src", "commit", "--quiet", "--allow-empty", "-m", "first");
  for (const path of ["src", "src/.git"]) chownSync(join(folder, path), 65534, 65534);
  const [, shell = ""] = /sh -c '(.*)'$/.exec(inDocker("git log --format=%s")) ?? [];
  const script = shell.replaceAll(" /wbsync", ` ${join(folder, "copy")}`).replace(" /src", ` ${join(folder, "src")}`);
  const env = { PATH: process.env["PATH"], HOME: folder };
  const { stdout, stderr } = spawnSync("sh", ["-c", script], { env, cwd: folder, encoding: "utf8" });
  assert.equal(stdout, "first\n", stderr);
});
