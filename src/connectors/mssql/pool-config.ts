/** The connector's options as the driver has them. */
import type { MssqlServer } from "./options.js";

/** A pool of one connection, which is kept. */
export function poolConfig(server: MssqlServer): Record<string, unknown> & { server: string } {
  const { instanceName, ca } = server;
  return {
    ...{ server: server.server, port: server.port, user: server.user, password: server.password },
    ...{ database: server.database, domain: server.domain },
    ...{ connectionTimeout: server.connectTimeoutMs, requestTimeout: server.statementTimeoutMs },
    ...{ arrayRowMode: true, validateConnection: "socket", pool: { min: 0, max: 1, idleTimeoutMillis: 2 ** 31 - 1 } },
    options: {
      ...{ encrypt: server.encrypt, trustServerCertificate: server.trustServerCertificate, appName: "wbsync" },
      // XACT_ABORT: an error leaves no half of a transaction.
      ...{ abortTransactionOnError: true, useUTC: true, dateFormat: "ymd", language: "us_english" },
      ...(instanceName !== undefined && { instanceName }),
      ...(ca !== undefined && { cryptoCredentialsDetails: { ca } }),
    },
  };
}
