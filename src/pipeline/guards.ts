/**
 * Between a write-through and the write-behind beside it. A write-through writes the row itself, and its last step in Redis need not
 * be carried again, unless the write-behind has, or gets, changes of that key at the same time: nobody knows then whose write was
 * the later one in the table. So a key is guarded from before its hash is read until that last step comes by in the stream, and
 * if anything else touched it meanwhile, the last step counts as a change like any other. What is kept from the row (`+`, `-`)
 * touches nothing.
 */
import type { Bytes, Change } from "../model.js";
import { requestIn } from "./operations.js";

/** A write-behind pipeline, as far as this is interested in it. */
export interface Neighbour {
  /** Whether changes of this key are not yet in the table. */
  holds(key: Bytes): boolean;
  /** The row of this key, if it is one of its own, may have been overwritten: it is to be carried again. */
  recarry(key: Bytes): void;
}

export class WriteGuards {
  readonly #neighbours = new Set<Neighbour>();
  /** Guarded keys: how many write-throughs are under way, and whether anything else happened to the key. */
  readonly #keys = new Map<Bytes, { count: number; isTouched: boolean }>();

  get size(): number {
    return this.#keys.size;
  }

  join(neighbour: Neighbour): void {
    this.#neighbours.add(neighbour);
  }

  leave(neighbour: Neighbour): void {
    this.#neighbours.delete(neighbour);
  }

  /** A write-through of this key begins; its hash has not been read yet. */
  begin(key: Bytes): void {
    const isTouched = [...this.#neighbours].some((neighbour) => neighbour.holds(key));
    const guard = this.#keys.get(key);
    if (guard) {
      guard.count++;
      guard.isTouched ||= isTouched;
    } else this.#keys.set(key, { count: 1, isTouched });
  }

  /** Its last step has come by in the stream, or will never come. */
  end(key: Bytes): void {
    const guard = this.#keys.get(key);
    if (guard && --guard.count === 0) this.#keys.delete(key);
  }

  /** These rows were written by a write-through that has no last step to come by. */
  touch(keys: readonly Bytes[]): void {
    for (const neighbour of this.#neighbours) for (const key of keys) neighbour.recarry(key);
  }

  /** A write-behind sees a change. True: it is a write-through's last step, and has to be carried after all. */
  isDisputed(change: Change): boolean {
    const guard = this.#keys.get(change.key);
    if (!guard) return false;
    if (change.own) return change.own === "through" && guard.isTouched;
    guard.isTouched ||= !leavesRow(change);
    return false;
  }
}

/** A write with `+` or `-` is kept from the row. */
function leavesRow(change: Change): boolean {
  const mark = change.kind === "set" ? requestIn(change.fields)?.mark : undefined;
  return mark === "+" || mark === "-";
}
