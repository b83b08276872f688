/**
 * A private FerretDB 2, which speaks MongoDB's protocol and keeps its documents in PostgreSQL with the DocumentDB extension. Go builds
 * it once from its module proxy; PostgreSQL and the extension come from Debian (see debian.ts).
 */
import { execFile } from "node:child_process";
import { chmod, copyFile, cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { debianFolder } from "./debian.js";
import { startPostgres } from "./postgres.js";
import { freePort, spawnServer, tempDir } from "./process.js";

const run = promisify(execFile);

const VERSION = "v2.7.0";
const MODULE = "github.com/FerretDB/FerretDB/v2";
/** What Go's checksum database says of this version: another content is not built. */
const SUM = "h1:e68kyioANdGrATjgVINPCJgsSN7H+cOPMDGvJoYxz5E=";

const BIN = "usr/lib/postgresql/18/bin";
const EXTENSIONS = "usr/share/postgresql/18/extension";
const DOCUMENTDB = {
  ...{ name: "documentdb", packages: ["postgresql-18-documentdb"], libraries: ["usr/lib/postgresql/18/lib"] },
  programs: ["postgres", "initdb"].map((name) => join(BIN, name)),
  // Debian's package does this when it is installed.
  links: { [join(EXTENSIONS, "postgis.control")]: "postgis-3.control" },
};
const SETTINGS = ["shared_preload_libraries=pg_cron,pg_documentdb_core,pg_documentdb", "cron.database_name=test"];

/** The two halves of the server. */
export interface FerretdbPrograms {
  readonly ferretdb: string;
  /** The folder of PostgreSQL's programs. */
  readonly postgres: string;
}

/** Downloads and builds what is not there yet, which takes minutes; throws what is missing. */
export async function findFerretdb(): Promise<FerretdbPrograms> {
  const ferretdb = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "wbsync", `ferretdb-${VERSION}`);
  const folder = await debianFolder(DOCUMENTDB);
  if (!existsSync(ferretdb)) await build(ferretdb);
  return { ferretdb, postgres: join(folder, BIN) };
}

async function build(path: string): Promise<void> {
  const env = { ...process.env, GOFLAGS: "-buildvcs=false", GOTOOLCHAIN: "local", CGO_ENABLED: "0" };
  const source = tempDir("wbsync-ferretdb-source");
  const { stdout } = await run("go", ["mod", "download", "-json", `${MODULE}@${VERSION}`], { env, cwd: source });
  const { Dir, Sum } = JSON.parse(stdout) as { Dir: string; Sum: string };
  if (Sum !== SUM) throw new Error(`${MODULE} ${VERSION} is not what it was: expected ${SUM}, got ${Sum}`);
  // The module's own folder is read-only, and its main program wants to be told its version by a file.
  const copy = join(source, "copy");
  await cp(Dir, copy, { recursive: true });
  await run("chmod", ["-R", "u+w", copy]);
  await writeFile(join(copy, "build", "version", "version.txt"), `${VERSION}\n`);
  const built = join(source, "ferretdb");
  await run("go", ["build", "-trimpath", "-o", built, "./cmd/ferretdb"], { env, cwd: copy, maxBuffer: 1 << 24 });
  await mkdir(dirname(path), { recursive: true });
  // Another process may have been as fast: both are the same.
  await copyFile(built, `${path}.${process.pid}`);
  await chmod(`${path}.${process.pid}`, 0o755);
  await rename(`${path}.${process.pid}`, path);
  await rm(source, { recursive: true, force: true });
}

/** Starts both. The user is PostgreSQL's. */
export async function startFerretdb(programs: FerretdbPrograms, ready: (url: string) => Promise<boolean>) {
  const postgres = await startPostgres(SETTINGS, programs.postgres);
  await postgres.query("CREATE EXTENSION documentdb CASCADE");
  const folder = tempDir("wbsync-ferretdb");
  const [port, { host, user, password, database }] = [await freePort(), postgres];
  const url = `mongodb://${user}:${password}@${host}:${port}/${database}`;
  const start = () =>
    spawnServer({
      command: programs.ferretdb,
      args: [
        ...[`--postgresql-url=${postgres.url}`, `--listen-addr=${host}:${port}`, `--state-dir=${folder}`],
        ...["--debug-addr=-", "--telemetry=disable", "--log-level=ERROR"],
      ],
      logFile: join(folder, "server.log"),
      ready: () => ready(url),
      cwd: folder,
      env: { ...process.env, DO_NOT_TRACK: "1" },
    });
  let server = await start();
  return {
    ...{ host, port, user, password, database, url },
    async kill() {
      await server.kill();
      await postgres.kill();
    },
    async shutdown() {
      await server.stop();
      await postgres.shutdown();
    },
    async start() {
      await postgres.start();
      if (!server.running) server = await start();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async stop() {
      await server.kill();
      await postgres.stop();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
