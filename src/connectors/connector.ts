/** The small interface that every database stands behind. A connector sees rows and checkpoints, never keys or Redis. */
import type { Batch, Bytes, Checkpoint, CheckpointMove, Column } from "../model.js";
import { asGuest } from "../recipe/guest.js";
import type { ColumnType } from "../recipe/recipe.js";

/** A connection option: a value, a promise of one, or a function that is called again at every connection attempt. */
export type Option<T> = T | PromiseLike<T> | (() => T | PromiseLike<T>);

/** What a sink is told about whom it works for. */
export interface SinkContext {
  /** The recipe's name: the first part of the checkpoint's key. */
  readonly recipe: string;
  /** The columns that the recipe's mappings name, without the primary key. They must exist. */
  readonly columns: readonly string[];
  /** The types that mappings demand, by column: all that a database without a catalog has to go by. */
  readonly types?: Readonly<Record<string, ColumnType>>;
  /** Where the changes come from: a copy in another Redis must not be what is copied. */
  readonly source?: Source;
}

/** The Redis that a recipe reads. */
export interface Source {
  readonly keysPrefix: string;
  readonly db: number;
  /** `run_id` of the server, or of every master of the cluster. */
  readonly runIds: readonly string[];
}

/** Options of a recipe that a connector may have other defaults for. */
export interface RecipeDefaults {
  readonly batch?: number;
  readonly duration?: number;
  readonly partitions?: number;
  /** Of `writeThrough`. */
  readonly timeout?: number;
}

/** One table (or collection, or key space) of one database, as a recipe names it. Holds no connection. */
export interface Connector {
  /** "mysql", "postgres", "sqlite", … */
  readonly kind: string;
  readonly table: string;
  readonly primaryKey: readonly string[];
  /** What a recipe gets that does not say it, where this database is at its best with something else than the others. */
  readonly defaults?: RecipeDefaults;
  /** A new, unconnected sink. The runner asks for one a partition. */
  sink(context: SinkContext): Sink;
}

/** What `open` found. */
export interface Opened {
  /** The primary key's columns and the mapped ones, from the catalog. */
  readonly columns: readonly Column[];
  /** The stored checkpoints of all partitions of the recipe for this table, by partition; none: never written. */
  readonly checkpoints: readonly Checkpoint[];
}

/**
 * What to do about an error:
 * - "retry": nobody's fault and it may pass (connection lost, deadlock, lock time-out, server stopping); reopen and write again
 * - "reject": a row of this batch is bad; the batch is halved until the row is alone
 * - "fatal": only a person can mend it (credentials, missing table or column, no permission); shown, and tried again later
 * - "superseded": another writer has moved the checkpoint (invariant 3)
 */
export type ErrorClass = "retry" | "reject" | "fatal" | "superseded";

/** One connection of one partition. Used by one caller at a time. */
export interface Sink {
  /**
   * Connects (closing what was open), checks table, columns and primary key, creates the checkpoint table where it is missing.
   * Options that are functions are called afresh. Throws what `classify` understands.
   */
  open(signal: AbortSignal): Promise<Opened>;

  /**
   * Writes the rows and moves the checkpoints, all or nothing, durable on return. `SupersededError` where a stored token is not
   * the expected one; then nothing was written. After an error that is classified "reject" nothing was written either, and the sink
   * goes on as it is. After any other error the caller calls `open` again before the next `write`, and learns there from the stored
   * token whether the transaction was committed.
   */
  write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void>;

  /**
   * The ids of up to `count` rows after this one, in an order of the database's own: as they stand in the names of keys. None:
   * that was all. A connector without it cannot be used with `onFlush: "delete"`.
   */
  keys?(
    after: readonly Bytes[] | undefined,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly Bytes[])[]>;

  classify(error: unknown): ErrorClass;

  /** Ends the connection. Never throws, and may be called twice. */
  close(): Promise<void>;
}

/**
 * Asks for an option's value now; `who` names it. A function of the recipe runs as a guest, but only as far as it is synchronous: what
 * an async one does after its first `await` runs in between our own code, which needs the real process and console.
 */
export async function resolveOption<T>(option: Option<T>, who = "a connection option"): Promise<T> {
  return await (typeof option === "function" ? asGuest(who, option as () => T | PromiseLike<T>) : option);
}
