/** Where a Redis server is, and how a URL says so. Pure. */
import type { ConnectionOptions } from "node:tls";
import { UserError } from "../errors.js";

/** A Redis server, one of its databases, and what it asks for. */
export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly db: number;
  readonly tls?: ConnectionOptions;
  /** A unix socket; host and port do not count where it is given. */
  readonly path?: string;
}

const EXAMPLES = "Write redis://user:password@host:6379/0, rediss://… for TLS, or unix:///path/to/redis.sock?db=0.";

/** Names the server as a person would, without credentials: `127.0.0.1:6379`, `[::1]:6379/2`, `/run/redis.sock`. */
export function describeTarget(target: RedisTarget): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host;
  const server = target.path ?? `${host}:${target.port}`;
  return target.db === 0 ? server : `${server}/${target.db}`;
}

/**
 * Reads `redis://[user:password@]host[:port][/db]`, `rediss://…` (TLS), and `unix://[user:password@]/path[?db=n]` (also
 * `redis+unix://`, or a bare absolute path). `?db=`, `?username=` and `?password=` are understood everywhere.
 * Throws a `UserError` USAGE that never repeats the URL, for it may hold a password.
 */
export function parseRedisUrl(url: string): RedisTarget {
  const socket = SOCKET_URL.exec(url)?.groups;
  if (socket !== undefined) return socketTarget(socket);
  const parsed = parse(url);
  const scheme = parsed.protocol.slice(0, -1);
  if (scheme !== "redis" && scheme !== "rediss") throw invalid(`it starts with "${scheme}:"`);
  // What stands before it in a password would be taken for the host.
  if (parsed.hash !== "") throw invalid('there is a "#" in it (in a password write %23)');
  const host = decode(parsed.hostname.replace(/^\[|\]$/g, "")) || "127.0.0.1";
  const port = parsed.port === "" ? 6379 : Number(parsed.port);
  const db = parseDb(decode(parsed.pathname).replace(/^\/|\/$/g, "") || parsed.searchParams.get("db"));
  const credentials = credentialsOf(parsed.username, parsed.password, parsed.searchParams);
  return { host, port, ...credentials, db, ...(scheme === "rediss" && { tls: {} }) };
}

/** A URL without a host, which the standard's parser does not accept together with a password. */
const SOCKET_URL =
  /^(?:(?:redis\+)?unix:\/\/(?:(?<user>[^:@/]*)(?::(?<pass>[^@/]*))?@)?)?(?<path>\/[^?]+)(?:\?(?<query>.*))?$/;

function socketTarget({ user, pass, path, query }: Readonly<Record<string, string | undefined>>): RedisTarget {
  const parameters = new URLSearchParams(query ?? "");
  const credentials = credentialsOf(user ?? "", pass ?? "", parameters);
  return { host: "localhost", port: 0, ...credentials, db: parseDb(parameters.get("db")), path: decode(path!) };
}

function credentialsOf(user: string, pass: string, query: URLSearchParams): Pick<RedisTarget, "username" | "password"> {
  const username = decode(user) || query.get("username");
  const password = decode(pass) || query.get("password");
  return { ...(username && { username }), ...(password && { password }) };
}

function parse(url: string): URL {
  try {
    return new URL(url);
  } catch (cause) {
    // The cause's own text repeats the URL: it must not travel further.
    throw invalid(`it cannot be read (${(cause as { code?: string }).code ?? "invalid"})`);
  }
}

function parseDb(text: string | null): number {
  if (text === null || text === "") return 0;
  if (!/^\d{1,6}$/.test(text)) throw invalid("its database is not a number");
  return Number(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid('a "%" in it is not followed by two hex digits (write %25 for the sign itself)');
  }
}

function invalid(found: string): UserError {
  return new UserError("USAGE", `The Redis URL is not valid: ${found}.`, { hint: EXAMPLES });
}
