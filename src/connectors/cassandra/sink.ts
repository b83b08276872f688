/** One table of one keyspace, for one partition of a recipe. */
import { RefusedValueError, messageOf, WbsyncError } from "../../errors.js";
import type { Batch, Bytes, CheckpointMove, Column } from "../../model.js";
import type { Connector, ErrorClass, Opened, Sink, SinkContext } from "../connector.js";
import { tableReference, type TableOptions, type TableReference } from "../sql/table.js";
import { describeTable, keyspaceOf } from "./catalog.js";
import { Checkpoints, laterThan } from "./checkpoints.js";
import { classifyCassandra, isInvalid } from "./errors.js";
import { KeyReader } from "./keys.js";
import type { CassandraOptions } from "./options.js";
import { requestsOf, type Request } from "./requests.js";
import { sendAll } from "./send.js";
import { Session, type Statement } from "./session.js";
import { Turns } from "./turns.js";
import { verifyTable, type Target, type TargetColumn } from "./verify.js";

/** What `db.table(…)` returns. */
export function cassandraConnector(options: CassandraOptions, table: string, tableOptions: TableOptions): Connector {
  const reference = tableReference(table, tableOptions);
  const turns = new Map<string, Turns>();
  return {
    kind: "cassandra",
    table: reference.label,
    primaryKey: reference.primaryKey,
    sink(context) {
      const mine = turns.get(context.recipe) ?? new Turns();
      turns.set(context.recipe, mine);
      return new CassandraSink(options, reference, context, mine);
    },
  };
}

interface Open {
  readonly session: Session;
  readonly target: Target;
  readonly checkpoints: Checkpoints;
  readonly keys: KeyReader;
}

class CassandraSink implements Sink {
  readonly #options: CassandraOptions;
  readonly #reference: TableReference;
  readonly #context: SinkContext;
  readonly #turns: Turns;
  readonly #announced = new Set<bigint>();
  #open: Open | undefined;
  /** Of rows that no checkpoint speaks for. */
  #clock = 0n;

  constructor(options: CassandraOptions, reference: TableReference, context: SinkContext, turns: Turns) {
    this.#options = options;
    this.#reference = reference;
    this.#context = context;
    this.#turns = turns;
  }

  async open(signal: AbortSignal): Promise<Opened> {
    await this.close();
    signal.throwIfAborted();
    const session = await Session.open(this.#options, signal);
    try {
      return await session.untilAborted(signal, async () => {
        const target = await this.#verify(session);
        const owner = { recipe: this.#context.recipe, reference: this.#reference };
        const checkpoints = new Checkpoints(session, owner, { turns: this.#turns, announced: this.#announced });
        const stored = await checkpoints.open();
        this.#open = { session, target, checkpoints, keys: new KeyReader(session, target) };
        return { columns: [...target.columns.values()].map(plainColumn), checkpoints: stored };
      });
    } catch (error) {
      session.cut();
      throw error;
    }
  }

  async write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    await this.#use(signal, (open) => this.#write(open, batch, moves));
  }

  async keys(after: readonly Bytes[] | undefined, count: number, signal: AbortSignal) {
    return await this.#use(signal, ({ keys }) => keys.page(after, count));
  }

  async #use<T>(signal: AbortSignal, work: (open: Open) => Promise<T>): Promise<T> {
    const open = this.#open;
    if (!open) throw new WbsyncError("DATABASE_UNREACHABLE", "The connection is closed: open() comes first");
    try {
      return await open.session.untilAborted(signal, () => work(open));
    } catch (error) {
      // After a refused row the connection is as good as before: the halves need no new one.
      const kind = this.classify(error);
      if (kind !== "reject" && kind !== "superseded") {
        open.session.cut();
        this.#open = undefined;
      }
      throw error;
    }
  }

  async #write({ session, target, checkpoints }: Open, batch: Batch, moves: readonly CheckpointMove[]): Promise<void> {
    const rows = batch.upserts.reduce((count, { rows }) => count + rows.length, batch.deletes.length);
    if (rows > 0) {
      // A timestamp for every row, though nearly always one is enough for all: see `rankAll`.
      const announced = moves.length > 0 ? checkpoints.announce(moves, rows) : Promise.resolve(this.#tick(rows));
      // Bound while the server thinks. A row that is refused here has announced nothing but that it might have been written.
      const requests = await alongside(announced, () => this.#bind(session, target, batch));
      const first = await announced;
      if (first === undefined) return;
      await sendAll(requests, session.cluster.concurrency, (request) => this.#send(session, request, first));
    }
    await checkpoints.move(moves);
  }

  #bind(session: Session, target: Target, batch: Batch): readonly Request[] {
    const keyspace = keyspaceOf(session, this.#reference.table);
    return requestsOf(target, batch, (key) => session.replicasOf(keyspace, key));
  }

  #tick(timestamps: number): bigint {
    const first = laterThan(this.#clock);
    this.#clock = first + BigInt(timestamps - 1);
    return first;
  }

  async #send(session: Session, request: Request, timestamp: bigint): Promise<void> {
    const statements = request.statements(timestamp);
    try {
      await session.write(statements, request.routingKey);
    } catch (error) {
      if (!isInvalid(error)) throw error;
      // A server may allow smaller batches only, or one row of several is bad.
      if (statements.length === 1) throw await this.#explain(session, error);
      for (const one of statements) await this.#sendOne(session, one, request.routingKey);
    }
  }

  async #sendOne(session: Session, statement: Statement, routingKey: Buffer): Promise<void> {
    try {
      await session.write([statement], routingKey);
    } catch (error) {
      throw isInvalid(error) ? await this.#explain(session, error) : error;
    }
  }

  /** "Invalid" is said of values, and of tables and columns that are no longer there: which one, the catalog tells. */
  async #explain(session: Session, cause: unknown): Promise<unknown> {
    await this.#verify(session);
    return new RefusedValueError(messageOf(cause), { cause });
  }

  async #verify(session: Session): Promise<Target> {
    const found = await describeTable(session, this.#reference.table);
    return verifyTable(this.#reference, found, this.#context.columns);
  }

  classify(error: unknown): ErrorClass {
    return classifyCassandra(error);
  }

  async close(): Promise<void> {
    const session = this.#open?.session;
    this.#open = undefined;
    await session?.close();
  }
}

const plainColumn = ({ name, type, kind, nullable }: TargetColumn): Column => ({ name, type, kind, nullable });

/** Does the work while something else is under way; where the work fails, that is waited for first. */
async function alongside<T>(underWay: Promise<unknown>, work: () => T): Promise<T> {
  try {
    return work();
  } catch (error) {
    await underWay;
    throw error;
  }
}
