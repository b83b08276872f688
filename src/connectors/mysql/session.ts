/** A connection to MySQL or MariaDB through mysql2. */
import { WbsyncError } from "../../errors.js";
import { orAbort } from "../../or-abort.js";
import type { Database, Dialect, Result, Session, Statement, Steps } from "../sql/database.js";
import { loadDriver, lost, refused, unreachable, within, type Limits } from "../sql/driver.js";
import { resolveServer, type Server, type ServerKind, type ServerOptions, type Tls } from "../sql/server-options.js";
import { runTogether } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import type { Value } from "../../model.js";
import { describeMysql } from "./catalog.js";
import { mysqlDialect } from "./dialect.js";
import { classifyMysql, isDuplicate, isMissingTable } from "./errors.js";
import { Flights, type QueuedCommand } from "./flight.js";
import { MAX_STATEMENTS, Prepared, type Preparing } from "./prepared.js";
import type { MysqlColumn } from "./types.js";

export const MYSQL: ServerKind = { kind: "mysql", schemes: ["mysql", "mariadb"], port: 3306 };

/**
 * Seconds that a transaction may lie idle before the server rolls it back (MariaDB; MySQL has no such limit): a runner that is stopped
 * in the middle of one would hold the lock of its checkpoint, and its successor could not begin.
 */
const MAX_IDLE_TRANSACTION_S = 10;

/** The slice of mysql2 that is used, so that the driver stays optional. */
interface Mysql2 {
  createConnection(options: Record<string, unknown>): Connection;
}

interface Connection extends Preparing {
  connect(callback: (error: Error | null) => void): void;
  query(options: object, callback: Callback): void;
  execute(options: object, callback: Callback): void;
  addCommand(command: QueuedCommand): void;
  on(event: "error", listener: (error: Error) => void): void;
  end(callback: () => void): void;
  readonly stream: { destroy(): void; cork(): void; uncork(): void };
}

type Callback = (error: Error | null, result: unknown) => void;

