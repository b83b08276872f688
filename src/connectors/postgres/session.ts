/** A connection to PostgreSQL through pg. */
import type { Kind } from "../../model.js";
import { orAbort } from "../../or-abort.js";
import type { ErrorClass } from "../connector.js";
import { quoteTable, type Database, type Result, type Session, type Statement, type Steps } from "../sql/database.js";
import { loadDriver, lost, refused, unreachable, within, type Limits } from "../sql/driver.js";
import { resolveServer, type Server, type ServerKind, type ServerOptions, type Tls } from "../sql/server-options.js";
import { runTogether } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import { describePostgres } from "./catalog.js";
import { postgresDialect } from "./dialect.js";
import { classifyPostgres, isDuplicate, isMissingTable, isServerError, isStalePlan } from "./errors.js";
import type { PostgresColumn } from "./types.js";

export const POSTGRES: ServerKind = { kind: "postgres", schemes: ["postgres", "postgresql"], port: 5432 };

/**
 * Milliseconds that a transaction may lie idle before the server rolls it back: a runner that is stopped in the middle of one would
 * hold the lock of its checkpoint, and its successor could not begin.
 */
const MAX_IDLE_TRANSACTION_MS = 10_000;

/** Of every transaction, whatever the server's defaults are: a writer that waited for a lock sees what the other one committed. */
const MODE = "ISOLATION LEVEL READ COMMITTED READ WRITE";

/** The slice of pg that is used, so that the driver stays optional. */
interface Pg {
  readonly Client: new (options: Record<string, unknown>) => Client;
}

interface Client {
  connect(): Promise<void>;
  query(query: Record<string, unknown>): Promise<{ rows: unknown[][] | undefined; rowCount: number | null }>;
  on(event: "error", listener: (error: Error) => void): void;
  end(): Promise<void>;
  readonly connection: { readonly stream: { destroy(): void } };
}

