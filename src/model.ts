/** The nouns that flow through wbsync. Types only; this file imports nothing. */

/**
 * Raw bytes of a Redis key, field or value, one character a byte (what Node calls "latin1"). Lossless for any bytes, as
 * compact as the bytes themselves, and as cheap to compare and to hash as a string. Decoded once, when a row is made.
 */
export type Bytes = string;

/** A place in a Redis replication history: everything up to `offset` has been seen, and `db` is the selected database there. */
export interface Position {
  /** The replication id: offsets of two histories cannot be compared. */
  readonly replid: string;
  /** Bytes of the replication stream, counted by the server. */
  readonly offset: number;
  readonly db: number;
}

/**
 * Why a key is no longer there. "asked": a client wanted key and row deleted (`~`), and wbsync has done so; "uncertain": a delete
 * whose author nobody can name any more.
 */
export type GoneCause = "delete" | "expire" | "evict" | "flush" | "asked" | "uncertain";

/** Whose step a change is: the last one of a write-through, which has written the row; the end of a write with `#`; or a client's. */
export type Own = "through" | "settled" | false;

/**
 * One thing that happened to one key. `start` and `end` are offsets: a restart from `start` sees the change again, a restart
 * from `end` does not. Inside MULTI/EXEC `start` is the start of the whole transaction (invariant 8), and `startDb` the
 * database that is selected there.
 */
export type Change = {
  readonly key: Bytes;
  readonly start: number;
  readonly startDb: number;
  readonly end: number;
  /** wbsync's own write: what it means for the row is already taken care of. */
  readonly own: Own;
} & (
  | { readonly kind: "set"; /** field, value, field, value, … */ readonly fields: readonly Bytes[] }
  | { readonly kind: "unset"; readonly fields: readonly Bytes[] }
  | { readonly kind: "gone"; readonly cause: GoneCause }
  | { readonly kind: "dirty" }
  /** The key is given a time to live: it will go at `at` (Unix ms), or stays for good (Infinity). */
  | { readonly kind: "ttl"; readonly at: number }
  /** FLUSHALL, FLUSHDB: every key of the database is gone. `key` is empty. */
  | { readonly kind: "flushed" }
  /** SWAPDB: every key may have become another. `key` is empty. */
  | { readonly kind: "swapped" }
);

/** A converted value: the canonical text of its column's kind, bytes for a binary column, or NULL. */
export type Value = string | Buffer | null;

/** What a column accepts, in one vocabulary for all databases. */
export type Kind =
  | { readonly kind: "integer"; readonly min: bigint; readonly max: bigint }
  | { readonly kind: "decimal"; readonly precision?: number; readonly scale?: number; readonly unsigned?: boolean }
  /** `special`: NaN and the infinities are values too. */
  | { readonly kind: "float"; readonly bits: 32 | 64; readonly special?: boolean }
  | { readonly kind: "boolean" }
  | { readonly kind: "text"; readonly maxChars?: number; readonly maxBytes?: number }
  | { readonly kind: "binary"; readonly maxBytes?: number }
  | { readonly kind: "date" }
  | { readonly kind: "time"; readonly fraction: number }
  | { readonly kind: "datetime"; readonly fraction: number; readonly zoned: boolean }
  | { readonly kind: "json" }
  | { readonly kind: "uuid" }
  /** A type that wbsync does not interpret: the text is handed to the database, which accepts or refuses it. */
  | { readonly kind: "other" };

/** A column as the database's own catalog describes it. */
export interface Column {
  readonly name: string;
  /** The database's own name for the type, e.g. "varchar(20)": for messages and casts. */
  readonly type: string;
  readonly kind: Kind;
  readonly nullable: boolean;
}

/** One row to write or to delete. */
export interface Row {
  /** Values of the primary key, in the order of `primaryKey`. */
  readonly id: readonly Value[];
  /** Values of the columns of the `Upserts` this row is in, in that order; empty for a delete. */
  readonly values: readonly Value[];
  /** The newest offset that this row reflects. */
  readonly offset: number;
}

/** Rows that set the same columns. Columns that are not named keep what they hold (or get the table's default in a new row). */
export interface Upserts {
  readonly columns: readonly string[];
  readonly rows: readonly Row[];
}

/** What one transaction carries: at most one row a key, deletes and upserts never of the same row. */
export interface Batch {
  readonly upserts: readonly Upserts[];
  readonly deletes: readonly Row[];
  /** No two rows have one id, for keys turn into ids one to one. Where it is not said, a connector has to look. */
  readonly distinct?: boolean;
}

/** The server's counters of keys that it removed by itself, at an offset of its history: see capture/causes.ts. */
export interface Counters {
  /** The server's run id: counters start again with the process. */
  readonly runId: string;
  readonly offset: number;
  readonly expired: number;
  readonly evicted: number;
}

/** What is known to be in the table of one partition. Stored in the transaction of the rows it speaks for (invariant 2). */
export interface Checkpoint {
  readonly partition: number;
  /** Fresh for every write: a writer whose token is not the stored one has been overtaken (invariant 3). */
  readonly token: string;
  readonly replid: string;
  /** Everything up to here is in the table. */
  readonly low: number;
  /** The database that is selected at `low`. */
  readonly db: number;
  /** The newest offset that any stored row reflects. */
  readonly high: number;
  /** "pending" while keys that the stream does not hold are still being carried by SCAN. */
  readonly snapshot: "pending" | "done";
  readonly counters?: Counters;
  /** The recipe's version that wrote last: for people who look into the table. */
  readonly version: string;
}

/**
 * One step of a checkpoint. `from` is the token that must be stored now (undefined: there must be no row), `to` what is stored
 * afterwards (undefined: the row is removed).
 */
export interface CheckpointMove {
  readonly partition: number;
  readonly from: string | undefined;
  readonly to: Checkpoint | undefined;
}
