/** A private PostgreSQL server on a free port, with its data in a folder of its own. */
import { execFile } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { chmod, chown, mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { freePort, spawnServer, tempDir, type ServerProcess } from "./process.js";

const run = promisify(execFile);

export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  /** A superuser. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `postgres://user:password@127.0.0.1:port/database` */
  readonly url: string;
  /** The folder of the unix socket, as `host` takes it. */
  readonly socket: string;
  /** Of the server that runs now; it changes with `start`. */
  readonly pid: number;
  /** Runs one statement over a connection of its own; every value comes as the server's text, bytea as Buffer. */
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends the server as an administrator would (open connections are closed), and keeps the data for `start`. */
  shutdown(): Promise<void>;
  /** Ends the server with SIGKILL and keeps the data for `start`. */
  kill(): Promise<void>;
  /** Starts it again after `shutdown` or `kill`: the same data, the same port. */
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Starts a private server; `settings` are further options as `name=value`, `bin` is the folder of the server's programs. */
export async function startPostgres(settings: readonly string[] = [], bin = binaries()): Promise<PostgresServer> {
  const folder = tempDir("wbsync-postgres");
  const [host, port, user, password, database] = ["127.0.0.1", await freePort(), "wbsync", "secret", "test"];
  const data = join(folder, "data");
  const owner = await ownerOfData();
  await mkdir(data);
  await chmod(data, 0o700);
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, password);
  if (owner) for (const path of [folder, data, passwordFile]) await chown(path, owner.uid, owner.gid);

  await run(
    join(bin, "initdb"),
    [
      ...["-D", data, "-U", user, "--pwfile", passwordFile, "-A", "scram-sha-256"],
      ...["-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"],
    ],
    { ...owner, cwd: folder },
  );

  const queryIn = async (db: string, sql: string, params: readonly unknown[] = []) => {
    const client = new pg.Client({
      ...{ host, port, user, password, database: db, connectionTimeoutMillis: 5000 },
      types: { getTypeParser: (oid: number) => (oid === 17 ? fromHex : String) },
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      const result = await client.query<Record<string, unknown>>(sql, params.length > 0 ? [...params] : undefined);
      return result.rows ?? [];
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const logFile = join(folder, "server.log");
  const options = ["shared_buffers=64MB", "max_wal_size=512MB", "jit=off", "TimeZone=UTC", ...settings];
  const start = (): Promise<ServerProcess> =>
    spawnServer({
      command: join(bin, "postgres"),
      args: ["-D", data, "-h", host, "-p", String(port), "-k", folder, ...options.flatMap((option) => ["-c", option])],
      logFile,
      ready: async () => (await queryIn("postgres", "SELECT 1")).length === 1,
      cwd: folder,
      // For extensions that connect to their own server.
      env: { ...process.env, PGPASSWORD: password },
      ...owner,
    });

  let server = await start();
  await queryIn("postgres", `CREATE DATABASE ${database}`);
  return {
    ...{ host, port, user, password, database, socket: folder },
    url: `postgres://${user}:${password}@${host}:${port}/${database}`,
    query: (sql, params) => queryIn(database, sql, params),
    get pid() {
      return server.pid;
    },
    // SIGINT is "fast shutdown"; SIGTERM would wait until every client has gone.
    shutdown: () => server.stop("SIGINT"),
    kill: () => server.stop("SIGKILL"),
    async start() {
      // After SIGKILL the old server's children may hold the data folder for a moment longer.
      for (let attempt = 1; !server.running; attempt++) {
        try {
          server = await start();
        } catch (error) {
          if (attempt === 20) throw error;
          await setTimeout(250);
        }
      }
    },
    async stop() {
      // SIGQUIT ends the children too, at once; after SIGKILL they linger and write into the folder.
      await server.stop("SIGQUIT");
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const fromHex = (text: string): Buffer => Buffer.from(text.slice(2), "hex");

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
async function ownerOfData(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = await Promise.all(
    ["-u", "-g"].map(async (flag) => Number((await run("id", [flag, "postgres"])).stdout)),
  );
  return { uid: uid ?? 0, gid: gid ?? 0 };
}

/** Debian keeps the servers of each major version in a folder of their own, outside the path. */
function binaries(): string {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...versions.map((version) => join(debian, version, "bin")), ...(process.env.PATH ?? "").split(":")];
  const found = folders.find((folder) => existsSync(join(folder, "initdb")) && existsSync(join(folder, "postgres")));
  if (!found) throw new Error("no PostgreSQL server found: apt-get install postgresql");
  return found;
}
