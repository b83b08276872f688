/** The options of `snowflake`. */
import type { Option } from "../connector.js";
import { namedUrl } from "../connection-url.js";
import { refuse } from "../option-refusal.js";
import { milliseconds, secret, text, url } from "../option-rules.js";
import { checkOptions, registerSecrets, resolveOptions, type OptionSet } from "../option-set.js";

/** Options of `snowflake`. Each may be a value, or a function that is called again at every connection attempt. */
export interface SnowflakeOptions {
  /** All of it in one text, as "snowflake://user:password@account/database/schema?warehouse=W&role=R"; the other options win. */
  readonly url?: Option<string>;
  /** "organization-account" */
  readonly account?: Option<string>;
  /** The address, where it does not follow from the account: "https://host". */
  readonly accessUrl?: Option<string>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  /** Signs in with a key pair: the private key in PEM (PKCS #8). */
  readonly privateKey?: Option<string>;
  /** What the private key is encrypted with. */
  readonly privateKeyPass?: Option<string>;
  readonly database?: Option<string>;
  readonly schema?: Option<string>;
  readonly warehouse?: Option<string>;
  readonly role?: Option<string>;
  /** Milliseconds in which a connection has to be there; 30,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one statement has to be answered; 300,000 where nothing is said, since a warehouse may have to start. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface Account {
  readonly account: string;
  readonly accessUrl: string | undefined;
  readonly user: string;
  readonly password: string | undefined;
  readonly privateKey: string | undefined;
  readonly privateKeyPass: string | undefined;
  readonly database: string | undefined;
  readonly schema: string | undefined;
  readonly warehouse: string | undefined;
  readonly role: string | undefined;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Where it is, for messages: never with credentials. */
  readonly address: string;
}

const RULES = {
  ...{ url, account: text, accessUrl: text, user: text, password: secret, privateKey: secret, privateKeyPass: secret },
  ...{ database: text, schema: text, warehouse: text, role: text },
  ...{ connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

const WRITING = {
  ...{ kind: "snowflake", rules: RULES },
  example:
    "Write snowflake({ account, user, password, database, schema, warehouse, role }), or privateKey for password.",
};

export const SNOWFLAKE: OptionSet<typeof RULES> = {
  ...WRITING,
  alone: "url",
  partsOf: namedUrl({
    ...WRITING,
    schemes: ["snowflake"],
    parts(url) {
      const [database, schema] = url.pathname.slice(1).split("/").map(decodeURIComponent);
      return {
        ...{ account: decodeURIComponent(url.hostname), database, schema },
        ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
      };
    },
  }),
};

/** Checks the options when the recipe is loaded. */
export function snowflakeOptions(given: SnowflakeOptions | Option<string>): SnowflakeOptions {
  return checkOptions(SNOWFLAKE, given);
}

/** Asks for every option's value now. */
export async function resolveAccount(options: SnowflakeOptions): Promise<Account> {
  const given = await resolveOptions(SNOWFLAKE, options);
  registerSecrets(SNOWFLAKE, given);
  const { account = refuse(SNOWFLAKE, "account is missing"), accessUrl, password, privateKey } = given;
  if (password === undefined && privateKey === undefined) refuse(SNOWFLAKE, "password or privateKey is missing");
  return {
    ...{ account, accessUrl, password, privateKey, user: given.user ?? refuse(SNOWFLAKE, "user is missing") },
    ...{ privateKeyPass: given.privateKeyPass, database: given.database, schema: given.schema },
    ...{ warehouse: given.warehouse, role: given.role },
    connectTimeoutMs: given.connectTimeoutMs ?? 30_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 300_000,
    address: accessUrl === undefined ? account : accessUrl.replace(/^https?:\/\//, ""),
  };
}
