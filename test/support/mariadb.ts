/** A private MariaDB (or MySQL) server on a free port, with its data in a folder of its own. */
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { createConnection, type RowDataPacket } from "mysql2/promise";
import { freePort, spawnServer, tempDir, type ServerProcess } from "./process.js";

const run = promisify(execFile);

export interface MariadbServer {
  readonly host: string;
  readonly port: number;
  /** An account that may do everything. */
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** `mysql://user:password@127.0.0.1:port/database` */
  readonly url: string;
  readonly socket: string;
  /** Of the server that runs now; it changes with `start`. */
  readonly pid: number;
  /** Runs one statement over a connection of its own; 64-bit integers, decimals and dates come as text. */
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Ends the server as an administrator would, and keeps the data for `start`. */
  shutdown(): Promise<void>;
  /** Ends the server with SIGKILL and keeps the data for `start`. */
  kill(): Promise<void>;
  /** Stops the process where it is (SIGSTOP), as a silent network would; `resume` lets it go on. */
  pause(): void;
  resume(): void;
  /** Starts it again after `shutdown` or `kill`: the same data, the same port. */
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Where MariaDB and MySQL differ. */
export interface MysqlProduct {
  readonly command: string;
  /** Options of its own. */
  readonly args: readonly string[];
  /** The command that fills a data folder. */
  install(data: string): readonly [command: string, ...args: string[]];
}

const MARIADB: MysqlProduct = {
  command: "mariadbd",
  args: ["--innodb-log-file-size=96M"],
  install: (data) => [
    ...(["mariadb-install-db", "--no-defaults", `--datadir=${data}`] as const),
    ...["--auth-root-authentication-method=normal", "--skip-test-db"],
  ],
};

/** Starts a private server; `args` are further options of mariadbd. */
export async function startMariadb(
  args: readonly string[] = [],
  product: MysqlProduct = MARIADB,
): Promise<MariadbServer> {
  const folder = tempDir("wbsync-mariadb");
  const [host, port, user, password, database] = ["127.0.0.1", await freePort(), "wbsync", "secret", "test"];
  const socket = join(folder, "server.sock");
  const init = join(folder, "init.sql");
  const data = join(folder, "data");
  // Ordinary users do not have the folders of servers in their path.
  const env = { ...process.env, PATH: [process.env.PATH, "/usr/sbin", "/usr/local/sbin"].join(delimiter) };
  const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];

  await writeFile(
    init,
    `CREATE DATABASE IF NOT EXISTS ${database} CHARACTER SET utf8mb4;\n` +
      `CREATE USER IF NOT EXISTS '${user}'@'%' IDENTIFIED BY '${password}';\n` +
      `GRANT ALL ON *.* TO '${user}'@'%' WITH GRANT OPTION;\n`,
  );
  const [installer, ...options] = product.install(data);
  await run(installer, [...options, `--tmpdir=${folder}`, ...asRoot], { env });

  const query = async (sql: string, params: readonly unknown[] = []) => {
    const connection = await createConnection({
      ...{ host, port, user, password, database, charset: "utf8mb4", timezone: "Z" },
      ...{
        supportBigNumbers: true,
        bigNumberStrings: true,
        dateStrings: true,
        jsonStrings: true,
        connectTimeout: 5000,
      },
    });
    try {
      const [rows] = await connection.query<RowDataPacket[]>(sql, [...params]);
      return Array.isArray(rows) ? rows : [];
    } finally {
      connection.destroy();
    }
  };
  const start = (): Promise<ServerProcess> =>
    spawnServer({
      command: product.command,
      args: [
        // A server that starts removes whatever looks like its own temporary files, also those of another.
        ...["--no-defaults", `--datadir=${data}`, `--tmpdir=${folder}`, `--socket=${socket}`],
        ...[`--port=${port}`, `--bind-address=${host}`],
        ...["--skip-name-resolve", "--character-set-server=utf8mb4", `--init-file=${init}`, ...asRoot],
        ...["--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--skip-log-bin"],
        ...["--performance-schema=OFF", `--pid-file=${join(folder, "pid")}`, ...product.args, ...args],
      ],
      logFile: join(folder, "server.log"),
      ready: async () => (await query("SELECT 1")).length === 1,
      env,
    });

  let server = await start();
  return {
    ...{ host, port, user, password, database, socket, query },
    url: `mysql://${user}:${password}@${host}:${port}/${database}`,
    get pid() {
      return server.pid;
    },
    shutdown: () => server.stop(),
    kill: () => server.stop("SIGKILL"),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async start() {
      if (!server.running) server = await start();
    },
    async stop() {
      await server.stop("SIGKILL");
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
