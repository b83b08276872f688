/** The options of every command: which Redis, and where the registry is. One table, and one function that reads it. */
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { messageOf, UserError } from "../errors.js";
import { parseRedisUrl, type RedisTarget } from "../redis/target.js";
import { registerSecret } from "./secret.js";

/** One flag, as the command line shows it. */
export interface FlagSpec {
  /** "--port <number>" */
  readonly flags: string;
  readonly text: string;
  /** The environment variable that is asked where neither this flag nor `--url` says. */
  readonly env?: string;
  readonly type?: "integer";
  readonly min?: number;
  readonly max?: number;
  /** Names that other tools have for it (gears-cli, redis-cli): accepted, not shown. */
  readonly aliases?: readonly string[];
}

/** The flags that every command has; `--host` and the ones after it win over the parts of `--url`. */
export const CONNECTION_FLAGS: readonly FlagSpec[] = [
  {
    flags: "--url <url>",
    text: "redis://[user:password@]host[:port][/db], rediss:// for TLS, unix://",
    env: "REDIS_URL",
  },
  { flags: "--host <name>", text: "server (default: 127.0.0.1)" },
  { flags: "--port <number>", text: "port (default: 6379)", type: "integer", min: 1, max: 65535 },
  { flags: "--user <name>", text: "ACL user", aliases: ["--username <name>"] },
  {
    flags: "--password <text>",
    text: "password (better: REDISCLI_AUTH)",
    env: "REDISCLI_AUTH",
    aliases: ["--pass <text>"],
  },
  { flags: "--db <number>", text: "database number (default: 0)", type: "integer", min: 0, max: 999999 },
  { flags: "--tls", text: "connect with TLS", aliases: ["--ssl"] },
  { flags: "--cacert <file>", text: "certificate of the authority to trust", aliases: ["--ssl-ca-certs <file>"] },
  { flags: "--cert <file>", text: "client certificate", aliases: ["--ssl-certfile <file>"] },
  { flags: "--key <file>", text: "key of the client certificate", aliases: ["--ssl-keyfile <file>"] },
  { flags: "--socket <path>", text: "unix socket, instead of host and port" },
  {
    flags: "--registry-url <url>",
    text: "another Redis for recipes, parameters and dead letters",
    env: "WBSYNC_REGISTRY_URL",
  },
];

/** What the flags say, by their long names in camel case. */
export interface ConnectionFlags {
  readonly url?: string;
  readonly host?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: string;
  readonly db?: number;
  readonly tls?: boolean;
  readonly cacert?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly socket?: string;
  readonly registryUrl?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Which Redis the flags and the environment name. Throws a `UserError` USAGE where they contradict one another. */
export function redisTarget(flags: ConnectionFlags, env: Environment): RedisTarget {
  const base = parseRedisUrl(flags.url ?? (env.REDIS_URL || "redis://127.0.0.1:6379"));
  const username = flags.user ?? base.username;
  const password = flags.password ?? base.password ?? (env.REDISCLI_AUTH || undefined);
  const tls = tlsOptions(flags) ?? (flags.socket === undefined ? base.tls : undefined);
  return remember({
    ...place(flags, base),
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    db: flags.db ?? base.db,
    ...(tls !== undefined && { tls }),
  });
}

/** Which Redis holds the registry: the same one, where nothing else is said. */
export function registryTarget(flags: ConnectionFlags, env: Environment, redis: RedisTarget): RedisTarget {
  const url = flags.registryUrl ?? (env.WBSYNC_REGISTRY_URL || undefined);
  return url === undefined ? redis : remember(parseRedisUrl(url));
}

function place(flags: ConnectionFlags, base: RedisTarget): Pick<RedisTarget, "host" | "port" | "path"> {
  const { host, port, socket } = flags;
  if (socket !== undefined && (host !== undefined || port !== undefined)) {
    throw new UserError("USAGE", "--socket and --host or --port name two different servers.", {
      hint: "Give one of them.",
    });
  }
  if (socket !== undefined) return { host: base.host, port: base.port, path: socket };
  if (host === undefined && port === undefined) {
    return { host: base.host, port: base.port, ...(base.path !== undefined && { path: base.path }) };
  }
  // A URL that names a socket has no port to keep.
  const isSocket = base.path !== undefined;
  return { host: host ?? (isSocket ? "127.0.0.1" : base.host), port: port ?? (isSocket ? 6379 : base.port) };
}

/** A certificate means nothing without TLS: to give one is to ask for it. */
function tlsOptions({ tls, cacert, cert, key }: ConnectionFlags): ConnectionOptions | undefined {
  if ((cert === undefined) !== (key === undefined)) {
    throw new UserError("USAGE", "--cert and --key belong together, and one of them is missing.", {
      hint: "Give both, or none.",
    });
  }
  if (!tls && cacert === undefined && cert === undefined) return undefined;
  return {
    ...(cacert !== undefined && { ca: readFile("--cacert", cacert) }),
    ...(cert !== undefined && { cert: readFile("--cert", cert) }),
    ...(key !== undefined && { key: readFile("--key", key) }),
  };
}

function readFile(flag: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new UserError("USAGE", `${flag} ${path} cannot be read: ${messageOf(cause)}.`, {
      hint: "Give the path of a file in PEM format.",
      cause,
    });
  }
}

/** From here on no message shows the password. */
function remember(target: RedisTarget): RedisTarget {
  if (target.password !== undefined) registerSecret(target.password);
  return target;
}
