/** A session with Snowflake through snowflake-sdk: requests over HTTPS, so there is no socket whose end would be noticed. */
import { messageOf, UserError, WbsyncError } from "../../errors.js";
import { orAbort } from "../../or-abort.js";
import type { Database, Result, Session, Statement, Steps } from "../sql/database.js";
import { loadDriver, within, type Limits } from "../sql/driver.js";
import { inTurn, runSteps } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import { describeSnowflake } from "./catalog.js";
import { snowflakeDialect } from "./dialect.js";
import { classifySnowflake, isDuplicate, isMissingTable, isServerError } from "./errors.js";
import { SNOWFLAKE, resolveAccount, type Account, type SnowflakeOptions } from "./options.js";
import type { SnowflakeColumn } from "./types.js";

/** The slice of snowflake-sdk that is used, so that the driver stays optional. */
interface Sdk {
  configure(options: Record<string, unknown>): void;
  createConnection(options: Record<string, unknown>): Connection;
}

interface Connection {
  connect(callback: (error: Error | undefined) => void): void;
  execute(options: Record<string, unknown>): SdkStatement;
  destroy(callback: () => void): void;
}

interface SdkStatement {
  getColumns(): readonly { getName(): string }[] | undefined;
  getNumUpdatedRows(): number | undefined;
  cancel(callback: () => void): void;
}

/**
 * Snowflake rolls a transaction back that has been idle for five minutes while another waits for it, and what its session sends
 * then would be a transaction of its own. A process that was paused for so long must send nothing more.
 */
const MAX_IDLE_MS = 240_000;

interface Answer extends Result {
  readonly names: readonly string[];
}

/** Snowflake as a database of the SQL sink. */
export class SnowflakeDatabase implements Database<SnowflakeColumn> {
  readonly kind = SNOWFLAKE.kind;
  readonly classify = classifySnowflake;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isMissingTable;
  readonly #options: SnowflakeOptions;

