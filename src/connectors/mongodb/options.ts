/** Connection options of the MongoDB connector: resolved afresh at every connection attempt. */
import { UserError } from "../../errors.js";
import { resolveOption, type Option } from "../connector.js";
import type { Tls } from "../sql/server-options.js";

/** Options of `mongodb`. Each may be a value, or a function that is called again at every connection attempt. */
export interface MongodbOptions {
  /** "mongodb://host1,host2/database?replicaSet=rs0", "mongodb+srv://…", with everything that the driver understands there. */
  readonly url?: Option<string>;
  /** One server, instead of a URL. */
  readonly host?: Option<string>;
  readonly port?: Option<number>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  readonly database?: Option<string>;
  /** The database that knows the user; as the driver has it where nothing is said: the URL's database, or "admin". */
  readonly authSource?: Option<string>;
  readonly tls?: Option<Tls>;
  /** The same as `tls`. */
  readonly ssl?: Option<Tls>;
  /** Milliseconds in which a server has to be there; 10,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one step of a write has to be answered; 60,000 where nothing is said. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface MongodbServer {
  /** May hold credentials: never shown. */
  readonly url: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string;
  readonly authSource: string | undefined;
  readonly tls: Tls | undefined;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Where it is, for messages: never with credentials. */
  readonly address: string;
}

const NAMES: readonly (keyof MongodbOptions)[] = [
  ...(["url", "host", "port", "user", "password", "database", "authSource", "tls", "ssl"] as const),
  ...(["connectTimeoutMs", "statementTimeoutMs"] as const),
];
const EXAMPLE = 'Write mongodb({ url: "mongodb://127.0.0.1:27017", database: "shop" }).';

/** Checks the names of the options when the recipe is loaded: a misspelt one would be ignored for ever. */
export function mongodbOptions(given: MongodbOptions | Option<string>): MongodbOptions {
  if (typeof given === "string") splitUrl(given);
  if (typeof given === "string" || typeof given === "function" || isThenable(given)) return { url: given };
  if (typeof given !== "object" || given === null) return refuse(`expected options or a URL, got ${typeof given}`);
  const unknown = Object.keys(given).filter((name) => !(NAMES as readonly string[]).includes(name));
  if (unknown.length > 0) refuse(`unknown option "${unknown.join('", "')}"`, `Options are ${NAMES.join(", ")}.`);
  if (given.url !== undefined && given.host !== undefined) refuse("url and host are two ways to say one thing");
  if (typeof given.url === "string") splitUrl(given.url);
  return given;
}

/** Asks for every option's value now. */
export async function resolveMongodb(options: MongodbOptions): Promise<MongodbServer> {
  const given: Record<string, unknown> = {};
  for (const name of NAMES) {
    const option = options[name] as Option<string> | undefined;
    if (option !== undefined) given[name] = await resolveOption(option);
  }
  const text = (name: string): string | undefined => {
    const value = given[name];
    if (value === undefined || value === null || typeof value === "string") return value ?? undefined;
    return refuse(`${name}: expected a text, got ${typeof value}`);
  };
  const milliseconds = (name: string, fallback: number) => {
    const value = Number(given[name] ?? fallback);
    return Number.isInteger(value) && value >= 1 ? value : refuse(`${name}: expected a number of milliseconds`);
  };
  const host = text("host") ?? "127.0.0.1";
  const url = text("url") ?? `mongodb://${host.includes(":") ? `[${host}]` : host}:${Number(given.port ?? 27_017)}`;
  const parts = splitUrl(url);
  const database = text("database") ?? parts.database;
  if (!database)
    return refuse("no database is named", 'Write database: "shop", or put it into the URL: mongodb://host/shop.');
  return {
    ...{ url, database, address: parts.hosts },
    user: text("user"),
    password: text("password"),
    authSource: text("authSource"),
    tls: (given.tls ?? given.ssl) as Tls | undefined,
    connectTimeoutMs: milliseconds("connectTimeoutMs", 10_000),
    statementTimeoutMs: milliseconds("statementTimeoutMs", 60_000),
  };
}

const URL_PARTS = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]+)(?:\/([^?]*))?(?:\?.*)?$/;

/** Never shows the URL: it may hold a password. */
function splitUrl(url: string): { readonly hosts: string; readonly database: string } {
  const [, hosts, database = ""] = URL_PARTS.exec(url) ?? [];
  if (hosts === undefined) {
    const hint = "Special characters in a password are written as %xx.";
    return refuse("expected a URL like mongodb://user:password@host:27017/database, or mongodb+srv://…", hint);
  }
  return { hosts, database: decode(database) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse("the URL's database cannot be read", "Special characters are written as %xx.");
  }
}

function refuse(what: string, hint = EXAMPLE): never {
  throw new UserError("RECIPE_INVALID", `mongodb: ${what}`, { hint });
}

const isThenable = (value: unknown): value is PromiseLike<string> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
