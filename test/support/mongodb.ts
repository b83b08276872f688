/**
 * A private server that speaks MongoDB's protocol: `mongod` as a replica set of one where it is on the path, else FerretDB with
 * SQLite behind it, which Go builds once from its module proxy and which is kept in the user's cache folder.
 */
import { execFile } from "node:child_process";
import { chmod, copyFile, cp, mkdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { MongoClient } from "mongodb";
import { freePort, spawnServer, tempDir, type ServerProcess } from "./process.js";
import { waitFor } from "./wait.js";

const run = promisify(execFile);

export interface MongodbServer {
  readonly product: "MongoDB" | "FerretDB";
  readonly host: string;
  readonly port: number;
  readonly database: string;
  /** Only FerretDB asks for them here. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** With credentials and database. */
  readonly url: string;
  kill(): Promise<void>;
  shutdown(): Promise<void>;
  start(): Promise<void>;
  /** Stops the process where it is (SIGSTOP); `resume` lets it go on. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

/** A program to start, or what is missing to have one. */
type Program =
  | { readonly product: "MongoDB" | "FerretDB"; readonly path: string }
  | { readonly product?: undefined; readonly missing: string };

const VERSION = "v1.24.0";
const MODULE = "github.com/FerretDB/FerretDB";
/** What Go's checksum database says of this version: another content is not built. */
const SUM = "h1:7WJmezL48Bj9bYWnhT/bEJgX5gjT5s7LFdHTqkN25rA=";
const [HOST, DATABASE] = ["127.0.0.1", "test"];

/** Finds or builds a server, which takes minutes the first time; a text says what is missing where it cannot. */
export async function findMongodb(): Promise<Program> {
  for (const folder of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(folder, "mongod");
    if (folder !== "" && (await isFile(path))) return { product: "MongoDB", path };
  }
  const path = join(homedir(), ".cache", "wbsync", `ferretdb-${VERSION}`);
  if (await isFile(path)) return { product: "FerretDB", path };
  try {
    await build(path);
    return { product: "FerretDB", path };
  } catch (error) {
    const reason = (error as Error).message.slice(0, 500);
    const what = "no mongod on the path, and FerretDB could not be built (needs Go 1.22 and its module proxy)";
    return { missing: `${what}: ${reason}` };
  }
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
  const args = ["build", "-trimpath", "-tags", "ferretdb_no_postgresql", "-o", built, "./cmd/ferretdb"];
  await run("go", args, { env, cwd: copy, maxBuffer: 1 << 24 });
  await mkdir(join(path, ".."), { recursive: true });
  await copyFile(built, `${path}.${process.pid}`);
  await chmod(`${path}.${process.pid}`, 0o755);
  // Another test process may have been as fast: both are the same.
  await rename(`${path}.${process.pid}`, path);
  await rm(source, { recursive: true, force: true });
}

async function isFile(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** Starts a private server of a program that was found. */
export async function startMongodb(program: Program): Promise<MongodbServer> {
  if (program.product === undefined) throw new Error(program.missing);
  const { product, path } = program;
  const port = await freePort();
  const folder = tempDir("wbsync-mongodb");
  const [user, password] = product === "FerretDB" ? ["app", "se cret"] : [undefined, undefined];
  const credentials = user === undefined ? "" : `${user}:${encodeURIComponent(password)}@`;
  const parameters = product === "FerretDB" ? "" : "?directConnection=true";
  const url = `mongodb://${credentials}${HOST}:${port}/${DATABASE}${parameters}`;
  const data = join(folder, "data");
  await mkdir(data);
  const ask = async (command: Record<string, unknown>) => {
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 2000, connectTimeoutMS: 2000 });
    try {
      return await client.db("admin").command(command);
    } finally {
      await client.close();
    }
  };
  const start = async (): Promise<ServerProcess> =>
    await spawnServer({
      command: path,
      args: product === "FerretDB" ? ferretdb(data, port, user!, password!) : mongod(data, port),
      logFile: join(folder, "server.log"),
      ready: async () => (await ask({ ping: 1 })).ok === 1,
      cwd: folder,
      env: { ...process.env, DO_NOT_TRACK: "1" },
    });
  let server = await start();
  if (product === "MongoDB") {
    await ask({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: `${HOST}:${port}` }] } });
    await waitFor(async () => (await ask({ hello: 1 })).isWritablePrimary === true);
  }
  return {
    ...{ product, host: HOST, port, database: DATABASE, user, password, url },
    kill: () => server.kill(),
    shutdown: () => server.stop(),
    async start() {
      if (server.running) return;
      server = await start();
      await waitFor(async () => (await ask({ hello: 1 })).isWritablePrimary === true);
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async stop() {
      await server.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const mongod = (data: string, port: number): string[] => [
  ...["--dbpath", data, "--port", String(port), "--bind_ip", HOST, "--replSet", "rs0"],
  ...["--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"],
];

const ferretdb = (data: string, port: number, user: string, password: string): string[] => [
  ...["--handler=sqlite", `--state-dir=${data}`, `--sqlite-url=file:${data}/`, `--listen-addr=${HOST}:${port}`],
  ...["--debug-addr=-", "--telemetry=disable", "--log-level=ERROR", "--test-enable-new-auth"],
  ...[`--setup-database=${DATABASE}`, `--setup-username=${user}`, `--setup-password=${password}`],
];
