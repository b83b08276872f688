/**
 * Servers of the machine's own Debian or Ubuntu release in a folder of their own, with every library that they need: for machines where
 * they cannot be installed, since that would remove something or needs a password. Kept in a cache for the next run. (debian.ts has
 * programs of Debian's unstable release.)
 */
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { homedir } from "node:os";
import { basename, join } from "node:path";

/** The package; the programs to call; those that they call themselves; options by program, in the folder that they will be in. */
const SERVERS = {
  redis: {
    package: "redis-server",
    programs: ["usr/bin/redis-server", "usr/bin/redis-cli", "usr/bin/redis-benchmark"],
  },
  mariadb: {
    package: "mariadb-server",
    programs: ["usr/sbin/mariadbd", "usr/bin/mariadb-install-db"],
    helpers: ["usr/bin/my_print_defaults", "usr/bin/resolveip"],
    options: (folder) => ({
      mariadbd: [
        ...[`--lc-messages-dir=${folder}/usr/share/mysql`, `--character-sets-dir=${folder}/usr/share/mysql/charsets`],
        `--plugin-dir=${folder}/usr/lib/mysql/plugin`,
      ],
      "mariadb-install-db": [`--basedir=${folder}/usr`],
    }),
  },
  // Debian has a folder for each major version.
  postgres: {
    package: "postgresql",
    programs: ["usr/lib/postgresql/*/bin/initdb", "usr/lib/postgresql/*/bin/postgres"],
  },
};

/** Whether `unpack` can get it. As root PostgreSQL needs a user of its own, which only an installation makes. */
export function canUnpack(name) {
  return name in SERVERS && fs.existsSync("/usr/bin/dpkg") && (name !== "postgres" || process.getuid?.() !== 0);
}

/** The folder for PATH with the programs of a server, which is there once the server has been unpacked. */
export function unpackedPrograms(name) {
  return join(cache(), `${name}-unpacked`, "programs");
}

/** Downloads and unpacks a server; throws what apt says where it cannot. */
export function unpack(name) {
  const server = SERVERS[name];
  const folder = join(cache(), `${name}-unpacked`);
  fs.mkdirSync(cache(), { recursive: true });
  // Under another name first: an interrupted download must not count. The server's user must be able to look into it.
  const work = fs.mkdtempSync(join(cache(), "work-"));
  const root = join(work, "root");
  try {
    fs.chmodSync(work, 0o755);
    for (const archive of download(work, server.package)) run("dpkg", ["-x", archive, root]);
    wrapAll(root, folder, server);
    rename(root, folder);
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
}

/** A home of root's is closed to the users that servers run as. */
function cache() {
  const own = process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache");
  return join(process.env.XDG_CACHE_HOME ?? own, "wbsync");
}

/** The package and all that it depends on, as paths of archives: for apt nothing is installed yet. */
function download(work, packageName) {
  for (const folder of ["lists/partial", "archives/partial", "cache", "root"]) {
    fs.mkdirSync(join(work, folder), { recursive: true });
  }
  fs.writeFileSync(join(work, "status"), "");
  const places = {
    ...{ "Dir::State::lists": "lists", "Dir::State::status": "status" },
    ...{ "Dir::Cache": "cache", "Dir::Cache::archives": "archives" },
  };
  const options = Object.entries(places).flatMap(([option, path]) => ["-o", `${option}=${join(work, path)}`]);
  const apt = (...args) =>
    run("apt-get", [...options, "-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", ...args]);
  apt("update");
  apt("install", "--yes", "--no-install-recommends", "--download-only", packageName);
  const archives = join(work, "archives");
  const files = fs.readdirSync(archives).filter((file) => file.endsWith(".deb"));
  return files.map((file) => join(archives, file));
}

/** `root` is where the files are, and `folder` where they will be. */
function wrapAll(root, folder, { programs, helpers = [], options = () => ({}) }) {
  fs.mkdirSync(join(root, "programs"));
  for (const path of helpers) wrap(root, folder, path, []);
  for (const pattern of programs) {
    const path = resolveStar(root, pattern);
    wrap(root, folder, path, options(folder)[basename(path)] ?? []);
    writeScript(join(root, "programs", basename(path)), [join(folder, path)], []);
  }
}

function resolveStar(root, pattern) {
  const [before, after] = pattern.split("*");
  return after === undefined ? pattern : `${before}${fs.readdirSync(join(root, before))[0]}${after}`;
}

/** Puts a script in the program's place that starts it with the folder's own loader and libraries, and with these options. */
function wrap(root, folder, path, options) {
  const actual = `${path}.actual`;
  fs.renameSync(join(root, path), join(root, actual));
  const libraries = findLibraries(root).map((name) => join(folder, name));
  const loader = [join(folder, findLoader(root)), "--argv0", join(folder, path), "--library-path", libraries.join(":")];
  writeScript(join(root, path), [...(isScript(join(root, actual)) ? [] : loader), join(folder, actual)], options);
}

function isScript(path) {
  return fs.readFileSync(path).subarray(0, 2).toString() === "#!";
}

function writeScript(path, command, options) {
  const quote = (words) => words.map((word) => `'${word}'`).join(" ");
  fs.writeFileSync(path, `#!/bin/sh\nexec ${quote(command)} "$@" ${quote(options)}\n`, { mode: 0o755 });
}

/** Until Debian 13 the C library is in /lib, which on an installed system is /usr/lib. */
function findLibraries(root) {
  return ["lib", "usr/lib"].flatMap((folder) => find(root, folder, /-linux-gnu/));
}

/** Not the link in /lib64, which may lead out of the folder. */
function findLoader(root) {
  const [found] = findLibraries(root).flatMap((folder) => find(root, folder, /^ld(-linux|64)/));
  if (!found) throw new Error("apt brought no loader of programs.");
  return found;
}

function find(root, folder, pattern) {
  const names = fs.existsSync(join(root, folder)) ? fs.readdirSync(join(root, folder)) : [];
  return names.filter((name) => pattern.test(name)).map((name) => join(folder, name));
}

function rename(from, to) {
  try {
    fs.renameSync(from, to);
  } catch (error) {
    // Another process was faster; its files are the same.
    if (!fs.existsSync(to)) throw error;
  }
}

/** Runs a command to its end; its failure is ours. */
function run(command, args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, { encoding: "utf8", maxBuffer: 1 << 24 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${stdout}${stderr}`.trim().split("\n").slice(-5).join("\n"));
}
