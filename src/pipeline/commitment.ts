/**
 * How far a recipe may acknowledge (invariant 1). While a snapshot is pending, writes are missing from the table that are in no
 * buffer yet: only SCAN finds them, and nobody knows which those are. So until all of them are written, nothing more counts than
 * did before the snapshot became necessary. The server never takes an acknowledgement back; a lower number does no harm.
 */
import type { Partitions } from "./partitions.js";

export class Commitment {
  readonly #partitions: Partitions;
  #heldAt: number | undefined;

  constructor(partitions: Partitions) {
    this.#partitions = partitions;
  }

  /** Everything up to this offset is in the table. Asked once the partitions have begun. */
  get offset(): number {
    return this.#heldAt ?? this.#partitions.committed;
  }

  get isHeld(): boolean {
    return this.#heldAt !== undefined;
  }

  /** A snapshot has become necessary: nothing beyond this offset counts before it is through; 0: nothing at all. */
  hold(offset: number): void {
    this.#heldAt = Math.min(offset, this.#heldAt ?? Infinity);
  }

  /** Something was written, or a SCAN has ended: it may have been the last of a snapshot. */
  review(): void {
    if (this.#heldAt !== undefined && !this.#partitions.isSnapshotPending) this.#heldAt = undefined;
  }
}
