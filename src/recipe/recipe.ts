/** What a recipe is once it has been validated. `writeBehind` and `writeThrough` (define.ts) make it; the runner trusts it. */
import type { Connector } from "../connectors/connector.js";

/** Types that a mapping may demand where the catalog's own type is not enough. */
export type ColumnType =
  "integer" | "decimal" | "float" | "boolean" | "text" | "binary" | "date" | "time" | "datetime" | "json" | "uuid";

/** One hash field and the column it goes to. */
export interface Mapping {
  /** The field's name, as text. */
  readonly field: string;
  readonly column: string;
  readonly type?: ColumnType;
  /** What the column gets when the hash does not have the field; NULL where there is none. */
  readonly default?: string | number | bigint | boolean | Date | Uint8Array | null;
}

export type Transform = (record: Record<string, string>, key: string) => Record<string, unknown> | null;

/** What to do with the row when its key goes. */
export type DeletePolicy = "delete" | "keep";

interface Common {
  readonly name: string;
  /** A semantic version. */
  readonly version: string;
  readonly keysPrefix: string;
  readonly connector: Connector;
  readonly mappings: readonly Mapping[];
  readonly transform: Transform | undefined;
}

export interface WriteBehindRecipe extends Common {
  readonly mode: "write-behind";
  /** Rows a transaction at most. */
  readonly batch: number;
  /** Milliseconds that a change may wait for others to join its batch. */
  readonly duration: number;
  readonly partitions: number;
  readonly snapshot: "initial" | "never";
  readonly onError: "dead-letter" | "halt";
  readonly onDelete: DeletePolicy;
  readonly onExpire: DeletePolicy;
  readonly onEvict: DeletePolicy;
  readonly onFlush: DeletePolicy;
  readonly onUncertainDelete: DeletePolicy;
  /** The breaker: more deletes than this in a minute, and more than 10 % of the rows written, stop the recipe. */
  readonly maxDeletesPerMinute: number;
}

export interface WriteThroughRecipe extends Common {
  readonly mode: "write-through";
  /** Milliseconds in which the database has to answer. */
  readonly timeout: number;
}

export type Recipe = WriteBehindRecipe | WriteThroughRecipe;
