/** One table of one SQL database, for one partition. What differs between databases stands behind `Database` and `Dialect`. */
import { SupersededError, WbsyncError } from "../../errors.js";
import type { Batch, Bytes, CheckpointMove, Column, Kind } from "../../model.js";
import type { Connector, ErrorClass, Opened, RecipeDefaults, Sink, SinkContext } from "../connector.js";
import { CheckpointStatements, moveCheckpoints, openCheckpoints } from "./checkpoints.js";
import type { CatalogColumn, Database, Session, Statement, Steps, Target } from "./database.js";
import { keyPage, keyText } from "./key-page.js";
import { tableReference, type TableOptions, type TableReference } from "./table.js";
import { writeAtOnce, writeBatch } from "./transaction.js";
import { verifyTable } from "./verify.js";

/** What `db.table(…)` returns. */
export function sqlConnector<C extends CatalogColumn>(
  database: Database<C>,
  table: string,
  options: TableOptions,
  defaults?: RecipeDefaults,
): Connector {
  const reference = tableReference(table, options);
  return {
    kind: database.kind,
    table: reference.label,
    primaryKey: reference.primaryKey,
    ...(defaults && { defaults }),
    sink: (context) => new SqlSink(database, reference, context),
  };
}

interface Open<C extends CatalogColumn> {
  readonly session: Session<C>;
  readonly target: Target<C>;
  readonly checkpoints: CheckpointStatements;
}

class SqlSink<C extends CatalogColumn> implements Sink {
  readonly #database: Database<C>;
  readonly #reference: TableReference;
  readonly #context: SinkContext;
  #open: Open<C> | undefined;
  /** What the columns hold that are written. */
  #kinds: readonly Kind["kind"][] = [];

  constructor(database: Database<C>, reference: TableReference, context: SinkContext) {
    this.#database = database;
    this.#reference = reference;
    this.#context = context;
  }

  async open(signal: AbortSignal): Promise<Opened> {
    await this.close();
    const session = await this.#database.connect(signal);
    try {
      return await cutOnAbort(session, signal, async () => {
        const found = await session.describe(this.#reference.table);
        const target = verifyTable(session.dialect, this.#reference, found, this.#context.columns);
        const owner = { recipe: this.#context.recipe, reference: this.#reference };
        const stored = await openCheckpoints(session, owner, (error) => this.#database.isMissingTable(error));
        const checkpoints = new CheckpointStatements(session.dialect, owner);
        this.#open = { session, target, checkpoints };
        this.#kinds = [...target.columns.values()].map(({ kind }) => kind.kind);
        return { columns: [...target.columns.values()].map(plainColumn), checkpoints: stored };
      });
    } catch (error) {
      session.cut();
      throw error;
    }
  }

  async write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    const open = this.#opened();
    try {
      await cutOnAbort(open.session, signal, () => this.#transact(open, batch, moves));
    } catch (error) {
      // After a refused row the transaction was rolled back and the connection is good: the halves need no new one.
      if (!open.session.isHealthy()) {
        open.session.cut();
        this.#open = undefined;
      }
      throw error;
    }
  }

  #opened(): Open<C> {
    if (this.#open) return this.#open;
    throw new WbsyncError("DATABASE_UNREACHABLE", "The connection is closed: open() comes before anything else");
  }

  async #transact(open: Open<C>, batch: Batch, moves: readonly CheckpointMove[]): Promise<void> {
    const { session } = open;
    const single = singleStatement(open, batch, moves);
    if (!single) return await session.transact(this.#steps(open, batch, moves));
    const { rows } = await session.run(single);
    if (rows.length !== 1) throw new SupersededError();
  }

  #steps({ session, target, checkpoints }: Open<C>, batch: Batch, moves: readonly CheckpointMove[]): readonly Steps[] {
    return [
      // First, because the row locks of the checkpoints are what keeps a second runner waiting.
      moveCheckpoints(checkpoints, moves, (error) => this.#database.isDuplicate(error)),
      writeBatch(session.dialect, target, batch),
    ];
  }

  async keys(
    after: readonly Bytes[] | undefined,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly Bytes[])[]> {
    const { session, target } = this.#opened();
    const statement = keyPage(session.dialect, target, after, count);
    const { rows } = await cutOnAbort(session, signal, () => session.run(statement));
    return rows.map((row) => row.map((value, i) => keyText(target.key[i]!, value)));
  }

  classify(error: unknown): ErrorClass {
    if (error instanceof SupersededError) return "superseded";
    if (error instanceof WbsyncError) {
      switch (error.code) {
        case "VALUE_REFUSED":
          return "reject";
        case "DATABASE_UNREACHABLE":
        case "TIMEOUT":
          return "retry";
        default:
          return "fatal";
      }
    }
    if (isAbort(error)) return "retry";
    return this.#database.classify(error, this.#kinds);
  }

  async close(): Promise<void> {
    const session = this.#open?.session;
    this.#open = undefined;
    await session?.close();
  }
}

/** The write as one statement: for one checkpoint that is moved from a token to another. */
function singleStatement<C extends CatalogColumn>(
  { session, target, checkpoints }: Open<C>,
  batch: Batch,
  moves: readonly CheckpointMove[],
): Statement | undefined {
  const [move] = moves;
  if (moves.length !== 1 || move?.from === undefined || !move.to) return undefined;
  const { from, to } = move;
  return writeAtOnce(session.dialect, target, batch, (first) => checkpoints.update(to, from, first));
}

/** Runs the work; an abort ends the connection, and with it every wait, also where a driver forgets whoever waits for it. */
async function cutOnAbort<T>(session: Session, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort = (): void => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      session.cut();
      reject(signal.reason as Error);
    };
    signal.addEventListener("abort", abort, { once: true });
  });
  const working = work();
  try {
    return await Promise.race([working, aborted]);
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
    // What becomes of it after an abort is of no interest.
    working.catch(() => undefined);
  }
}

const isAbort = (error: unknown): boolean =>
  error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError");

const plainColumn = ({ name, type, kind, nullable }: CatalogColumn): Column => ({ name, type, kind, nullable });
