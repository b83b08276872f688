/** The options of `mssql`. */
import type { Option } from "../connector.js";
import { namedUrl } from "../connection-url.js";
import { refuse } from "../option-refusal.js";
import { flag, milliseconds, port, secret, text, url } from "../option-rules.js";
import { checkOptions, registerSecrets, resolveOptions, type OptionSet } from "../option-set.js";

/** Options of `mssql`. Each may be a value, or a function that is called again at every connection attempt. */
export interface MssqlOptions {
  /** All of it in one text, as "mssql://user:password@host:1433/database?encrypt=false"; the other options win over its parts. */
  readonly url?: Option<string>;
  readonly server?: Option<string>;
  /** 1433 where nothing is said. */
  readonly port?: Option<number>;
  /** A named instance, which its browser service is asked for; instead of a port. */
  readonly instanceName?: Option<string>;
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  /** Signs in with NTLM. */
  readonly domain?: Option<string>;
  readonly database?: Option<string>;
  /** TLS; true where nothing is said. */
  readonly encrypt?: Option<boolean>;
  /** Encrypt, but do not check who the server is: for the certificate that a server makes for itself. */
  readonly trustServerCertificate?: Option<boolean>;
  /** An authority beside those of the system, in PEM. */
  readonly ca?: Option<string>;
  /** Milliseconds in which a connection has to be there; 10,000 where nothing is said. */
  readonly connectTimeoutMs?: Option<number>;
  /** Milliseconds in which one statement has to be answered; 60,000 where nothing is said. */
  readonly statementTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface MssqlServer {
  readonly server: string;
  readonly port: number;
  readonly instanceName: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly domain: string | undefined;
  readonly database: string | undefined;
  readonly encrypt: boolean;
  readonly trustServerCertificate: boolean;
  readonly ca: string | undefined;
  readonly connectTimeoutMs: number;
  readonly statementTimeoutMs: number;
  /** Where it is, for messages: never with credentials. */
  readonly address: string;
}

const RULES = {
  ...{ url, server: text, port, instanceName: text, user: text, password: secret, domain: text, database: text },
  ...{ encrypt: flag, trustServerCertificate: flag, ca: text },
  ...{ connectTimeoutMs: milliseconds, statementTimeoutMs: milliseconds },
} as const;

const WRITING = { kind: "mssql", rules: RULES, example: "Write mssql({ server, user, password, database })." };

export const MSSQL: OptionSet<typeof RULES> = {
  ...WRITING,
  alone: "url",
  partsOf: namedUrl({
    ...WRITING,
    schemes: ["mssql", "sqlserver"],
    parts: (url) => ({
      ...{ server: decodeURIComponent(url.hostname), port: url.port },
      ...{ user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) },
      database: decodeURIComponent(url.pathname.slice(1)),
    }),
  }),
};

/** Checks the options when the recipe is loaded. */
export function mssqlOptions(given: MssqlOptions | Option<string>): MssqlOptions {
  return checkOptions(MSSQL, given);
}

/** Asks for every option's value now. */
export async function resolveMssql(options: MssqlOptions): Promise<MssqlServer> {
  const given = await resolveOptions(MSSQL, options);
  registerSecrets(MSSQL, given);
  const { server = refuse(MSSQL, "server is missing"), port = 1433, instanceName } = given;
  return {
    ...{ server, port, instanceName, user: given.user, password: given.password },
    ...{ domain: given.domain, database: given.database, ca: given.ca },
    encrypt: given.encrypt ?? true,
    trustServerCertificate: given.trustServerCertificate ?? false,
    connectTimeoutMs: given.connectTimeoutMs ?? 10_000,
    statementTimeoutMs: given.statementTimeoutMs ?? 60_000,
    address: instanceName === undefined ? `${server}:${port}` : `${server}\\${instanceName}`,
  };
}
