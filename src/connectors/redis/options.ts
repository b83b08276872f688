/** Connection options of the Redis connector: resolved afresh at every connection attempt. */
import type { Option } from "../connector.js";
import { refuse, showGiven } from "../option-refusal.js";
import { port, text, wholeNumber, type OptionRule } from "../option-rules.js";
import { checkOptions, isDeferred, resolveOptions, type OptionSet } from "../option-set.js";
import {
  parseUrl,
  SERVER_RULES,
  serverOf,
  type Server,
  type ServerKind,
  type ServerOptions,
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

const KIND: ServerKind = { kind: "redis", schemes: ["redis", "rediss"], port: 6379 };

interface Node {
  readonly host: string;
  readonly port: number;
  readonly user?: string;
  readonly password?: string;
  readonly isTls?: boolean;
}

const db: OptionRule<number> = {
  expected: "the number of a database",
  read: (given) => (given === "" ? 0 : wholeNumber(0).read(given)),
};

/** Secret, because a node may be a URL. */
const cluster: OptionRule<readonly Node[]> = {
  expected: 'a list of nodes, as "10.0.0.1:6379" or { host, port }',
  isSecret: true,
  read: (given) => (Array.isArray(given) && given.length > 0 ? given.map(nodeOf) : undefined),
};

const { database: _, ...SHARED } = SERVER_RULES;
const RULES = { ...SHARED, db, username: text, cluster } as const;

const REDIS: OptionSet<typeof RULES> = {
  ...{ kind: KIND.kind, rules: RULES, alone: "url" },
  example:
    'Write redis({ host, port, user, password, db }), or redis({ cluster: ["10.0.0.1:6379", "10.0.0.2:6379"] }).',
  partsOf(text) {
    const { database: db, ssl, ...parts } = parseUrl(KIND, text);
    return { ...parts, db, ssl: isRediss(text) ? ssl || true : ssl };
  },
};

/** Checks the options when the recipe is loaded. */
export function redisOptions(given: RedisOptions | Option<string>): RedisOptions {
  if (typeof given === "object" && given !== null && "database" in given) {
    refuse(REDIS, 'unknown option "database"', "A Redis server numbers its databases: write db.");
  }
  const options = checkOptions<RedisOptions>(REDIS, given);
  const { cluster, url, host, port, socketPath } = options;
  if ((cluster ?? undefined) === undefined) return options;
  if ((url ?? host ?? port ?? socketPath) !== undefined) {
    refuse(REDIS, "cluster stands for itself", "Leave url, host, port and socketPath out, or leave cluster out.");
  }
  if (!isDeferred(options.db)) checkClusterDb(db.read(options.db ?? 0));
  return options;
}

/** Asks for every option's value now. */
export async function resolveRedis(options: RedisOptions): Promise<RedisServer> {
  const { cluster, ...given } = await resolveOptions(REDIS, options);
  const server = serverOf(KIND, { ...given, user: given.username ?? given.user });
  if ((options.cluster ?? undefined) === undefined) return { ...server, db: given.db ?? 0, nodes: undefined };
  const nodes = cluster ?? refuse(REDIS, `cluster: expected ${RULES.cluster.expected}, got nothing`);
  checkClusterDb(given.db ?? 0);
  const [first] = nodes;
  return {
    ...server,
    user: server.user ?? first?.user,
    password: server.password ?? first?.password,
    tls: given.tls ?? given.ssl ?? first?.isTls ?? false,
    db: 0,
    nodes: nodes.map(({ host, port }) => ({ host, port })),
    address: nodes.map(({ host, port }) => `${host}:${port}`).join(", "),
  };
}

function checkClusterDb(db: number | undefined): void {
  if (db !== 0) refuse(REDIS, "a cluster has only database 0", "Drop db.");
}

function nodeOf(node: unknown): Node {
  const { host, port: given, ...credentials } = typeof node === "string" ? partsOfUrl(node) : partsOf(node);
  return {
    ...credentials,
    host: text.read(host) || refuse(REDIS, "cluster: a node has no host", 'Write nodes as "10.0.0.1:6379".'),
    port:
      port.read(given ?? KIND.port) ??
      refuse(REDIS, `cluster: the port of a node: expected ${port.expected}, got ${showGiven(given, port)}`),
  };
}

/** A node before its host and port are checked. */
type NodeParts = Partial<Omit<Node, "host" | "port"> & Record<"host" | "port", unknown>>;

function partsOf(node: unknown): NodeParts {
  const { host, port }: NodeParts = typeof node === "object" && node !== null ? node : {};
  return { host, port };
}

function partsOfUrl(node: string): NodeParts {
  const url = node.includes("://") ? node : `redis://${node}`;
  const { host, port, user, password } = parseUrl(KIND, url) as NodeParts;
  return { host, port, ...(user && { user }), ...(password && { password }), isTls: isRediss(url) };
}

const isRediss = (url: string): boolean => /^rediss:/i.test(url);
