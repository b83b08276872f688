/** Connection options of databases that are servers: resolved afresh, with their URL, at every connection attempt. */
import { UserError } from "../../errors.js";
import { resolveOption, type Option } from "../connector.js";

/** TLS: `true` checks the server's certificate against the system's authorities; an object says more, in Node's words. */
export type Tls =
  | boolean
  | {
      readonly ca?: string | Buffer | readonly (string | Buffer)[];
      readonly cert?: string | Buffer;
      readonly key?: string | Buffer;
      readonly passphrase?: string;
      /** false: encrypt, but do not check who the server is. */
      readonly rejectUnauthorized?: boolean;
    };

/** Options that every database server takes. Each may be a value, or a function that is called at every connection attempt. */
export interface ServerOptions {
  /** All of it in one text, as "mysql://user:password@host:port/database"; the other options win over its parts. */
  readonly url?: Option<string>;
  readonly host?: Option<string>;
  readonly port?: Option<number>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  readonly database?: Option<string>;
  /** A unix socket, instead of host and port. */
  readonly socketPath?: Option<string>;
  readonly ssl?: Option<Tls>;
  /** The same as `ssl`. */
  readonly tls?: Option<Tls>;
  /** Milliseconds in which a connection has to be there; 10,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one statement has to be answered; 60,000 where nothing is said. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly socketPath: string | undefined;
  readonly tls: Tls;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Where it is, for messages: never with credentials. */
  readonly address: string;
}

/** What differs between databases. */
export interface ServerKind {
  readonly kind: string;
  readonly schemes: readonly string[];
  readonly port: number;
}

const NAMES: readonly (keyof ServerOptions)[] = [
  "url",
  "host",
  "port",
  "user",
  "password",
  "database",
  "socketPath",
  "ssl",
  "tls",
  "connectTimeoutMs",
  "statementTimeoutMs",
];

/** Checks the names of the options when the recipe is loaded: a misspelt one would be ignored for ever. */
export function serverOptions(kind: ServerKind, given: ServerOptions | Option<string>): ServerOptions {
  if (typeof given === "string") parseUrl(kind, given);
  if (typeof given === "string" || typeof given === "function" || isThenable(given)) return { url: given };
  if (typeof given !== "object" || given === null) {
    throw new UserError("RECIPE_INVALID", `${kind.kind}: expected options or a URL, got ${typeof given}`, {
      hint: example(kind),
    });
  }
  const unknown = Object.keys(given).filter((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) {
    throw new UserError("RECIPE_INVALID", `${kind.kind}: unknown option "${unknown.join('", "')}"`, {
      hint: `Options are ${NAMES.join(", ")}.`,
    });
  }
  return given;
}

/** Asks for every option's value now. */
export async function resolveServer(kind: ServerKind, options: ServerOptions): Promise<Server> {
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const option = options[name] as Option<string> | undefined;
    if (option !== undefined) given[name] = await resolveOption(option);
  }
  const url = given.url === undefined ? {} : parseUrl(kind, given.url);
  const defined = Object.fromEntries(
    Object.entries(given).filter(([, value]) => value !== undefined && value !== null),
  );
  const merged: Record<string, unknown> = { ...url, ...defined };
  const text = (name: string) => (merged[name] === undefined ? undefined : string(kind, name, merged[name]));
  const host = text("host") ?? "localhost";
  const port = number(kind, "port", merged.port ?? kind.port);
  const socketPath = text("socketPath") ?? (host.startsWith("/") ? host : undefined);
  return {
    host,
    port,
    user: text("user"),
    password: text("password"),
    database: text("database"),
    socketPath,
    tls: (merged.tls ?? merged.ssl ?? false) as Tls,
    connectTimeoutMs: number(kind, "connectTimeoutMs", merged.connectTimeoutMs ?? 10_000),
    statementTimeoutMs: number(kind, "statementTimeoutMs", merged.statementTimeoutMs ?? 60_000),
    address: socketPath ?? (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`),
  };
}

/** The parts of a URL, by the names of the options. Never shows the URL: it may hold a password. */
export function parseUrl(kind: ServerKind, url: unknown): Partial<Record<keyof ServerOptions, unknown>> {
  const refuse = (what: string): never => {
    throw new UserError("RECIPE_INVALID", `${kind.kind}: ${what}`, { hint: example(kind) });
  };
  if (typeof url !== "string") return refuse(`url: expected a text, got ${typeof url}`);
  const unreadable = "the URL cannot be read; special characters in a password are written as %xx";
  if (!URL.canParse(url)) return refuse(unreadable);
  const decode = (part: string): string => {
    try {
      return decodeURIComponent(part);
    } catch {
      return refuse(unreadable);
    }
  };
  const parsed = new URL(url);
  if (!kind.schemes.includes(parsed.protocol.slice(0, -1))) {
    return refuse(`expected a URL that begins with ${kind.schemes.join(":// or ")}://, got ${parsed.protocol}//`);
  }
  const query = parsed.searchParams;
  const path = decode(parsed.pathname.slice(1));
  const host = decode(parsed.hostname.replace(/^\[(.*)\]$/, "$1")) || (query.get("host") ?? "");
  const tls = tlsOf(query);
  const socketPath = query.get("socketPath") ?? query.get("socket");
  return {
    ...(host ? { host } : {}),
    ...(parsed.port ? { port: Number(parsed.port) } : {}),
    ...(parsed.username ? { user: decode(parsed.username) } : {}),
    ...(parsed.password ? { password: decode(parsed.password) } : {}),
    ...(path ? { database: path } : {}),
    ...(socketPath ? { socketPath } : {}),
    ...(tls === undefined ? {} : { tls }),
    ...timeout(query, "connectTimeoutMs"),
    ...timeout(query, "statementTimeoutMs"),
  };
}

/** `ssl=true`, `sslmode=require|no-verify|verify-ca|verify-full|disable`. */
function tlsOf(query: URLSearchParams): Tls | undefined {
  switch (query.get("sslmode") ?? query.get("ssl-mode") ?? query.get("ssl") ?? query.get("tls")) {
    case null:
    case "prefer":
    case "allow":
    case "PREFERRED":
      return undefined;
    case "disable":
    case "DISABLED":
    case "false":
    case "0":
      return false;
    case "no-verify":
    case "require":
    case "REQUIRED":
      // As in libpq and the mysql client: "require" encrypts, and does not ask who the server is.
      return { rejectUnauthorized: false };
    default:
      return true;
  }
}

function timeout(query: URLSearchParams, name: string): Record<string, number> {
  const value = query.get(name);
  return value === null ? {} : { [name]: Number(value) };
}

function string(kind: ServerKind, name: string, value: unknown): string {
  if (typeof value === "string") return value;
  throw new UserError("RECIPE_INVALID", `${kind.kind}: ${name}: expected a text, got ${typeof value}`);
}

function number(kind: ServerKind, name: string, value: unknown): number {
  const parsed = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  const max = name === "port" ? 65_535 : 2 ** 31 - 1;
  if (typeof parsed === "number" && Number.isInteger(parsed) && parsed >= 1 && parsed <= max) return parsed;
  throw new UserError("RECIPE_INVALID", `${kind.kind}: ${name}: expected a whole number from 1 to ${max}`);
}

const isThenable = (value: unknown): value is PromiseLike<string> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";

const example = (kind: ServerKind): string =>
  `Write ${kind.kind}({ host, port, user, password, database }) or ${kind.kind}("${kind.schemes[0]}://user:password@host/database").`;
