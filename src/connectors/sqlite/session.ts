/**
 * What one partition does in an SQLite file. The driver is synchronous: a transaction runs within one tick, so the partitions of one
 * process never meet in the middle of one. What another process holds is waited for without holding this one.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf, RefusedValueError, UserError, WbsyncError } from "../../errors.js";
import { orAbort } from "../../or-abort.js";
import type { Database, Result, Session, Statement, Steps } from "../sql/database.js";
import { loadDriver } from "../sql/driver.js";
import { inTurn, runStepsSync } from "../sql/steps.js";
import type { TableName } from "../sql/table.js";
import { describeSqlite } from "./catalog.js";
import { sqliteDialect } from "./dialect.js";
import { classifySqlite, isBusy, isDuplicate, isStatementError } from "./errors.js";
import { checkFile, resolveSqlite, type SqliteOptions } from "./options.js";
import { type Driver, SharedFile } from "./shared-file.js";
import type { SqliteColumn } from "./types.js";

/**
 * Rows come in no order, and each dirties a page of its own: with room for 32 MB of them, and as much in the write-ahead log before it
 * is carried into the file, a page that is changed again need not be read and written again.
 */
const ROOM = ["cache_size = -32768", "wal_autocheckpoint = 8192"];

/** An SQLite file as a database of the SQL sink. */
export class SqliteDatabase implements Database<SqliteColumn> {
  readonly kind = "sqlite";
  readonly classify = classifySqlite;
  readonly isDuplicate = isDuplicate;
  readonly isMissingTable = isStatementError;
  readonly #options: SqliteOptions;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  async connect(signal: AbortSignal): Promise<Session<SqliteColumn>> {
    const { file, busyTimeoutMs } = await orAbort(resolveSqlite(this.#options), signal);
    const driver = await loadDriver(
      "@photostructure/sqlite",
      async () => (await import("@photostructure/sqlite")) as unknown as Driver,
    );
    signal.throwIfAborted();
    checkFile(file);
    try {
      return new SqliteSession(SharedFile.use(driver, file), busyTimeoutMs).start();
    } catch (cause) {
      if (classifySqlite(cause) === "retry") throw cause;
      throw new UserError("DATABASE_MISCONFIGURED", `SQLite cannot open ${file}: ${messageOf(cause)}`, {
        hint: "The file and its folder must be readable and writable, and the file an SQLite database.",
        cause,
      });
    }
  }
}

class SqliteSession implements Session<SqliteColumn> {
  readonly dialect = sqliteDialect;
  readonly #file: SharedFile;
  readonly #busyTimeoutMs: number;
  #isCut = false;

  constructor(file: SharedFile, busyTimeoutMs: number) {
    this.#file = file;
    this.#busyTimeoutMs = busyTimeoutMs;
  }

  /** Readers of the file go on while we write (WAL), and a commit is on the disk when it returns (FULL). */
  start(): this {
    try {
      this.#try("journal_mode = WAL");
      this.#file.exec("PRAGMA synchronous = FULL");
      for (const pragma of ROOM) this.#try(pragma);
      return this;
    } catch (error) {
      this.cut();
      throw error;
    }
  }

  #try(pragma: string): void {
    try {
      this.#file.exec(`PRAGMA ${pragma}`);
    } catch (error) {
      // Somebody uses the file in another mode just now; it works in that one too.
      if (!isBusy(error)) throw error;
    }
  }

  describe(table: TableName) {
    return this.#whenFree(() => describeSqlite(table, (statement) => this.#execute(statement)));
  }

  run(statement: Statement): Promise<Result> {
    return this.#whenFree(() => this.#execute(statement));
  }

  async transact(steps: readonly Steps[]): Promise<void> {
    const begin = () => this.#file.exec("BEGIN IMMEDIATE");
    await this.#whenFree(begin, () => {
      try {
        runStepsSync(inTurn(steps), (statement) => this.#execute(statement));
        this.#file.exec("COMMIT");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  isHealthy(): boolean {
    return !this.#isCut && this.#file.isOpen;
  }

  async close(): Promise<void> {
    this.cut();
  }

  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#file.release();
  }

  #rollBack(): void {
    try {
      this.#file.exec("ROLLBACK");
    } catch {
      this.#file.close();
    }
  }

  /** Tries `enter` until no other process is in its way, then does the work, once, in the same tick. */
  async #whenFree<T>(enter: () => T, work: (entered: T) => T = (entered) => entered): Promise<T> {
    const deadline = Date.now() + this.#busyTimeoutMs;
    for (let delayMs = 1; ; delayMs = Math.min(delayMs * 2, 100)) {
      if (!this.isHealthy()) throw new WbsyncError("DATABASE_UNREACHABLE", "The SQLite file was closed");
      let entered: T;
      try {
        entered = enter();
      } catch (error) {
        if (!isBusy(error) || Date.now() >= deadline) throw error;
        await sleep(delayMs);
        continue;
      }
      return work(entered);
    }
  }

  #execute({ sql, params }: Statement): Result {
    const { statement, isQuery } = this.#file.prepare(sql);
    try {
      if (isQuery) {
        const rows = statement.all(...params);
        return { rows: rows.map((row) => row.map(bytesAsBuffer)), affected: rows.length };
      }
      return { rows: [], affected: Number(statement.run(...params).changes) };
    } catch (error) {
      // Where the statement is still sound a value made it fail, in a trigger or a generated column.
      if (isStatementError(error) && this.#file.isSound(sql))
        throw new RefusedValueError(messageOf(error), { cause: error });
      throw error;
    }
  }
}

const bytesAsBuffer = (value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
