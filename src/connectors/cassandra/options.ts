/** The options of `cassandra`: checked when the recipe is loaded, resolved with their URL at every connection attempt. */
import { namedUrl } from "../connection-url.js";
import type { Option } from "../connector.js";
import { refuse } from "../option-refusal.js";
import { milliseconds, oneOf, port, secret, text, url, wholeNumber, type OptionRule } from "../option-rules.js";
import { checkOptions, resolveOptions, type OptionSet } from "../option-set.js";
import { tls, type Tls } from "../sql/server-options.js";

/** How many replicas have to have a row before it counts as written. */
export type Consistency = "ONE" | "TWO" | "THREE" | "QUORUM" | "ALL" | "LOCAL_QUORUM" | "EACH_QUORUM" | "LOCAL_ONE";

/** Among which replicas the checkpoint is agreed on: those of all data centers, or of the local one. */
export type SerialConsistency = "SERIAL" | "LOCAL_SERIAL";

/** Options of `cassandra`. Each may be a value, or a function that is called again at every connection attempt. */
export interface CassandraOptions {
  /** All of it in one text, as "cassandra://user:password@host1,host2:9042/keyspace?localDataCenter=dc1"; the other options win. */
  readonly url?: Option<string>;
  /** Some nodes of the cluster, as "host" or "host:port"; the driver finds the others. */
  readonly contactPoints?: Option<string | readonly string[]>;
  /** The port of every node; 9042 where nothing is said. */
  readonly port?: Option<number>;
  /** The data center whose nodes are asked. */
  readonly localDataCenter?: Option<string>;
  readonly keyspace?: Option<string>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  readonly ssl?: Option<Tls>;
  /** The same as `ssl`. */
  readonly tls?: Option<Tls>;
  /** Of rows; "LOCAL_QUORUM" where nothing is said. */
  readonly consistency?: Option<Consistency>;
  /** Of the checkpoint; "SERIAL" where nothing is said. "LOCAL_SERIAL" is faster, and safe where runners share one data center. */
  readonly serialConsistency?: Option<SerialConsistency>;
  /** Rows that one partition of a recipe has under way at a time; 128 where nothing is said. */
  readonly concurrency?: Option<number>;
  /** Milliseconds in which a connection has to be there; 10,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one request has to be answered; 12,000 where nothing is said. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface Cluster {
  readonly contactPoints: readonly string[];
  readonly port: number;
  readonly localDataCenter: string;
  readonly keyspace: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly tls: Tls;
  readonly consistency: Consistency;
  readonly serialConsistency: SerialConsistency;
  readonly concurrency: number;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Where it is, for messages: never with credentials. */
  readonly address: string;
}

const CONSISTENCIES = ["ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"] as const;
const SERIAL_CONSISTENCIES = ["SERIAL", "LOCAL_SERIAL"] as const;

const contactPoints: OptionRule<readonly string[]> = {
  expected: "a host or a list of hosts",
  read(given) {
    const list: unknown = typeof given === "string" ? given.split(",") : given;
    if (!Array.isArray(list) || list.length === 0) return undefined;
    const points = list.map((point) => (typeof point === "string" ? point.trim() : ""));
    return points.includes("") ? undefined : points;
  },
};

const RULES = {
  ...{ url, contactPoints, port, localDataCenter: text, keyspace: text, user: text, password: secret, ssl: tls, tls },
  ...{ consistency: oneOf(CONSISTENCIES), serialConsistency: oneOf(SERIAL_CONSISTENCIES) },
  ...{ concurrency: wholeNumber(1, 2048), connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

const WRITING = {
  ...{ kind: "cassandra", rules: RULES },
  example:
    'Write cassandra({ contactPoints: ["host"], localDataCenter: "datacenter1", keyspace, user, password }). ' +
    'The name of the data center is what "SELECT data_center FROM system.local" says.',
};

const readUrl = namedUrl({
  ...WRITING,
  schemes: ["cassandra"],
  parts: (url) => ({
    ...{ contactPoints: decodeURIComponent(url.hostname), port: url.port },
    ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    keyspace: decodeURIComponent(url.pathname.slice(1)),
  }),
});

const CASSANDRA: OptionSet<typeof RULES> = {
  ...WRITING,
  alone: "url",
  partsOf(text) {
    const { tls, ssl, ...parts } = readUrl(text);
    // Not as `tls`, which would win over a recipe's `ssl`.
    return { ...parts, ssl: tlsOf(tls ?? ssl) };
  },
};

/** Checks the options when the recipe is loaded. */
export function cassandraOptions(given: CassandraOptions | Option<string>): CassandraOptions {
  const options = checkOptions<CassandraOptions>(CASSANDRA, given);
  if (options.url !== undefined) return options;
  if (options.contactPoints === undefined) refuse(CASSANDRA, "contactPoints is missing");
  if (options.localDataCenter === undefined) refuse(CASSANDRA, "localDataCenter is missing");
  return options;
}

/** Asks for every option's value now. */
export async function resolveCluster(options: CassandraOptions): Promise<Cluster> {
  const given = await resolveOptions(CASSANDRA, options);
  const { contactPoints = refuse(CASSANDRA, "contactPoints is missing"), port = 9042 } = given;
  return {
    contactPoints,
    port,
    localDataCenter: given.localDataCenter ?? refuse(CASSANDRA, "localDataCenter is missing"),
    ...{ keyspace: given.keyspace, user: given.user, password: given.password },
    tls: given.tls ?? given.ssl ?? false,
    consistency: given.consistency ?? "LOCAL_QUORUM",
    serialConsistency: given.serialConsistency ?? "SERIAL",
    concurrency: given.concurrency ?? 128,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 12_000,
    address: contactPoints.map((point) => (hasPort(point) ? point : `${point}:${port}`)).join(", "),
  };
}

/** What a URL says of TLS. */
function tlsOf(said: unknown): Tls | undefined {
  if (said === undefined) return undefined;
  return said === "no-verify" ? { rejectUnauthorized: false } : said !== "false" && said !== "0";
}

/** "host:1234", "[::1]:1234"; not "::1". */
const hasPort = (point: string): boolean => /^(\[.*\]|[^:]+):\d+$/.test(point);
