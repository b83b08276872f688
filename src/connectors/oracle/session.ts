/** A connection to Oracle through oracledb. */
import { messageOf, RefusedRowsError, UserError, WbsyncError } from "../../errors.js";
import type { Row } from "../../model.js";
import { orAbort } from "../../or-abort.js";
import type { Database, Result, Session, Statement, Steps } from "../sql/database.js";
import { loadDriver, within, type Limits } from "../sql/driver.js";
import { inTurn, runSteps } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import { describeOracle } from "./catalog.js";
import { oracleDialect } from "./dialect.js";
import type { OracleConnection, OracleDriver } from "./driver.js";
import { classifyOracle, isDuplicate, isMissingTable } from "./errors.js";
import { ORACLE, resolveOracle, type OracleOptions, type OracleServer } from "./options.js";
import { isMany, type Many } from "./statement.js";
import type { OracleColumn } from "./types.js";

const load = (): Promise<OracleDriver> =>
  loadDriver("oracledb", async () => ((await import("oracledb")) as unknown as { default: OracleDriver }).default);

/** Oracle as a database of the SQL sink. */
export class OracleDatabase implements Database<OracleColumn> {
  readonly kind = ORACLE.kind;
  readonly classify = classifyOracle;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isMissingTable;
  readonly #options: OracleOptions;
  readonly #load: () => Promise<OracleDriver>;

  constructor(options: OracleOptions, loadOracle: () => Promise<OracleDriver> = load) {
    this.#options = options;
    this.#load = loadOracle;
  }

  async connect(signal: AbortSignal): Promise<Session<OracleColumn>> {
    const server = await orAbort(resolveOracle(this.#options), signal);
    const driver = await this.#load();
    signal.throwIfAborted();
    try {
      const connection = await connectInTime(driver, server, signal);
      return await new OracleSession(driver, connection, server).start();
    } catch (error) {
      signal.throwIfAborted();
      throw connectError(server, error);
    }
  }
}

class OracleSession implements Session<OracleColumn> {
  readonly dialect = oracleDialect;
  readonly #driver: OracleDriver;
  readonly #connection: OracleConnection;
  readonly #server: OracleServer;
  readonly #cut = new AbortController();
  #healthy = true;

  constructor(driver: OracleDriver, connection: OracleConnection, server: OracleServer) {
    this.#driver = driver;
    this.#connection = connection;
    this.#server = server;
  }

  /** Makes the session UTC, and numbers and texts those of a program rather than of a country. */
  async start(): Promise<this> {
    this.#connection.callTimeout = this.#server.statementTimeoutMs;
    try {
      await this.#execute({
        sql:
          "ALTER SESSION SET TIME_ZONE = '+00:00' NLS_NUMERIC_CHARACTERS = '.,' NLS_COMP = BINARY NLS_SORT = BINARY " +
          "NLS_DATE_FORMAT = 'YYYY-MM-DD HH24:MI:SS' NLS_TIMESTAMP_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9' " +
          "NLS_TIMESTAMP_TZ_FORMAT = 'YYYY-MM-DD HH24:MI:SS.FF9 TZH:TZM'",
        params: [],
      });
    } catch (error) {
      this.cut();
      throw error;
    }
    return this;
  }

