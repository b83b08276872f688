/** A private redis-server. */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { Redis, type RedisOptions } from "ioredis";
import type { RedisTarget } from "../../src/redis/client.js";
import { freePort, type ServerProcess, spawnServer, tempDir } from "./process.js";

export interface RedisServerOptions {
  /** Command-line arguments, e.g. ["--appendonly", "yes"]. They win over the defaults: no RDB, no AOF. */
  readonly args?: readonly string[];
  /** ACL users as redis.conf has them after "user", e.g. "capture on >secret +psync +replconf +ping". */
  readonly acl?: readonly string[];
  /** The default user's password. */
  readonly password?: string;
  /** The program, where it is not the machine's own redis-server. */
  readonly command?: string;
}

export interface RedisServer {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly target: RedisTarget;
  /** Its data folder; it stays until the test process ends, so that `start` finds the data again. */
  readonly dir: string;
  readonly pid: number;
  /** A connected client; `stop` disconnects it. */
  client(options?: RedisOptions): Redis;
  /** SIGTERM: it saves what its configuration says. Disconnects the clients made with `client`. */
  stop(): Promise<void>;
  /** SIGKILL: it saves nothing. The clients stay and reconnect after `start`. */
  kill(): Promise<void>;
  /** Ends it as SIGTERM does, and leaves the clients to reconnect. */
  shutdown(): Promise<void>;
  /** Starts it again on the same port and folder. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
}

const HOST = "127.0.0.1";

/** Starts a private redis-server on a free port, its data in a temporary folder. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  const server = new PrivateRedis(await freePort(), tempDir("wbsync-redis"), options);
  await server.start();
  return server;
}

class PrivateRedis implements RedisServer {
  readonly host = HOST;
  readonly url: string;
  readonly target: RedisTarget;
  readonly #options: RedisServerOptions;
  readonly #clients: Redis[] = [];
  #process: ServerProcess | undefined;

  constructor(
    readonly port: number,
    readonly dir: string,
    options: RedisServerOptions,
  ) {
    const { password } = options;
    this.#options = options;
    this.url = `redis://${password === undefined ? "" : `:${encodeURIComponent(password)}@`}${HOST}:${port}`;
    this.target = { host: HOST, port, db: 0, ...(password === undefined ? {} : { password }) };
    writeFileSync(join(this.dir, "redis.conf"), configuration(this.dir, port, options));
  }

  get pid(): number {
    return this.#process?.pid ?? -1;
  }

  client(options: RedisOptions = {}): Redis {
    const { password } = this.#options;
    const client = new Redis({
      host: HOST,
      port: this.port,
      ...(password === undefined ? {} : { password }),
      ...options,
    });
    client.on("error", () => undefined); // A test that stops the server sees it in its commands.
    this.#clients.push(client);
    return client;
  }

  async start(): Promise<void> {
    if (this.#process?.running) return;
    const args = [join(this.dir, "redis.conf"), ...(this.#options.args ?? [])];
    this.#process = await spawnServer({
      command: this.#options.command ?? "redis-server",
      args,
      logFile: join(this.dir, "redis.log"),
      ready: () => answers(this.port),
      cwd: this.dir,
    });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.disconnect();
    await this.shutdown();
  }

  async shutdown(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  pause(): void {
    this.#process?.pause();
  }

  resume(): void {
    this.#process?.resume();
  }
}

function configuration(dir: string, port: number, options: RedisServerOptions): string {
  const lines = [`bind ${HOST}`, `port ${port}`, `dir "${dir}"`, "daemonize no", 'save ""', "appendonly no"];
  if (options.password !== undefined) lines.push(`requirepass ${JSON.stringify(options.password)}`);
  for (const user of options.acl ?? []) lines.push(`user ${user}`);
  return `${lines.join("\n")}\n`;
}

/** True once the server executes commands: also when it asks for a password, not while it loads its data. */
async function answers(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, HOST, () => socket.write("PING\r\n"));
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => done(false));
    socket.once("data", (data) => done(/^(\+PONG|-NOAUTH|-NOPERM)/.test(data.toString())));
    socket.once("error", () => done(false));
  });
}
