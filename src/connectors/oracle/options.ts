/** The options of `oracle`. */
import type { Option } from "../connector.js";
import { namedUrl } from "../connection-url.js";
import { refuse } from "../option-refusal.js";
import { milliseconds, secret, text, url } from "../option-rules.js";
import { checkOptions, registerSecrets, resolveOptions, type OptionSet } from "../option-set.js";

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

const RULES = {
  ...{ url, connectString: text, user: text, password: secret },
  ...{ configDir: text, walletLocation: text, walletPassword: secret },
  ...{ connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

const WRITING = {
  ...{ kind: "oracle", rules: RULES },
  example: 'Write oracle({ connectString: "host:1521/service", user, password }).',
};

export const ORACLE: OptionSet<typeof RULES> = {
  ...WRITING,
  alone: "url",
  partsOf: namedUrl({
    ...WRITING,
    schemes: ["oracle"],
    parts: (url) => ({
      connectString: url.host === "" ? "" : `${url.host}${decodeURIComponent(url.pathname)}`,
      ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
    }),
  }),
};

/** Checks the options when the recipe is loaded. */
export function oracleOptions(given: OracleOptions | Option<string>): OracleOptions {
  return checkOptions(ORACLE, given);
}

/** Asks for every option's value now. */
export async function resolveOracle(options: OracleOptions): Promise<OracleServer> {
  const given = await resolveOptions(ORACLE, options);
  registerSecrets(ORACLE, given);
  return {
    connectString: given.connectString ?? refuse(ORACLE, "connectString is missing"),
    ...{ user: given.user, password: given.password, configDir: given.configDir },
    ...{ walletLocation: given.walletLocation, walletPassword: given.walletPassword },
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 60_000,
  };
}
