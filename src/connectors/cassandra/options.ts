/** The options of `cassandra`: checked when the recipe is loaded, resolved with their URL at every connection attempt. */
import { UserError } from "../../errors.js";
import { resolveOption, type Option } from "../connector.js";
import type { Tls } from "../sql/server-options.js";

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

const NAMES: readonly (keyof CassandraOptions)[] = [
  ...(["url", "contactPoints", "port", "localDataCenter", "keyspace", "user", "password", "ssl", "tls"] as const),
  ...(["consistency", "serialConsistency", "concurrency", "connectTimeoutMs", "statementTimeoutMs"] as const),
];
const CONSISTENCIES = ["ONE", "TWO", "THREE", "QUORUM", "ALL", "LOCAL_QUORUM", "EACH_QUORUM", "LOCAL_ONE"] as const;
const SERIAL_CONSISTENCIES = ["SERIAL", "LOCAL_SERIAL"] as const;
const HINT =
  'Write cassandra({ contactPoints: ["host"], localDataCenter: "datacenter1", keyspace, user, password }). ' +
  'The name of the data center is what "SELECT data_center FROM system.local" says.';

/** Checks the names of the options: a misspelt one would be ignored for ever. */
export function cassandraOptions(given: CassandraOptions | Option<string>): CassandraOptions {
  if (typeof given === "string") parseUrl(given);
  if (typeof given === "string" || typeof given === "function" || isThenable(given)) return { url: given };
  if (typeof given !== "object" || given === null) refuse(`expected options or a URL, got ${typeof given}`);
  const unknown = Object.keys(given).filter((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) refuse(`unknown option "${unknown.join('", "')}"`, `Options are ${NAMES.join(", ")}.`);
  if (given.url === undefined && given.contactPoints === undefined) refuse("contactPoints is missing");
  if (given.url === undefined && given.localDataCenter === undefined) refuse("localDataCenter is missing");
  return given;
}

/** Asks for every option's value now. */
export async function resolveCluster(options: CassandraOptions): Promise<Cluster> {
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = options[name] === undefined ? undefined : await resolveOption(options[name] as Option<unknown>);
    if (value !== undefined && value !== null) given[name] = value;
  }
  const merged: Record<string, unknown> = { ...(given["url"] === undefined ? {} : parseUrl(given["url"])), ...given };
  const contactPoints = listOf(merged["contactPoints"]);
  const port = numberOf("port", merged["port"] ?? 9042, 65_535);
  return {
    contactPoints,
    port,
    localDataCenter: textOf("localDataCenter", merged["localDataCenter"]) ?? refuse("localDataCenter is missing"),
    keyspace: textOf("keyspace", merged["keyspace"]),
    user: textOf("user", merged["user"]),
    password: textOf("password", merged["password"]),
    tls: (merged["tls"] ?? merged["ssl"] ?? false) as Tls,
    consistency: oneOf("consistency", merged["consistency"] ?? "LOCAL_QUORUM", CONSISTENCIES),
    serialConsistency: oneOf("serialConsistency", merged["serialConsistency"] ?? "SERIAL", SERIAL_CONSISTENCIES),
    concurrency: numberOf("concurrency", merged["concurrency"] ?? 128, 2048),
    connectTimeoutMs: numberOf("connectTimeoutMs", merged["connectTimeoutMs"] ?? 10_000, 2 ** 31 - 1),
    statementTimeoutMs: numberOf("statementTimeoutMs", merged["statementTimeoutMs"] ?? 12_000, 2 ** 31 - 1),
    address: contactPoints.map((point) => (hasPort(point) ? point : `${point}:${port}`)).join(", "),
  };
}

/** The parts of a URL, by the names of the options. Never shows the URL: it may hold a password. */
function parseUrl(url: unknown): Partial<Record<keyof CassandraOptions, unknown>> {
  if (typeof url !== "string") return refuse(`url: expected a text, got ${typeof url}`);
  if (!URL.canParse(url)) return refuse("the URL cannot be read; special characters in a password are written as %xx");
  const { protocol, hostname, port, username, password, pathname, searchParams: query } = new URL(url);
  if (protocol !== "cassandra:") refuse(`expected a URL that begins with cassandra://, got ${protocol}//`);
  const keyspace = decodeURIComponent(pathname.slice(1));
  const parts: Record<string, unknown> = {
    contactPoints: decodeURIComponent(hostname),
    port: port && Number(port),
    keyspace,
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  };
  for (const name of ["localDataCenter", "consistency", "serialConsistency"]) parts[name] = query.get(name) ?? "";
  for (const name of ["concurrency", "connectTimeoutMs", "statementTimeoutMs"]) {
    const value = query.get(name);
    parts[name] = value === null ? "" : Number(value);
  }
  const tls = query.get("tls") ?? query.get("ssl");
  if (tls !== null) parts["tls"] = tls === "no-verify" ? { rejectUnauthorized: false } : tls !== "false" && tls !== "0";
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== ""));
}

function listOf(given: unknown): readonly string[] {
  const list = typeof given === "string" ? given.split(",") : given;
  if (Array.isArray(list)) {
    const points = list.map((point) => (typeof point === "string" ? point.trim() : ""));
    if (points.length > 0 && points.every((point) => point !== "")) return points;
  }
  return refuse("contactPoints: expected a host or a list of hosts");
}

function textOf(name: string, given: unknown): string | undefined {
  if (given === undefined || typeof given === "string") return given;
  return refuse(`${name}: expected a text, got ${typeof given}`);
}

function numberOf(name: string, given: unknown, max: number): number {
  const number = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
  if (typeof number === "number" && Number.isInteger(number) && number >= 1 && number <= max) return number;
  return refuse(`${name}: expected a whole number from 1 to ${max}`);
}

function oneOf<T extends string>(name: string, given: unknown, allowed: readonly T[]): T {
  const found = typeof given === "string" ? allowed.find((one) => one === given.toUpperCase()) : undefined;
  return found ?? refuse(`${name}: expected one of ${allowed.join(", ")}`);
}

function refuse(what: string, hint = HINT): never {
  throw new UserError("RECIPE_INVALID", `cassandra: ${what}`, { hint });
}

/** "host:1234", "[::1]:1234"; not "::1". */
const hasPort = (point: string): boolean => /^(\[.*\]|[^:]+):\d+$/.test(point);

const isThenable = (value: unknown): value is PromiseLike<string> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
