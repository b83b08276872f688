/** A session with Snowflake of the tests' own, through the real driver. */
import sdk from "snowflake-sdk";
import type { SnowflakeOptions } from "../../src/connectors/snowflake.js";
import { resolveAccount } from "../../src/connectors/snowflake/options.js";

export type Rows = readonly (readonly unknown[])[];

export interface SnowflakeSession {
  /** Rows as the driver's texts. */
  query(sql: string, binds?: readonly (string | null)[]): Promise<Rows>;
  close(): Promise<void>;
}

/** Signs in. */
export async function snowflakeSession(options: SnowflakeOptions): Promise<SnowflakeSession> {
  const { user, connectTimeoutMs: _, statementTimeoutMs: __, address: ___, ...rest } = await resolveAccount(options);
  sdk.configure({ logLevel: "OFF", additionalLogToConsole: false });
  const defined = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined));
  const jwt = rest.privateKey === undefined ? {} : { authenticator: "SNOWFLAKE_JWT" };
  const connection = sdk.createConnection({
    ...{ account: rest.account, ...defined, ...jwt, username: user, representNullAsStringNull: false },
    sfRetryMaxLoginRetries: 0,
  });
  await connection.connectAsync();
  const query = (sqlText: string, binds: readonly (string | null)[] = []) =>
    new Promise<Rows>((resolve, reject) => {
      connection.execute({
        ...{ sqlText, ...(binds.length > 0 && { binds: [...binds] }), rowMode: "array" as const },
        fetchAsString: ["Number", "Date", "JSON", "Boolean", "Buffer"],
        complete: (error, _statement, rows) => (error ? reject(error) : resolve((rows ?? []) as Rows)),
      });
    });
  await query("ALTER SESSION SET TIMEZONE = 'UTC', TIMESTAMP_TZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9 TZHTZM'");
  return { query, close: () => new Promise<void>((resolve) => connection.destroy(() => resolve())) };
}