/** MySQL and MariaDB as a database of the SQL sink. */
export class MysqlDatabase implements Database<MysqlColumn> {
  readonly kind = MYSQL.kind;
  readonly classify = classifyMysql;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isMissingTable;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session<MysqlColumn>> {
    const server = await orAbort(resolveServer(MYSQL, this.#options), signal);
    const driver = await loadDriver("mysql2", async () => (await import("mysql2")) as unknown as { default: Mysql2 });
    signal.throwIfAborted();
    const connection = driver.default.createConnection(driverOptions(server));
    const cut = () => connection.stream.destroy();
    // A connection that is lost while nothing waits for it is noticed by the next statement.
    connection.on("error", () => undefined);
    signal.addEventListener("abort", cut, { once: true });
    try {
      const connected = new Promise<void>((resolve, reject) => {
        connection.connect((error) => (error ? reject(error) : resolve()));
      });
      await within(connected, { ms: server.connectTimeoutMs, what: "No connection", cut, signal });
      return await new MysqlSession(connection, server).start();
    } catch (error) {
      cut();
      signal.throwIfAborted();
      if (error instanceof WbsyncError || classifyMysql(error) === "retry") throw unreachable("MySQL", server, error);
      throw refused("MySQL", server, error);
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }
}

class MysqlSession implements Session<MysqlColumn> {
  dialect: Dialect<MysqlColumn> = mysqlDialect(1 << 20);
  readonly #connection: Connection;
  readonly #server: Server;
  readonly #cut = new AbortController();
  readonly #prepared: Prepared;
  readonly #flights: Flights;
  #healthy = true;

  constructor(connection: Connection, server: Server) {
    this.#connection = connection;
    this.#server = server;
    this.#prepared = new Prepared(connection);
    this.#flights = new Flights((command) => connection.addCommand(command));
    connection.on("error", () => (this.#healthy = false));
  }

  /** Makes the session strict, UTC and transactional, and learns how large a packet may be. */
  async start(): Promise<this> {
    const { rows } = await this.#query(
      "SHOW SESSION VARIABLES WHERE Variable_name IN " +
        "('max_allowed_packet', 'binlog_format', 'idle_transaction_timeout')",
    );
    const variable = (name: string) => rows.find(([key]) => key === name)?.[1];
    // READ COMMITTED takes no gap locks, which is where deadlocks come from; statement-based binary logs forbid it.
    const isolation = variable("binlog_format") === "STATEMENT" ? "REPEATABLE READ" : "READ COMMITTED";
    await this.#query(`SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`);
    await this.#query(
      "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO," +
        // An id of 0 is an id, not a wish for the next number.
        "NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00', autocommit = 0",
    );
    if (variable("idle_transaction_timeout") !== undefined) {
      await this.#query(`SET SESSION idle_transaction_timeout = ${MAX_IDLE_TRANSACTION_S}`);
    }
    this.dialect = mysqlDialect(Number(variable("max_allowed_packet") ?? 1 << 20));
    return this;
  }

  async describe(table: TableName) {
    const found = await describeMysql(table, (statement) => this.#execute(statement));
    await this.#query("COMMIT");
    return found;
  }

  async run(statement: Statement): Promise<Result> {
    try {
      const result = await this.#execute(statement);
      await this.#query("COMMIT");
      return result;
    } catch (error) {
      await this.#rollBack();
      throw error;
    }
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    try {
      // With autocommit = 0 the first statement begins the transaction: one round trip less.
      await this.#inOnePiece(() => runTogether(steps, (statement) => this.#write(statement)));
      await this.#query("COMMIT");
    } catch (error) {
      if (this.#healthy) await this.#rollBack();
      throw error;
    }
  }

  /** What is sent at once leaves at once. */
  #inOnePiece<T>(send: () => Promise<T>): Promise<T> {
    const { stream } = this.#connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
    return send();
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    if (this.#healthy) {
      const ended = new Promise<void>((resolve) => this.#connection.end(resolve));
      await within(ended, this.#limits(1000, "Not closed")).catch(() => undefined);
    }
    this.cut();
  }

  cut(): void {
    this.#healthy = false;
    this.#connection.stream.destroy();
    this.#cut.abort();
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#query("ROLLBACK");
    } catch {
      this.#healthy = false;
    }
  }

  #limits(ms: number, what: string): Limits {
    return { ms, what, cut: () => this.cut(), signal: this.#cut.signal };
  }

  #query(sql: string): Promise<Result> {
    return this.#send((callback) => this.#connection.query({ sql, rowsAsArray: true }, callback));
  }

  #execute({ sql, params }: Statement): Promise<Result> {
    return this.#send((callback) => this.#connection.execute({ sql, values: params, rowsAsArray: true }, callback));
  }

  /** Does not wait until what was sent before is answered. */
  #write(statement: Statement): Promise<Result> {
    if (isQuery(statement)) return this.#execute(statement);
    return this.#send((callback) => {
      this.#prepared.id(statement.sql, (error, id) => {
        if (error) return callback(error, undefined);
        this.#flights.send(id, statement.params as readonly Value[], (failure, affectedRows) =>
          callback(failure, { affectedRows }),
        );
      });
    });
  }

  async #send(send: (callback: Callback) => void): Promise<Result> {
    const answered = new Promise<Result>((resolve, reject) => {
      send((error, result) => (error ? reject(error) : resolve(resultOf(result))));
    });
    try {
      return await within(answered, this.#limits(this.#server.statementTimeoutMs, "The statement was not answered"));
    } catch (error) {
      if (isServerError(error)) throw error;
      this.#healthy = false;
      throw typeof (error as { sqlState?: unknown }).sqlState === "string" ? error : lost("MySQL", this.#server, error);
    }
  }
}

const isQuery = ({ sql }: Statement): boolean => sql.startsWith("SELECT");

/** The server answered: the connection is as good as before. */
const isServerError = (error: unknown): boolean => {
  const { sqlState, fatal } = error as { sqlState?: unknown; fatal?: unknown };
  return typeof sqlState === "string" && fatal !== true && classifyMysql(error) !== "retry";
};

function resultOf(result: unknown): Result {
  if (Array.isArray(result)) return { rows: result as unknown[][], affected: result.length };
  return { rows: [], affected: (result as { affectedRows: number }).affectedRows };
}

function driverOptions(server: Server): Record<string, unknown> {
  const { host, port, socketPath, user, password, database, connectTimeoutMs, tls } = server;
  return {
    ...(socketPath ? { socketPath } : { host, port }),
    ...{ user, password, database, charset: "utf8mb4", timezone: "Z", connectTimeout: connectTimeoutMs },
    ...{ supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, trace: false },
    // Packets of our own have no attributes.
    flags: ["-CLIENT_QUERY_ATTRIBUTES"],
    ...{ enableKeepAlive: true, keepAliveInitialDelay: 10_000, maxPreparedStatements: 2 * MAX_STATEMENTS },
    connectAttributes: { program_name: "wbsync" },
    ...(tls ? { ssl: tlsOptions(tls) } : {}),
  };
}

/** The driver checks the name in the certificate only when it is told to. */
function tlsOptions(tls: Exclude<Tls, false>): Record<string, unknown> {
  const options = tls === true ? {} : { ...tls };
  return { ...options, verifyIdentity: options.rejectUnauthorized !== false };
}
