/** Connection options of the Redis connector: resolved afresh at every connection attempt. */
import { UserError } from "../../errors.js";
import { resolveOption, type Option } from "../connector.js";
import {
  parseUrl,
  resolveServer,
  serverOptions,
  type Server,
  type ServerKind,
  type ServerOptions,
  type Tls,
} from "../sql/server-options.js";

/** A node to ask for the cluster's plan: "host:port", "redis://host:port", or its parts. */
export type ClusterNode = string | { readonly host: string; readonly port?: number };

/** Options of `redis`. Each may be a value, or a function that is called again at every connection attempt. */
export interface RedisOptions extends Omit<ServerOptions, "database"> {
  /** The number of the database; 0 where nothing is said. A cluster has only that one. */
  readonly db?: Option<number>;
  /** The same as `user`. */
  readonly username?: Option<string>;
  /** Nodes of a Redis Cluster, instead of url, host and port; the others are learnt from them. */
  readonly cluster?: Option<readonly ClusterNode[]>;
}

/** The options, resolved. */
export interface RedisServer extends Server {
  readonly db: number;
  /** Undefined: a single server. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[] | undefined;
}

export const REDIS: ServerKind = { kind: "redis", schemes: ["redis", "rediss"], port: 6379 };

/** Checks the names of the options when the recipe is loaded. */
export function redisOptions(given: RedisOptions | Option<string>): RedisOptions {
  const isOptions = typeof given === "object" && given !== null && !("then" in given);
  if (!isOptions) return serverOptions(REDIS, given);
  const { db, username, cluster, ...rest } = given;
  if ("database" in rest) refuse('unknown option "database"', "A Redis server numbers its databases: write db.");
  if (cluster !== undefined && (rest.url ?? rest.host ?? rest.port ?? rest.socketPath) !== undefined) {
    refuse("cluster stands for itself", "Leave url, host, port and socketPath out, or leave cluster out.");
  }
  serverOptions(REDIS, rest);
  const own = { ...(db !== undefined && { db }), ...(username !== undefined && { username }) };
  return { ...rest, ...own, ...(cluster !== undefined && { cluster }) };
}

/** Asks for every option's value now. */
export async function resolveRedis(options: RedisOptions): Promise<RedisServer> {
  const { db, username, cluster, ...rest } = options;
  if (cluster !== undefined) return await resolveCluster(options);
  const url = rest.url === undefined ? undefined : await resolveOption(rest.url);
  const server = await resolveServer(REDIS, {
    ...rest,
    ...(url !== undefined && { url }),
    ...(username !== undefined && { user: username }),
  });
  const chosen = db === undefined ? server.database : await resolveOption(db);
  const tls = server.tls === false && url?.startsWith("rediss:") && !(await isOff(rest)) ? true : server.tls;
  return { ...server, tls, db: dbNumber(chosen), nodes: undefined };
}

async function resolveCluster(options: RedisOptions): Promise<RedisServer> {
  const { db, username, cluster, ...rest } = options;
  const given = await resolveOption(cluster);
  if (!Array.isArray(given) || given.length === 0) {
    return refuse("cluster: expected a list of nodes", 'Write redis({ cluster: ["10.0.0.1:6379", "10.0.0.2:6379"] }).');
  }
  const nodes = (given as readonly ClusterNode[]).map(nodeOf);
  const server = await resolveServer(REDIS, { ...rest, ...(username !== undefined && { user: username }) });
  if (db !== undefined && dbNumber(await resolveOption(db)) !== 0) refuse("a cluster has only database 0", "Drop db.");
  const [first] = nodes;
  return {
    ...server,
    user: server.user ?? first?.user,
    password: server.password ?? first?.password,
    tls: server.tls === false && first?.isTls && !(await isOff(rest)) ? true : server.tls,
    db: 0,
    nodes: nodes.map(({ host, port }) => ({ host, port })),
    address: nodes.map(({ host, port }) => `${host}:${port}`).join(", "),
  };
}

/** Whether somebody said that there is to be no TLS, whatever the URL's scheme says. */
async function isOff({ tls, ssl }: RedisOptions): Promise<boolean> {
  const given = tls ?? ssl;
  return given !== undefined && (await resolveOption<Tls>(given)) === false;
}

interface Node {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly isTls?: boolean;
}

function nodeOf(node: ClusterNode): Node {
  if (typeof node === "object" && node !== null) return { host: node.host, port: node.port ?? REDIS.port };
  const text = String(node);
  const url = text.includes("://") ? text : `redis://${text}`;
  const { host, port = REDIS.port, user, password } = parseUrl(REDIS, url) as Partial<Node>;
  if (!host) return refuse("cluster: a node has no host", 'Write nodes as "10.0.0.1:6379".');
  const credentials = { ...(user && { user }), ...(password && { password }) };
  return { host, port, ...credentials, isTls: url.startsWith("rediss:") };
}

function dbNumber(value: unknown): number {
  const number = value === undefined || value === "" ? 0 : Number(value);
  if (Number.isInteger(number) && number >= 0) return number;
  return refuse("db: expected the number of a database", "Write db: 0, or redis://host/0.");
}

function refuse(what: string, hint: string): never {
  throw new UserError("RECIPE_INVALID", `redis: ${what}`, { hint });
}