  describe(table: TableName) {
    return describeOracle(table, (statement) => this.#execute(statement));
  }

  async run(statement: Statement): Promise<Result> {
    return this.#execute(statement, true);
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    try {
      await runSteps(inTurn(steps), (statement) =>
        isMany(statement) ? this.#executeMany(statement) : this.#execute(statement),
      );
      await this.#wait(this.#connection.commit());
    } catch (error) {
      if (this.#healthy) await this.#wait(this.#connection.rollback()).catch(() => (this.#healthy = false));
      throw error;
    }
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    if (!this.#healthy) return this.cut();
    this.#healthy = false;
    await within(this.#connection.close(), this.#limits(1000, "Not closed")).catch(() => undefined);
    this.#cut.abort();
  }

  /** The driver has no way to drop its socket: it is told to give up what it does, and then to close. */
  cut(): void {
    if (this.#cut.signal.aborted) return;
    this.#healthy = false;
    this.#cut.abort();
    const ignore = () => undefined;
    void this.#connection.break().catch(ignore);
    void this.#connection.close().catch(ignore);
  }

  #limits(ms: number, what: string): Limits {
    return { ms, what, cut: () => this.cut(), signal: this.#cut.signal };
  }

  async #execute({ sql, params }: Statement, autoCommit = false): Promise<Result> {
    const options = {
      ...{ autoCommit, outFormat: this.#driver.OUT_FORMAT_ARRAY, maxRows: 0 },
      // JavaScript's numbers would round.
      fetchTypeHandler: ({ dbType }: { dbType?: unknown }) =>
        dbType === this.#driver.DB_TYPE_NUMBER ? { type: this.#driver.STRING } : undefined,
    };
    const { rows, rowsAffected } = await this.#wait(this.#connection.execute(sql, [...params], options));
    return { rows: (rows ?? []) as unknown[][], affected: rowsAffected ?? 0 };
  }

  async #executeMany({ sql, rows, defs, sources }: Many): Promise<Result> {
    const options = {
      ...{ autoCommit: false, batchErrors: true },
      bindDefs: defs.map(({ type, maxSize }) => ({
        type: this.#driver[`DB_TYPE_${type}`],
        ...(maxSize !== undefined && { maxSize }),
      })),
    };
    const binds = rows.map((row) => [...row]);
    const { rowsAffected, batchErrors = [] } = await this.#wait(this.#connection.executeMany(sql, binds, options));
    if (batchErrors.length > 0) throw this.#refusal(sources, batchErrors);
    return { rows: [], affected: rowsAffected ?? 0 };
  }

  /** A deadlock or a full disk is no row's fault. */
  #refusal(rows: readonly Row[], errors: readonly (Error & { offset?: number | undefined })[]): Error {
    const other = errors.find((error) => classifyOracle(error) !== "reject");
    if (!other) return new RefusedRowsError(errors.map((error) => ({ row: rows[error.offset ?? 0]!, error })));
    if (classifyOracle(other) === "retry") this.#healthy = false;
    return other;
  }

  async #wait<T>(work: Promise<T>): Promise<T> {
    // The driver's own limit comes first; this one is for a network that has gone silent.
    const ms = this.#server.statementTimeoutMs + 5_000;
    try {
      return await within(work, this.#limits(ms, "The statement was not answered"));
    } catch (error) {
      if (error instanceof WbsyncError || classifyOracle(error) === "retry") this.#healthy = false;
      throw error;
    }
  }
}

/** A connection that comes too late is closed when it comes. */
async function connectInTime(
  driver: OracleDriver,
  server: OracleServer,
  signal: AbortSignal,
): Promise<OracleConnection> {
  const connecting = driver.getConnection(connectionAttributes(server));
  const ignore = () => undefined;
  try {
    return await within(connecting, { ms: server.connectTimeoutMs, what: "No connection", cut: ignore, signal });
  } catch (error) {
    void connecting.then((late) => late.close()).catch(ignore);
    throw error;
  }
}

function connectionAttributes(server: OracleServer): Record<string, unknown> {
  const { connectString, user, password, configDir, walletLocation, walletPassword, connectTimeoutMs } = server;
  const attributes = {
    ...{ connectString, user, password, configDir, walletLocation, walletPassword },
    ...{ connectTimeout: Math.max(1, Math.ceil(connectTimeoutMs / 1000)), expireTime: 1 },
  };
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function connectError({ connectString }: OracleServer, cause: unknown): Error {
  // The driver breaks its messages into lines.
  const reason = messageOf(cause).replace(/\s*\n\s*/g, " ");
  const isTimeout = cause instanceof WbsyncError && cause.code === "TIMEOUT";
  if (isTimeout || classifyOracle(cause) === "retry") {
    return new UserError("DATABASE_UNREACHABLE", `Oracle at ${connectString} cannot be reached: ${reason}`, {
      hint: "Is the listener running, and does it know the service? A running recipe tries again until it answers.",
      cause,
    });
  }
  return new UserError("DATABASE_MISCONFIGURED", `Oracle at ${connectString} refuses: ${reason}`, {
    hint: "Correct connectString, user and password of the connector, or the rights of that user.",
    cause,
  });
}
