/** The options of `oracle`. */
import type { Option } from "../connector.js";
import { resolveNames, type NamedOptions } from "../sql/named-options.js";

/** Options of `oracle`. Each may be a value, or a function that is called again at every connection attempt. */
export interface OracleOptions {
  /** All of it in one text, as "oracle://user:password@host:1521/service"; the other options win over its parts. */
  readonly url?: Option<string>;
  /** "host:port/service", "tcps://host:port/service", a name of tnsnames.ora, or a whole descriptor. */
  readonly connectString?: Option<string>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  /** The folder of tnsnames.ora. */
  readonly configDir?: Option<string>;
  /** The folder of ewallet.pem, for TLS with a wallet. */
  readonly walletLocation?: Option<string>;
  readonly walletPassword?: Option<string>;
  /** Milliseconds in which a connection has to be there; 10,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one statement has to be answered; 60,000 where nothing is said. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface OracleServer {
  readonly connectString: string;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly configDir: string | undefined;
  readonly walletLocation: string | undefined;
  readonly walletPassword: string | undefined;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
}

export const ORACLE: NamedOptions = {
  kind: "oracle",
  names: [
    ...["url", "connectString", "user", "password", "configDir", "walletLocation", "walletPassword"],
    ...["connectTimeoutMs", "statementTimeoutMs"],
  ],
  secrets: ["password", "walletPassword"],
  schemes: ["oracle"],
  fromUrl: (url) => ({
    connectString: url.host === "" ? "" : `${url.host}${decodeURIComponent(url.pathname)}`,
    ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
  }),
  example: 'Write oracle({ connectString: "host:1521/service", user, password }).',
};

/** Asks for every option's value now. */
export async function resolveOracle(options: OracleOptions): Promise<OracleServer> {
  const given = await resolveNames(ORACLE, options);
  return {
    connectString: given.needed("connectString"),
    ...{ user: given.text("user"), password: given.text("password"), configDir: given.text("configDir") },
    ...{ walletLocation: given.text("walletLocation"), walletPassword: given.text("walletPassword") },
    connectTimeoutMs: given.number("connectTimeoutMs", 10_000),
    statementTimeoutMs: given.number("statementTimeoutMs", 60_000),
  };
}