/** PostgreSQL as a database of the SQL sink. */
export class PostgresDatabase implements Database<PostgresColumn> {
  readonly kind = POSTGRES.kind;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isMissingTable;
  readonly #options: ServerOptions;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session<PostgresColumn>> {
    const server = await orAbort(resolveServer(POSTGRES, this.#options), signal);
    const driver = await loadDriver("pg", async () => (await import("pg")) as unknown as { default: Pg });
    signal.throwIfAborted();
    const client = new driver.default.Client(driverOptions(server));
    const cut = () => client.connection.stream.destroy();
    client.on("error", () => undefined);
    signal.addEventListener("abort", cut, { once: true });
    try {
      await within(client.connect(), { ms: server.connectTimeoutMs, what: "No connection", cut, signal });
      return await new PostgresSession(client, server).start();
    } catch (error) {
      cut();
      signal.throwIfAborted();
      if (!isServerError(error) && !isRefusal(error)) throw unreachable("PostgreSQL", server, error);
      if (classifyPostgres(error) === "retry") throw unreachable("PostgreSQL", server, error);
      throw refused("PostgreSQL", server, error);
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  classify(error: unknown, kinds: readonly Kind["kind"][]): ErrorClass {
    return isStalePlan(error) ? "retry" : classifyPostgres(error, kinds);
  }
}

class PostgresSession implements Session<PostgresColumn> {
  readonly dialect = postgresDialect;
  readonly #client: Client;
  readonly #server: Server;
  /** Statement text to its name: PostgreSQL plans a named statement once. */
  readonly #names = new Map<string, string>();
  readonly #cut = new AbortController();
  #healthy = true;

  constructor(client: Client, server: Server) {
    this.#client = client;
    this.#server = server;
    client.on("error", () => (this.#healthy = false));
  }

  /** Makes the session UTC, and durable also where the server's default is not. */
  async start(): Promise<this> {
    await this.#query("SET TIME ZONE 'UTC'");
    await this.#query(`SET SESSION CHARACTERISTICS AS TRANSACTION ${MODE}`);
    await this.#query("SET standard_conforming_strings = on");
    await this.#query(`SET statement_timeout = ${this.#server.statementTimeoutMs}`);
    await this.#query(`SET idle_in_transaction_session_timeout = ${MAX_IDLE_TRANSACTION_MS}`);
    const { rows } = await this.#query("SHOW synchronous_commit");
    if (rows[0]?.[0] === "off") await this.#query("SET synchronous_commit = on");
    return this;
  }

  describe(table: TableName) {
    return describePostgres(table, quoteTable(this.dialect, table), (statement) => this.#send({ ...statement }));
  }

  run(statement: Statement): Promise<Result> {
    return this.#send(statement, this.#nameOf(statement));
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    try {
      // Waited for: behind a BEGIN that failed every statement would be committed by itself.
      await this.#query(`BEGIN ${MODE}`);
      await runTogether(steps, (statement) => this.#send(statement, this.#nameOf(statement)));
      await this.#query("COMMIT");
    } catch (error) {
      if (this.#healthy) await this.#rollBack();
      throw error;
    }
  }

  isHealthy(): boolean {
    return this.#healthy;
  }

  async close(): Promise<void> {
    if (this.#healthy) await within(this.#client.end(), this.#limits(1000, "Not closed")).catch(() => undefined);
    this.cut();
  }

  cut(): void {
    this.#healthy = false;
    this.#client.connection.stream.destroy();
    this.#cut.abort();
  }

  async #rollBack(): Promise<void> {
    try {
      await this.#query("ROLLBACK");
    } catch {
      this.#healthy = false;
    }
  }

  #nameOf({ sql, params }: Statement): string | undefined {
    if (params.length === 0) return undefined;
    const name = this.#names.get(sql) ?? `wbsync_${this.#names.size + 1}`;
    this.#names.set(sql, name);
    return name;
  }

  #limits(ms: number, what: string): Limits {
    return { ms, what, cut: () => this.cut(), signal: this.#cut.signal };
  }

  #query(sql: string): Promise<Result> {
    return this.#send({ sql, params: [] });
  }

  async #send({ sql, params }: Statement, name?: string): Promise<Result> {
    const values = params.length > 0 ? { values: params } : {};
    const answered = this.#client.query({ text: sql, ...values, ...(name ? { name } : {}), rowMode: "array" });
    // The server's own limit comes first; this one is for a server or a network that has gone silent.
    const ms = this.#server.statementTimeoutMs + 5_000;
    try {
      const { rows, rowCount } = await within(answered, this.#limits(ms, "The statement was not answered"));
      return { rows: rows ?? [], affected: rowCount ?? 0 };
    } catch (error) {
      if (!isServerError(error) || isStalePlan(error)) this.#healthy = false;
      throw isServerError(error) || isFinal(error) ? error : lost("PostgreSQL", this.#server, error);
    }
  }
}

/** The server's last word before it ends the connection: its code says why. */
const isFinal = (error: unknown): boolean => typeof (error as { severity?: unknown }).severity === "string";

/** A refusal to let somebody in is FATAL too; its code tells it from a server that is starting or stopping. */
const isRefusal = (error: unknown): boolean => isFinal(error) && classifyPostgres(error) === "fatal";

function driverOptions(server: Server): Record<string, unknown> {
  const { host, port, socketPath, user, password, database, connectTimeoutMs, tls } = server;
  return {
    ...{ host: socketPath ?? host, port, user, password, database: database ?? user },
    ...{ connectionTimeoutMillis: connectTimeoutMs, application_name: "wbsync" },
    ...{ keepAlive: true, keepAliveInitialDelayMillis: 10_000, ssl: tlsOptions(tls) },
    // A statement is sent at once, and does not wait for the answer to the one before.
    pipeline: true,
    // Values are texts here; nothing is to be guessed from them.
    types: { getTypeParser: () => (text: string) => text },
  };
}

const tlsOptions = (tls: Tls): unknown => (tls === true ? { rejectUnauthorized: true } : tls);
