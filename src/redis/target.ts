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
  const text = url.startsWith("/") ? `unix://${url}` : url;
  const parsed = parse(text);
  const scheme = parsed.protocol.slice(0, -1);
  const query = parsed.searchParams;
  const username = decode(parsed.username) || query.get("username") || undefined;
  const password = decode(parsed.password) || query.get("password") || undefined;
  const credentials = { ...(username && { username }), ...(password && { password }) };
  switch (scheme) {
    case "redis":
    case "rediss": {
      const host = parsed.hostname.replace(/^\[|\]$/g, "") || "127.0.0.1";
      const port = parsed.port === "" ? 6379 : Number(parsed.port);
      const db = parseDb(decode(parsed.pathname).replace(/^\/|\/$/g, "") || query.get("db"));
      return { host: decode(host), port, ...credentials, db, ...(scheme === "rediss" && { tls: {} }) };
    }
    case "unix":
    case "redis+unix": {
      const path = decode(parsed.host + parsed.pathname);
      if (path.length < 2) throw invalid("it names no socket");
      return { host: "localhost", port: 0, ...credentials, db: parseDb(query.get("db")), path };
    }
    default:
      throw invalid(`it starts with "${scheme}:"`);
  }
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
