/** A private server that speaks MongoDB's protocol: `mongod` as a replica set of one where it is on the path, else FerretDB. */
import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { MongoClient } from "mongodb";
import { type FerretdbPrograms, findFerretdb, startFerretdb } from "./ferretdb.js";
import { freePort, spawnServer, tempDir, type ServerProcess } from "./process.js";
import { waitFor } from "./wait.js";

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
  | { readonly product: "MongoDB"; readonly path: string; readonly missing?: undefined }
  | { readonly product: "FerretDB"; readonly programs: FerretdbPrograms; readonly missing?: undefined }
  | { readonly product?: undefined; readonly missing: string };

const [HOST, DATABASE] = ["127.0.0.1", "test"];

/** Finds or builds a server, which takes minutes the first time; a text says what is missing where it cannot. */
export async function findMongodb(): Promise<Program> {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const path = folders.map((folder) => join(folder, "mongod")).find(existsSync);
  if (path !== undefined) return { product: "MongoDB", path };
  try {
    return { product: "FerretDB", programs: await findFerretdb() };
  } catch (error) {
    const what = "no mongod on the path, and no FerretDB (needs Go 1.24 with its module proxy, and Debian's apt)";
    return { missing: `${what}: ${(error as Error).message.slice(0, 500)}` };
  }
}

/** Starts a private server of a program that was found. */
export async function startMongodb(program: Program): Promise<MongodbServer> {
  if (program.product === undefined) throw new Error(program.missing);
  if (program.product === "MongoDB") return await startMongod(program.path);
  const server = await startFerretdb(program.programs, async (url) => (await ask(url, { ping: 1 })).ok === 1);
  return { product: "FerretDB", ...server };
}

async function ask(url: string, command: Record<string, unknown>) {
  const client = new MongoClient(url, { serverSelectionTimeoutMS: 2000, connectTimeoutMS: 2000 });
  try {
    return await client.db("admin").command(command);
  } finally {
    await client.close();
  }
}

async function startMongod(path: string): Promise<MongodbServer> {
  const port = await freePort();
  const folder = tempDir("wbsync-mongodb");
  const data = join(folder, "data");
  await mkdir(data);
  const url = `mongodb://${HOST}:${port}/${DATABASE}?directConnection=true`;
  const start = async (): Promise<ServerProcess> =>
    await spawnServer({
      command: path,
      args: [
        ...["--dbpath", data, "--port", String(port), "--bind_ip", HOST, "--replSet", "rs0"],
        ...["--wiredTigerCacheSizeGB", "0.25", "--nounixsocket"],
      ],
      logFile: join(folder, "server.log"),
      ready: async () => (await ask(url, { ping: 1 })).ok === 1,
      cwd: folder,
    });
  const untilPrimary = () => waitFor(async () => (await ask(url, { hello: 1 })).isWritablePrimary === true);
  let server = await start();
  await ask(url, { replSetInitiate: { _id: "rs0", members: [{ _id: 0, host: `${HOST}:${port}` }] } });
  await untilPrimary();
  return {
    ...{ product: "MongoDB", host: HOST, port, database: DATABASE, user: undefined, password: undefined, url },
    kill: () => server.kill(),
    shutdown: () => server.stop(),
    async start() {
      if (server.running) return;
      server = await start();
      await untilPrimary();
    },
    pause: () => server.pause(),
    resume: () => server.resume(),
    async stop() {
      await server.kill();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
