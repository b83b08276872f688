/** Connection options of databases that are servers: resolved afresh, with their URL, at every connection attempt. */
import { readUrl } from "../connection-url.js";
import type { Option } from "../connector.js";
import { refuse } from "../option-refusal.js";
import { milliseconds, port, secret, text, url, type OptionRule, type OptionValues } from "../option-rules.js";
import { checkOptions, resolveOptions, type OptionSet } from "../option-set.js";

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

export const tls: OptionRule<Tls> = {
  expected: "true, false, or an object with Node's options of TLS",
  read: (given) =>
    typeof given === "boolean" || (typeof given === "object" && !Array.isArray(given)) ? (given as Tls) : undefined,
};

/** Of every option that a server takes. */
export const SERVER_RULES = {
  ...{ url, host: text, port, user: text, password: secret, database: text, socketPath: text },
  ...{ ssl: tls, tls, connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

/** What a server's URL may have behind its "?". */
export const SERVER_PARAMETERS: readonly string[] = [
  ...["sslmode", "ssl-mode", "ssl", "tls", "socketPath", "socket", "host", "connectTimeoutMs", "statementTimeoutMs"],
];

/** Checks the options when the recipe is loaded. */
export function serverOptions(kind: ServerKind, given: ServerOptions | Option<string>): ServerOptions {
  return checkOptions(setOf(kind), given);
}

/** Asks for every option's value now. */
export async function resolveServer(kind: ServerKind, options: ServerOptions): Promise<Server> {
  return serverOf(kind, await resolveOptions(setOf(kind), options));
}

/** The server that these options mean. */
export function serverOf(kind: ServerKind, given: Omit<OptionValues<typeof SERVER_RULES>, "url">): Server {
  const { host = "localhost", port = kind.port } = given;
  const socketPath = given.socketPath ?? (host.startsWith("/") ? host : undefined);
  return {
    ...{ host, port, socketPath, user: given.user, password: given.password, database: given.database },
    tls: given.tls ?? given.ssl ?? false,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 60_000,
    address: socketPath ?? (host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`),
  };
}

/** The parts of a URL, by the names of the options, whose rules are still to read them. Never shows the URL. */
export function parseUrl(kind: ServerKind, text: string): Partial<Record<keyof ServerOptions, unknown>> {
  const form = { kind: kind.kind, schemes: kind.schemes, parameters: SERVER_PARAMETERS, example: example(kind) };
  const parts = (url: URL) => {
    const query = url.searchParams;
    const host = decodeURIComponent(url.hostname.replace(/^\[(.*)\]$/, "$1"));
    if (host !== "" && query.has("host")) refuse(form, "the URL names a second host as its parameter");
    return {
      ...{ host: host || query.get("host"), port: url.port },
      ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
      database: decodeURIComponent(url.pathname.slice(1)),
      socketPath: query.get("socketPath") ?? query.get("socket"),
      // Not as `tls`, which would win over a recipe's `ssl`.
      ssl: tlsOf(query),
      connectTimeoutMs: query.get("connectTimeoutMs"),
      statementTimeoutMs: query.get("statementTimeoutMs"),
    };
  };
  return readUrl({ ...form, parts }, text);
}

const setOf = (kind: ServerKind): OptionSet<typeof SERVER_RULES> => ({
  ...{ kind: kind.kind, rules: SERVER_RULES, alone: "url", example: example(kind) },
  partsOf: (text) => parseUrl(kind, text),
});

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

const example = (kind: ServerKind): string =>
  `Write ${kind.kind}({ host, port, user, password, database }) or ${kind.kind}("${kind.schemes[0]}://user:password@host/database").`;
