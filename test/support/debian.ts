/**
 * Programs of Debian's unstable release in a folder of their own, with every library that they need down to the C library:
 * nothing is installed, and the machine's own release does not matter. Kept in a cache for the next run.
 */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const SUITE = "sid";
const KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Folders and index files that apt is given in place of the system's, below the folder of the download. */
const APT = {
  ...{ "Dir::State::lists": "lists", "Dir::State::status": "status", "Dir::Cache": "cache" },
  ...{ "Dir::Cache::archives": "archives", "Dir::Etc::sourcelist": "sources.list", "Dir::Etc::sourceparts": "none" },
};

export interface DebianPrograms {
  /** Names the folder in the cache. */
  readonly name: string;
  readonly packages: readonly string[];
  /** Paths in the folder. */
  readonly programs: readonly string[];
  /** Folders of libraries beside the usual ones. */
  readonly libraries?: readonly string[];
  /** Symbolic links to make: path in the folder, and where it leads. */
  readonly links?: Readonly<Record<string, string>>;
}

/** The folder, which holds what the packages hold ("usr/bin/…"). Downloads it the first time; throws what is missing. */
export async function debianFolder(wanted: DebianPrograms): Promise<string> {
  const folder = join(cache(), `${wanted.name}-${SUITE}`);
  if (existsSync(folder)) return folder;
  if (!existsSync("/usr/bin/dpkg") || !existsSync(KEYS)) throw new Error("this needs Debian's apt and dpkg");
  await mkdir(cache(), { recursive: true });
  // Under another name first: an interrupted download must not count. The server's user must be able to look into it.
  const work = await mkdtemp(join(cache(), "work-"));
  await chmod(work, 0o755);
  try {
    for (const archive of await download(work, wanted.packages)) await run("dpkg", ["-x", archive, join(work, "root")]);
    for (const program of wanted.programs) await wrap(join(work, "root"), folder, program, wanted.libraries ?? []);
    for (const [path, to] of Object.entries(wanted.links ?? {})) await symlink(to, join(work, "root", path));
    // Another process may have been faster: its folder is the same.
    await rename(join(work, "root"), folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** A home of root's is closed to the users that servers run as. */
const cache = (): string => {
  const own = process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache");
  return join(process.env["XDG_CACHE_HOME"] ?? own, "wbsync");
};

/** The packages and all that they depend on, as paths of archives: for apt nothing is installed yet. */
async function download(work: string, packages: readonly string[]): Promise<string[]> {
  for (const folder of ["lists/partial", "archives/partial", "cache", "root"]) {
    await mkdir(join(work, folder), { recursive: true });
  }
  await writeFile(join(work, "status"), "");
  await writeFile(join(work, "sources.list"), `deb [signed-by=${KEYS}] ${await mirror()} ${SUITE} main\n`);
  const options = Object.entries(APT).flatMap(([name, path]) => ["-o", `${name}=${join(work, path)}`]);
  const apt = (...args: string[]) =>
    run("apt-get", [...options, "-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", ...args], {
      maxBuffer: 1 << 24,
    });
  await apt("update");
  await apt("install", "--yes", "--no-install-recommends", "--download-only", ...packages);
  const archives = join(work, "archives");
  return readdirSync(archives)
    .filter((name) => name.endsWith(".deb"))
    .map((name) => join(archives, name));
}

/** Where the machine gets its own packages from. */
async function mirror(): Promise<string> {
  const { stdout } = await run("apt-get", ["indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]);
  const found = stdout.split("\n").find((uri) => uri.endsWith("/debian/"));
  if (found === undefined) throw new Error("apt knows no mirror of Debian");
  return found;
}

/** Puts a script in the program's place that starts it with the folder's own loader and libraries. */
async function wrap(root: string, folder: string, program: string, libraries: readonly string[]): Promise<void> {
  const architecture = readdirSync(join(root, "usr/lib")).find((name) => name.endsWith("-linux-gnu")) ?? "";
  const path = [join("usr/lib", architecture), ...libraries].map((name) => join(folder, name)).join(":");
  const actual = `${program}.actual`;
  await rename(join(root, program), join(root, actual));
  const call = [
    ...[join(folder, loader(root)), "--argv0", join(folder, program), "--library-path", path, join(folder, actual)],
  ];
  await writeFile(join(root, program), `#!/bin/sh\nexec ${call.map((text) => `'${text}'`).join(" ")} "$@"\n`);
  await chmod(join(root, program), 0o755);
}

/** "usr/lib64/ld-linux-x86-64.so.2", or its like. */
function loader(root: string): string {
  for (const folder of ["usr/lib64", "usr/lib"]) {
    const found =
      existsSync(join(root, folder)) && readdirSync(join(root, folder)).find((name) => /^ld-linux/.test(name));
    if (found) return join(folder, found);
  }
  throw new Error(`no loader of programs in ${dirname(root)}`);
}