  constructor(options: SnowflakeOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session<SnowflakeColumn>> {
    const account = await orAbort(resolveAccount(this.#options), signal);
    const sdk = await loadSdk();
    signal.throwIfAborted();
    const session = new SnowflakeSession(createConnection(sdk, account), account);
    const cut = () => session.cut();
    signal.addEventListener("abort", cut, { once: true });
    try {
      return await session.start();
    } catch (error) {
      cut();
      signal.throwIfAborted();
      throw connectError(account, error);
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }
}

class SnowflakeSession implements Session<SnowflakeColumn> {
  readonly dialect = snowflakeDialect;
  readonly #connection: Connection;
  readonly #account: Account;
  readonly #cut = new AbortController();
  #running: SdkStatement | undefined;
  #answeredAt = 0;
  #healthy = true;

  constructor(connection: Connection, account: Account) {
    this.#connection = connection;
    this.#account = account;
  }

  /** Signs in, and makes the session UTC and its waits short: locks are waited for half a day where nothing is said. */
  async start(): Promise<this> {
    const connected = new Promise<void>((resolve, reject) => {
      this.#connection.connect((error) => (error ? reject(error) : resolve()));
    });
    await within(connected, this.#limits(this.#account.connectTimeoutMs, "No connection"));
    const seconds = Math.max(1, Math.ceil(this.#account.statementTimeoutMs / 1000));
    await this.#query(
      `ALTER SESSION SET TIMEZONE = 'UTC', LOCK_TIMEOUT = ${seconds}, STATEMENT_TIMEOUT_IN_SECONDS = ${seconds}, ` +
        "ABORT_DETACHED_QUERY = TRUE, TRANSACTION_ABORT_ON_ERROR = FALSE, QUOTED_IDENTIFIERS_IGNORE_CASE = FALSE, " +
        "ERROR_ON_NONDETERMINISTIC_MERGE = TRUE, DATE_INPUT_FORMAT = 'AUTO', TIME_INPUT_FORMAT = 'AUTO', " +
        "TIMESTAMP_INPUT_FORMAT = 'AUTO', BINARY_OUTPUT_FORMAT = 'HEX', DATE_OUTPUT_FORMAT = 'YYYY-MM-DD', " +
        "TIME_OUTPUT_FORMAT = 'HH24:MI:SS.FF9', TIMESTAMP_NTZ_OUTPUT_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9'",
    );
    return this;
  }

  describe(table: TableName) {
    return describeSnowflake(table, async (sql, params = []) => {
      const { rows, names } = await this.#send({ sql, params });
      return rows.map((row) => Object.fromEntries(names.map((name, i) => [name.toLowerCase(), row[i]])));
    });
  }

  run(statement: Statement): Promise<Result> {
    return this.#send(statement);
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    try {
      await this.#query("BEGIN");
      await runSteps(inTurn(steps), (statement) => this.#sendInTime(statement));
      await this.#sendInTime({ sql: "COMMIT", params: [] });
    } catch (error) {
      if (this.#healthy) await this.#query("ROLLBACK").catch(() => (this.#healthy = false));
      throw error;
    }
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#connection.destroy(resolve));
    if (this.#healthy) await within(ended, this.#limits(1000, "Not closed")).catch(() => undefined);
    this.#healthy = false;
    this.#cut.abort();
  }

  cut(): void {
    if (this.#cut.signal.aborted) return;
    this.#healthy = false;
    this.#cut.abort();
    // The service keeps transaction and locks of a session that it does not know to have ended.
    const ignore = () => undefined;
    try {
      this.#running?.cancel(ignore);
      this.#connection.destroy(ignore);
    } catch {
      // Never connected.
    }
  }

  #limits(ms: number, what: string): Limits {
    return { ms, what, cut: () => this.cut(), signal: this.#cut.signal };
  }

  #query(sql: string): Promise<Result> {
    return this.#send({ sql, params: [] });
  }

  /** Within a transaction. */
  #sendInTime(statement: Statement): Promise<Answer> {
    if (performance.now() - this.#answeredAt < MAX_IDLE_MS) return this.#send(statement);
    this.cut();
    throw new WbsyncError(
      "TIMEOUT",
      "The transaction has been idle for so long that Snowflake may have rolled it back",
    );
  }

  async #send({ sql, params }: Statement): Promise<Answer> {
    const answered = new Promise<Answer>((resolve, reject) => {
      this.#running = this.#connection.execute({
        ...{ sqlText: sql, ...(params.length > 0 && { binds: params }), rowMode: "array" },
        fetchAsString: ["Number", "Date", "JSON", "Boolean"],
        complete: (error: Error | undefined, statement: SdkStatement, rows: unknown[][] | undefined) =>
          error ? reject(error) : resolve(answerOf(statement, rows)),
      });
    });
    // The service's own limit comes first; this one is for a network that has gone silent.
    const ms = this.#account.statementTimeoutMs + 5_000;
    try {
      return await within(answered, this.#limits(ms, "The statement was not answered"));
    } catch (error) {
      if (!isServerError(error) || classifySnowflake(error) === "retry") this.#healthy = false;
      throw error;
    } finally {
      this.#running = undefined;
      this.#answeredAt = performance.now();
    }
  }
}

async function loadSdk(): Promise<Sdk> {
  const { default: sdk } = await loadDriver(
    "snowflake-sdk",
    async () => (await import("snowflake-sdk")) as unknown as { default: Sdk },
  );
  // It would write a log file into the working directory.
  sdk.configure({ logLevel: "OFF", additionalLogToConsole: false });
  return sdk;
}

function createConnection(sdk: Sdk, account: Account): Connection {
  const { user, password, privateKey, privateKeyPass, accessUrl, database, schema, warehouse, role } = account;
  const options = {
    ...{ account: account.account, accessUrl, username: user, database, schema, warehouse, role },
    ...(privateKey === undefined
      ? { password }
      : { authenticator: "SNOWFLAKE_JWT", privateKey, privateKeyPass: privateKeyPass }),
    ...{ application: "wbsync", representNullAsStringNull: false, timeout: account.statementTimeoutMs },
    // Whoever called us tries again, and says what the matter is meanwhile. Statements the driver repeats for more than a minute
    // where the network is gone, and nothing keeps it from that.
    sfRetryMaxLoginRetries: 0,
  };
  try {
    return sdk.createConnection(Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)));
  } catch (cause) {
    throw refused(account, cause);
  }
}

function connectError(account: Account, cause: unknown): Error {
  if (classifySnowflake(cause) !== "retry" && (cause as { code?: unknown }).code !== "TIMEOUT")
    return refused(account, cause);
  const inner = (cause as { cause?: unknown }).cause;
  const reason = inner === undefined ? messageOf(cause) : `${messageOf(cause)} ${messageOf(inner)}`;
  return new UserError("DATABASE_UNREACHABLE", `Snowflake at ${account.address} cannot be reached: ${reason}`, {
    hint: "Is the account right, and the network open? A running recipe tries again until it answers.",
    cause,
  });
}

function refused(account: Account, cause: unknown): UserError {
  return new UserError("DATABASE_MISCONFIGURED", `Snowflake at ${account.address} refuses: ${messageOf(cause)}`, {
    hint: "Correct account, user, password or privateKey, role, warehouse, database and schema of the connector.",
    cause,
  });
}

function answerOf(statement: SdkStatement, rows: unknown[][] | undefined): Answer {
  return {
    rows: rows ?? [],
    affected: Math.max(0, statement.getNumUpdatedRows() ?? 0),
    names: (statement.getColumns() ?? []).map((column) => column.getName()),
  };
}
