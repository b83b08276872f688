/** A connection to one server or to a cluster, through ioredis: opened once, and gone when it is lost. */
import type { Cluster, Redis } from "ioredis";
import { WbsyncError } from "../../errors.js";
import { type Argument, type Caller, runScriptBuffer } from "../../redis/scripts.js";
import { loadDriver, within } from "../sql/driver.js";
import { sendEncoded } from "./encoded-command.js";
import { explainCommand, explainConnect, replyCode } from "./errors.js";
import type { RedisServer } from "./options.js";

const ROW_COMMANDS = ["hset", "hdel", "del"] as const;

/** A command that writes a row. */
export type RowCommand = (typeof ROW_COMMANDS)[number];

type Driver = Pick<typeof import("ioredis"), "Redis" | "Cluster" | "Command">;

/** Connects, and waits until commands are taken. */
export async function connectLink(server: RedisServer, signal: AbortSignal): Promise<Link> {
  const driver = await loadDriver<Driver>("ioredis", () => import("ioredis"));
  signal.throwIfAborted();
  const client = server.nodes ? clusterClient(driver, server, server.nodes) : singleClient(driver, server);
  const link = new Link(driver, client, server);
  const reasons: unknown[] = [];
  client.on("error", (error: { lastNodeError?: unknown }) => reasons.push(error.lastNodeError ?? error));
  client.on("node error", (error: Error) => reasons.push(error));
  try {
    const what = "No connection";
    await link.wait(client.connect(), { ms: server.connectTimeoutMs, what, signal });
    return link;
  } catch (error) {
    link.cut();
    signal.throwIfAborted();
    const reason = error instanceof WbsyncError ? error : tellingMost([...reasons, error]);
    if (server.nodes && !isTelling(reason)) await askNode(server, signal);
    throw explainConnect(reason, server);
  }
}

/** The driver keeps to itself why it cannot reach the nodes of a cluster: a connection to one of them says it. */
async function askNode(server: RedisServer, signal: AbortSignal): Promise<void> {
  const [node] = server.nodes!;
  const link = await connectLink(
    { ...server, ...node!, nodes: undefined, address: `${node!.host}:${node!.port}` },
    signal,
  );
  link.cut();
}

/** What the server says tells more than what the system says, and that more than that there is no connection. */
function tellingMost(errors: readonly unknown[]): unknown {
  return errors.find((error) => replyCode(error) !== undefined) ?? errors.find(isTelling) ?? errors[0];
}

const isTelling = (error: unknown): boolean =>
  replyCode(error) !== undefined || typeof (error as { code?: unknown }).code === "string";

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
    // A server that still loads its data is asked again soon: the driver would wait as long as the server thinks it takes.
    maxLoadingRetryTime: 500,
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
    // Rows of one tick to one node travel together. All else is sent with `call`, in capitals, which the driver cannot pipeline.
    enableAutoPipelining: true,
    autoPipeliningIgnoredCommands: [
      "EVAL",
      "EVALSHA",
      "HGETALL",
      "INFO",
      ...ROW_COMMANDS.map((name) => name.toUpperCase()),
    ],
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
  readonly #caller: Caller;
  readonly #cut = new AbortController();

  constructor({ Command: CommandOf }: Driver, client: Redis | Cluster, server: RedisServer) {
    this.#client = client;
    // A cluster's client looks at the keys to find the node.
    this.#caller =
      "nodes" in client ? client : { callBuffer: (command, args) => sendEncoded(client, CommandOf, command, args) };
    this.#server = server;
  }

  get isHealthy(): boolean {
    return !this.#cut.signal.aborted && this.#client.status === "ready";
  }

  /** One command, by itself; in a cluster a redirection is followed. */
  async call(command: string, args: readonly Argument[]): Promise<unknown> {
    return await this.#client.callBuffer(command.toUpperCase(), [...args]);
  }

  /** One of many commands that write rows: those of one tick share a pipeline a node. */
  async send(command: RowCommand, args: readonly (string | Buffer)[]): Promise<unknown> {
    return await (this.#client[command] as (...args: readonly (string | Buffer)[]) => Promise<unknown>)(...args);
  }

  /** The servers that hold the keys: this one, or every master of the cluster. */
  masters(): readonly Redis[] {
    return "nodes" in this.#client ? this.#client.nodes("master") : [this.#client];
  }

  /** Runs one of src/redis/scripts. */
  async script(name: string, keys: readonly (string | Buffer)[], args: readonly Argument[]): Promise<unknown> {
    return await runScriptBuffer(this.#caller, name, keys, args);
  }

  /** Work on this connection: an abort or too long a silence ends the connection, and with it the wait. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await this.wait(work(), { ms: this.#server.statementTimeoutMs, what: "No answer", signal });
    } catch (error) {
      signal.throwIfAborted();
      throw explainCommand(error, this.#server);
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
