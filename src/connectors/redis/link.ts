/** A connection to one server or to a cluster, through ioredis: opened once, and gone when it is lost. */
import type { Cluster, Redis } from "ioredis";
import { WbsyncError } from "../../errors.js";
import { runScriptBuffer, type Argument } from "../../redis/scripts.js";
import { loadDriver, within } from "../sql/driver.js";
import { explainConnect, explainLost } from "./errors.js";
import type { RedisServer } from "./options.js";

type Driver = Pick<typeof import("ioredis"), "Redis" | "Cluster">;

/** Connects, and waits until commands are taken. */
export async function connectLink(server: RedisServer, signal: AbortSignal): Promise<Link> {
  const driver = await loadDriver<Driver>("ioredis", () => import("ioredis"));
  signal.throwIfAborted();
  const client = server.nodes ? clusterClient(driver, server, server.nodes) : singleClient(driver, server);
  const link = new Link(client, server);
  let firstError: unknown;
  client.on("error", (error: { lastNodeError?: unknown }) => (firstError ??= error.lastNodeError ?? error));
  // What a node says tells more than that the cluster cannot be used.
  client.on("node error", (error: Error) => (firstError = isReply(firstError) ? firstError : error));
  try {
    const what = "No connection";
    await link.wait(client.connect(), { ms: server.connectTimeoutMs, what, signal });
    return link;
  } catch (error) {
    link.cut();
    signal.throwIfAborted();
    throw explainConnect(error instanceof WbsyncError ? error : (firstError ?? error), server);
  }
}

const isReply = (error: unknown): boolean => error instanceof Error && error.name === "ReplyError";

/** What every connection is opened with. A lost one stays lost: the caller opens another, and learns what became of its write. */
function common(server: RedisServer) {
  return {
    ...(server.user !== undefined && { username: server.user }),
    ...(server.password !== undefined && { password: server.password }),
    ...(server.tls !== false && { tls: tlsOptions(server) }),
    connectionName: "wbsync-target",
    connectTimeout: server.connectTimeoutMs,
    keepAlive: 10_000,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  };
}

function tlsOptions({ tls }: RedisServer): import("node:tls").ConnectionOptions {
  return typeof tls === "object" ? (tls as import("node:tls").ConnectionOptions) : {};
}

function singleClient({ Redis: Client }: Driver, server: RedisServer): Redis {
  return new Client({
    ...common(server),
    ...(server.socketPath === undefined ? { host: server.host, port: server.port } : { path: server.socketPath }),
    db: server.db,
    lazyConnect: true,
    retryStrategy: () => null,
  });
}

function clusterClient({ Cluster: Client }: Driver, server: RedisServer, nodes: RedisServer["nodes"]): Cluster {
  return new Client([...(nodes ?? [])], {
    redisOptions: common(server),
    lazyConnect: true,
    clusterRetryStrategy: () => null,
    // Commands of one tick to one node travel together.
    enableAutoPipelining: true,
    // After a lost connection nobody knows what was executed: sent again it would be by the caller.
    retryDelayOnFailover: 0,
    slotsRefreshTimeout: server.connectTimeoutMs,
    // A certificate names hosts: what the cluster calls its nodes is what is connected to.
    ...(server.tls !== false && { dnsLookup: (address, callback) => callback(null, address) }),
  });
}

export class Link {
  readonly #client: Redis | Cluster;
  readonly #server: RedisServer;
  readonly #cut = new AbortController();

  constructor(client: Redis | Cluster, server: RedisServer) {
    this.#client = client;
    this.#server = server;
  }

  get isHealthy(): boolean {
    return !this.#cut.signal.aborted && this.#client.status === "ready";
  }

  /** One command. In a cluster those of one tick share a pipeline a node. */
  async call(command: string, args: readonly Argument[]): Promise<unknown> {
    return await this.#client.callBuffer(command, [...args]);
  }

  /** Runs one of src/redis/scripts. */
  async script(name: string, keys: readonly (string | Buffer)[], args: readonly Argument[]): Promise<unknown> {
    return await runScriptBuffer(this.#client as Redis, name, keys, args);
  }

  /** Work on this connection: an abort or too long a silence ends the connection, and with it the wait. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await this.wait(work(), { ms: this.#server.statementTimeoutMs, what: "No answer", signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainLost(error, this.#server);
    }
  }

  async wait<T>(work: Promise<T>, options: { ms: number; what: string; signal: AbortSignal }): Promise<T> {
    const cut = () => this.cut();
    options.signal.addEventListener("abort", cut, { once: true });
    try {
      return await within(work, { ms: options.ms, what: options.what, cut, signal: this.#cut.signal });
    } finally {
      options.signal.removeEventListener("abort", cut);
    }
  }

  /** Ends the connection at once. */
  cut(): void {
    this.#cut.abort();
    this.#client.disconnect();
  }
}
