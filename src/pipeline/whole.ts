/** What a partition asks of the recipe that it is a part of. */
import type { Entry } from "../buffer/entry.js";
import type { Counters, Position } from "../model.js";
import type { Place } from "./place.js";
import type { Refusal } from "./resolve.js";

export interface Whole {
  /** The position up to which changes have been delivered. */
  captured(): Position;
  /** Whether the stream is being read. */
  isCapturing(): boolean;
  /** The offset at which the last SCAN had found every key; Infinity while one is under way. */
  scanEndedAt(): number;
  countersAt(offset: number): Counters | undefined;
  /** No checkpoint may pass this place, for a reason that is in no buffer. */
  floor(): Place | undefined;
  /** Rows that cannot be written; resolves when they are safe elsewhere. Throws where the recipe wants to stop. */
  refuse(refused: readonly Refusal[]): Promise<void>;
  /** Asked before rows are deleted: throws where the breaker says no. */
  allowDeletes(count: number): void;
  /** These entries are in the table, or had nothing to write. */
  wrote(entries: readonly Entry[], rows: { readonly upserts: number; readonly deletes: number }): Promise<void>;
}
