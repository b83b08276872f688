/** Connection options of the MongoDB connector: resolved afresh at every connection attempt. */
import type { Option } from "../connector.js";
import { refuse } from "../option-refusal.js";
import { milliseconds, port, secret, text, url, type OptionRule } from "../option-rules.js";
import { checkOptions, resolveOptions, type OptionSet } from "../option-set.js";
import { tls, type Tls } from "../sql/server-options.js";

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

/** Left to the driver, but for what messages and defaults need of it. */
const driverUrl: OptionRule<string> = {
  ...url,
  read: (given) => (typeof given === "string" && splitUrl(given) ? given : undefined),
};

const RULES = {
  ...{ url: driverUrl, host: text, port, user: text, password: secret, database: text, authSource: text },
  ...{ tls, ssl: tls, connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

const MONGODB: OptionSet<typeof RULES> = {
  ...{ kind: "mongodb", rules: RULES, alone: "url" },
  example: 'Write mongodb({ url: "mongodb://127.0.0.1:27017", database: "shop" }).',
};

/** Checks the options when the recipe is loaded. */
export function mongodbOptions(given: MongodbOptions | Option<string>): MongodbOptions {
  const options = checkOptions<MongodbOptions>(MONGODB, given);
  if (options.url !== undefined && options.host !== undefined) {
    refuse(MONGODB, "url and host are two ways to say one thing");
  }
  return options;
}

/** Asks for every option's value now. */
export async function resolveMongodb(options: MongodbOptions): Promise<MongodbServer> {
  const given = await resolveOptions(MONGODB, options);
  const { host = "127.0.0.1", port = 27_017 } = given;
  const url = given.url ?? `mongodb://${host.includes(":") ? `[${host}]` : host}:${port}`;
  const parts = splitUrl(url);
  const database = given.database ?? parts.database;
  if (!database) {
    const hint = 'Write database: "shop", or put it into the URL: mongodb://host/shop.';
    return refuse(MONGODB, "no database is named", hint);
  }
  return {
    ...{ url, database, address: parts.hosts },
    ...{ user: given.user, password: given.password, authSource: given.authSource },
    tls: given.tls ?? given.ssl,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 60_000,
  };
}

const URL_PARTS = /^mongodb(?:\+srv)?:\/\/(?:[^@/]*@)?([^/?]+)(?:\/([^?]*))?(?:\?.*)?$/;

/** Never shows the URL: it may hold a password. */
function splitUrl(url: string): { readonly hosts: string; readonly database: string } {
  const [, hosts, database = ""] = URL_PARTS.exec(url) ?? [];
  if (hosts === undefined) {
    const hint = "Special characters in a password are written as %xx.";
    return refuse(MONGODB, "expected a URL like mongodb://user:password@host:27017/database, or mongodb+srv://…", hint);
  }
  return { hosts, database: decode(database) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(MONGODB, "the URL's database cannot be read", "Special characters are written as %xx.");
  }
}
