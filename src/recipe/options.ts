/** What a user writes in a recipe. Types only. */
import type { Connector } from "../connectors/connector.js";
import type { ColumnType, DeletePolicy, Mapping, Transform } from "./recipe.js";

/** A mapping in full: the column, a type where the catalog's is not enough, and what the column gets without the field. */
export interface ColumnMapping {
  readonly column: string;
  readonly type?: ColumnType | undefined;
  /** What the column gets when the hash does not have the field. Default: NULL. */
  readonly default?: Mapping["default"] | undefined;
}

/** Hash field → column: `{ first_name: "first", born: { column: "birthday", type: "date" } }`. */
export type Mappings = Readonly<Record<string, string | ColumnMapping>>;

/** What both kinds of recipe have in common. */
export interface RecipeOptions {
  /** Names the recipe in the registry, in the log, and in the checkpoint table. */
  readonly name: string;
  /** A semantic version, e.g. "1.0.0". A deploy needs a newer one than is registered; "99.99.99" always replaces. */
  readonly version: string;
  /** "person" matches `person:<id>`; the id is all that follows the first colon after the prefix. */
  readonly keysPrefix: string;
  /** The table: `mysql(…).table("persons", { primaryKey: "id" })`. */
  readonly connector: Connector;
  /** Columns that are not named here are never touched. */
  readonly mappings: Mappings;
  /** Changes a record before it is mapped; null skips the key. Pure and synchronous. */
  readonly transform?: Transform | undefined;
}

/** The options of `writeBehind`. */
export interface WriteBehindOptions extends RecipeOptions {
  /** Rows a transaction at most, 1 to 100000. Default: 1000, or what the connector says. */
  readonly batch?: number | undefined;
  /** Milliseconds that a change may wait for others to join its batch, 0 to 60000. Default: 10, or what the connector says. */
  readonly duration?: number | undefined;
  /** Parallel writers, 1 to 64; the order is kept per key. Default: 4, or what the connector says. */
  readonly partitions?: number | undefined;
  /** "initial" also carries the keys that exist when the recipe is first deployed. Default: "initial". */
  readonly snapshot?: "initial" | "never" | undefined;
  /** What to do with a row that the database refuses. Default: "dead-letter". */
  readonly onError?: "dead-letter" | "halt" | undefined;
  /** The row, when a client deletes its key. Default: "delete". */
  readonly onDelete?: DeletePolicy | undefined;
  /** The row, when its key expires. Default: "keep". */
  readonly onExpire?: DeletePolicy | undefined;
  /** The row, when the server evicts its key. Default: "keep". */
  readonly onEvict?: DeletePolicy | undefined;
  /** The rows, on FLUSHDB and FLUSHALL. Default: "keep". */
  readonly onFlush?: DeletePolicy | undefined;
  /** The row, when nobody can tell any more why its key went. Default: "keep". */
  readonly onUncertainDelete?: DeletePolicy | undefined;
  /** More deletes than this in a minute, and more than 10 % of the rows written, stop the recipe. Default: 10000. */
  readonly maxDeletesPerMinute?: number | undefined;
}

/** The options of `writeThrough`. */
export interface WriteThroughOptions extends RecipeOptions {
  /** "__" matches `__{person:1}`: the key that is written through is what the braces hold. */
  readonly keysPrefix: string;
  /** Milliseconds in which the database has to answer, 1 to 600000. Default: 5000, or what the connector says. */
  readonly timeout?: number | undefined;
}
