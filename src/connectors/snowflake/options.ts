/** The options of `snowflake`. */
import type { Option } from "../connector.js";
import { resolveNames, type NamedOptions } from "../sql/named-options.js";

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

export const SNOWFLAKE: NamedOptions = {
  kind: "snowflake",
  names: [
    ...["url", "account", "accessUrl", "user", "password", "privateKey", "privateKeyPass"],
    ...["database", "schema", "warehouse", "role", "connectTimeoutMs", "statementTimeoutMs"],
  ],
  secrets: ["password", "privateKey", "privateKeyPass"],
  schemes: ["snowflake"],
  fromUrl(url) {
    const [database = "", schema = ""] = url.pathname.slice(1).split("/").map(decodeURIComponent);
    return {
      account: decodeURIComponent(url.hostname),
      ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), database, schema },
    };
  },
  example:
    "Write snowflake({ account, user, password, database, schema, warehouse, role }), or privateKey for password.",
};

/** Asks for every option's value now. */
export async function resolveAccount(options: SnowflakeOptions): Promise<Account> {
  const given = await resolveNames(SNOWFLAKE, options);
  const account = given.needed("account");
  const accessUrl = given.text("accessUrl");
  const password = given.text("password");
  const privateKey = given.text("privateKey");
  if (password === undefined && privateKey === undefined) given.refuse("password or privateKey is missing");
  return {
    ...{ account, accessUrl, password, privateKey, user: given.needed("user") },
    ...{ privateKeyPass: given.text("privateKeyPass"), database: given.text("database"), schema: given.text("schema") },
    ...{ warehouse: given.text("warehouse"), role: given.text("role") },
    connectTimeoutMs: given.number("connectTimeoutMs", 30_000),
    statementTimeoutMs: given.number("statementTimeoutMs", 300_000),
    address: accessUrl === undefined ? account : accessUrl.replace(/^https?:\/\//, ""),
  };
}
