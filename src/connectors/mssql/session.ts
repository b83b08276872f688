/** A connection to SQL Server through mssql: a pool of one, since the driver has nothing less. */
import { orAbort } from "../../or-abort.js";
import type { Database, Result, Session, Statement, Steps } from "../sql/database.js";
import { loadDriver, within, type Limits } from "../sql/driver.js";
import { inTurn, runSteps } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import { describeMssql } from "./catalog.js";
import { mssqlDialect } from "./dialect.js";
import type { MssqlConnection, MssqlDriver, MssqlPool, MssqlTransaction } from "./driver.js";
import { connectError } from "./connect-error.js";
import { classifyMssql, isDuplicate, isMissingTable, isServerError } from "./errors.js";
import { MSSQL, resolveMssql, type MssqlOptions, type MssqlServer } from "./options.js";
import { poolConfig } from "./pool-config.js";
import type { MssqlColumn } from "./types.js";

/** Characters that NVARCHAR holds without being MAX, which an index is not searched for. */
const PLAIN_CHARS = 4000;

const load = (): Promise<MssqlDriver> =>
  loadDriver("mssql", async () => ((await import("mssql")) as unknown as { default: MssqlDriver }).default);

/** SQL Server as a database of the SQL sink. */
export class MssqlDatabase implements Database<MssqlColumn> {
  readonly kind = MSSQL.kind;
  readonly classify = classifyMssql;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isMissingTable;
  readonly #options: MssqlOptions;

  constructor(options: MssqlOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session<MssqlColumn>> {
    const server = await orAbort(resolveMssql(this.#options), signal);
    const driver = await load();
    signal.throwIfAborted();
    const session = new MssqlSession(driver, server);
    const cut = () => session.cut();
    signal.addEventListener("abort", cut, { once: true });
    try {
      return await session.start();
    } catch (error) {
      cut();
      signal.throwIfAborted();
      throw connectError(server, error, session.refusal);
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }
}

class MssqlSession implements Session<MssqlColumn> {
  readonly dialect = mssqlDialect;
  readonly #driver: MssqlDriver;
  readonly #server: MssqlServer;
  readonly #pool: MssqlPool;
  readonly #cut = new AbortController();
  /** The driver's connections, of which only the last one can be open. */
  #connection: MssqlConnection | undefined;
  /** The server's number for what it last refused: of a sign-in the driver's error does not tell it. */
  #refusal: number | undefined;
  #healthy = true;

  constructor(driver: MssqlDriver, server: MssqlServer) {
    this.#driver = driver;
    this.#server = server;
    const beforeConnect = (connection: MssqlConnection) => {
      this.#connection = connection;
      connection.on("errorMessage", ({ number }) => (this.#refusal = number));
    };
    this.#pool = new driver.ConnectionPool({ ...poolConfig(server), beforeConnect });
    this.#pool.on("error", () => (this.#healthy = false));
  }

  get refusal(): number | undefined {
    return this.#refusal;
  }

  async start(): Promise<this> {
    await within(this.#pool.connect(), this.#limits(this.#server.connectTimeoutMs, "No connection"));
    return this;
  }

  describe(table: TableName) {
    return describeMssql(table, (statement) => this.#send(this.#pool, statement));
  }

  run(statement: Statement): Promise<Result> {
    return this.#send(this.#pool, statement);
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    const transaction = new this.#driver.Transaction(this.#pool as never);
    transaction.on("error", () => undefined);
    let isOver = false;
    transaction.on("rollback", () => (isOver = true));
    try {
      await this.#wait(transaction.begin(this.#driver.ISOLATION_LEVEL.READ_COMMITTED));
      await runSteps(inTurn(steps), (statement) => this.#send(transaction, statement));
      await this.#wait(transaction.commit());
    } catch (error) {
      // XACT_ABORT: most errors have ended the transaction already.
      if (this.#healthy && !isOver) await this.#rollBack(transaction, () => isOver);
      throw error;
    }
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    if (this.#healthy) await within(this.#pool.close(), this.#limits(1000, "Not closed")).catch(() => undefined);
    this.cut();
  }

  cut(): void {
    if (this.#cut.signal.aborted) return;
    this.#healthy = false;
    this.#cut.abort();
    this.#connection?.close();
    void this.#pool.close().catch(() => undefined);
  }

  async #rollBack(transaction: MssqlTransaction, isOver: () => boolean): Promise<void> {
    try {
      await this.#wait(transaction.rollback());
    } catch {
      if (!isOver()) this.#healthy = false;
    }
  }

  #limits(ms: number, what: string): Limits {
    return { ms, what, cut: () => this.cut(), signal: this.#cut.signal };
  }

  async #send(parent: MssqlPool | MssqlTransaction, { sql, params }: Statement): Promise<Result> {
    const request = new this.#driver.Request(parent as never);
    request.arrayRowMode = true;
    params.forEach((value, i) => {
      const text = value as string | null;
      const length = (text?.length ?? 0) > PLAIN_CHARS ? this.#driver.MAX : PLAIN_CHARS;
      request.input(`p${i + 1}`, this.#driver.NVarChar(length) as never, text);
    });
    const { recordset, rowsAffected } = await this.#wait(request.query(sql));
    // What triggers counted comes before what the statement did.
    return { rows: (recordset ?? []) as unknown[][], affected: rowsAffected.at(-1) ?? 0 };
  }

  async #wait<T>(work: Promise<T>): Promise<T> {
    // The driver's own limit comes first; this one is for a network that has gone silent.
    const ms = this.#server.statementTimeoutMs + 5_000;
    try {
      return await within(work, this.#limits(ms, "The statement was not answered"));
    } catch (error) {
      if (!isServerError(error) || classifyMssql(error) === "retry") this.#healthy = false;
      throw error;
    }
  }
}
