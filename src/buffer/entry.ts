/** What is known of one changed key, and how it grows with every change. Pure: the rules that everything else relies on. */
import type { Bytes } from "../model.js";
import { pack, packedCount, packedSize, unpack } from "./packed.js";
import { Rare, type Known } from "./rare.js";

/** A field's place among the mapped fields. */
export type Fields = ReadonlyMap<Bytes, number>;

export type { Known } from "./rare.js";

/** What every entry holds until its first value comes. */
const NOTHING: Known[] = [];

/** The changes of one key since they were last written, merged into one. */
export class Entry extends Rare {
  readonly key: Bytes;
  /** Offset before the first change in it, and the database selected there: a checkpoint's `low` may not pass it. */
  readonly first: number;
  readonly firstDb: number;
  /** When it came, in ms of the monotonic clock. */
  readonly since: number;
  /** Offset after the newest change in it. */
  last: number;
  /** Values, or the same packed. */
  #held: Known[] | Bytes = NOTHING;

  constructor(key: Bytes, first: number, firstDb: number, since: number) {
    super();
    this.key = key;
    this.first = first;
    this.firstDb = firstDb;
    this.since = since;
    this.last = first;
  }

  /**
   * By place of the mapped field; empty: nothing is known. What was packed is unpacked at every call, and not kept: an old object
   * that holds young ones would keep them alive long after it is dead itself.
   */
  get values(): Known[] {
    return typeof this.#held === "string" ? unpack(this.#held) : this.#held;
  }

  set values(values: Known[]) {
    this.#held = values;
  }

  /** Makes it small: it will wait for a while. */
  pack(): void {
    if (typeof this.#held !== "string" && this.#held.length > 0) this.#held = pack(this.#held) ?? this.#held;
  }

  /** Fields were set. Setting some fields of a hash that did not exist says that the others are absent. Returns bytes gained. */
  set(pairs: readonly Bytes[], fields: Fields): number {
    const values = this.#values(fields.size);
    let gained = 0;
    if (this.isVacant) {
      gained -= this.size;
      values.fill(null);
      this.knowAll();
    }
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const place = fields.get(pairs[i] as Bytes);
      if (place === undefined) continue;
      const value = pairs[i + 1] as Bytes;
      gained += value.length - sizeOf(values[place]);
      values[place] = value;
      this.sealed?.delete(place);
    }
    this.#exists();
    return gained;
  }

  /** Fields were removed; with the last one goes the hash, and, where `takesRow`, the row. */
  unset(names: readonly Bytes[], fields: Fields, takesRow: boolean): number {
    // They were never written: the hash was made anew by writes that must stay out of the database.
    if (this.isVacant) return 0;
    const values = this.#values(fields.size);
    let gained = 0;
    for (const name of names) {
      const place = fields.get(name);
      if (place === undefined) continue;
      gained -= sizeOf(values[place]);
      values[place] = null;
      this.sealed?.delete(place);
    }
    if (takesRow) this.mayBeEmpty = true;
    this.absentAt = undefined;
    return gained;
  }

  /**
   * Fields were set that must stay out of the database; what was known of them before is still to be written. A hash that was gone
   * counts as gone until something of it is to be written.
   */
  skip(pairs: readonly Bytes[], fields: Fields): void {
    if (this.isVacant) return;
    this.#values(fields.size);
    for (let i = 0; i + 1 < pairs.length; i += 2) {
      const place = fields.get(pairs[i] as Bytes);
      if (place !== undefined) (this.sealed ??= new Set()).add(place);
    }
    this.#exists();
  }

  /** The key went, and the row goes with it. */
  remove(): void {
    this.values = [];
    this.isRemoved = true;
    this.returnedAt = undefined;
    this.knowAll();
    this.#vacate();
  }

  /** The key went, the row stays: what was known of the hash is still to be written. */
  leave(): void {
    this.#vacate();
  }

  /**
   * Capture has come to where the hash was not found, and what comes next made it anew. Nothing told why it went: then its last
   * field was taken away, and the row went with it. Returns bytes freed.
   */
  settleAbsence(): number {
    if (this.isVacant || !this.mayBeEmpty) return 0;
    const freed = this.size;
    this.remove();
    return freed;
  }

  /** The author of a change in it waits for this id to be acknowledged. */
  await(id: Bytes): void {
    (this.waiting ??= []).push(id);
  }

  /** Anything may have happened to the key. */
  forget(at: number): void {
    this.lastKnown = this.known();
    this.values = [];
    this.sealed = undefined;
    this.forgottenAt ??= at;
    this.#exists();
  }

  /** Drops values to save memory: they can be read back. Not so for a hash that is gone. */
  shrink(at: number): number {
    if (this.isVacant) return 0;
    let freed = sizeOfAll(this.lastKnown);
    this.lastKnown = undefined;
    this.forgottenAt ??= at;
    const values = this.#values(0);
    for (let i = 0; i < values.length; i++) {
      if (this.sealed?.has(i)) continue;
      freed += sizeOf(values[i]);
      values[i] = undefined;
    }
    return freed;
  }

  /** For a recipe with other fields: by new place the old one, undefined where there was none. */
  rearrange(places: readonly (number | undefined)[]): void {
    const { values, lastKnown, sealed } = this;
    const moved = (known: readonly Known[]) => places.map((place) => (place === undefined ? undefined : known[place]));
    if (values.length > 0) this.values = moved(values);
    if (lastKnown && lastKnown.length > 0) this.lastKnown = moved(lastKnown);
    const isSealed = (place: number | undefined) => place !== undefined && sealed?.has(place) === true;
    if (sealed) this.sealed = new Set(places.flatMap((place, i) => (isSealed(place) ? [i] : [])));
  }

  /** Whether the row can be told without asking Redis. */
  isComplete(size: number): boolean {
    if (this.isVacant) return true;
    const held = this.#held;
    if (typeof held === "string" && !this.mayBeEmpty) return packedCount(held) >= size;
    const { values } = this;
    if (values.length < size) return false;
    let hasField = false;
    for (let i = 0; i < size; i++) {
      const value = values[i];
      const isSealed = this.sealed !== undefined && this.sealed.has(i);
      if (value === undefined && !isSealed) return false;
      if (value !== null || isSealed) hasField = true;
    }
    return hasField || !this.mayBeEmpty;
  }

  /** Whether every field that is of interest was taken away, and the hash may have gone with the last one. */
  isEmptied(size: number): boolean {
    if (this.isVacant || !this.mayBeEmpty) return false;
    const { values } = this;
    return values.length === size && values.every((value) => value === null);
  }

  /** Bytes of values held. */
  get size(): number {
    const held = typeof this.#held === "string" ? packedSize(this.#held) : sizeOfAll(this.#held);
    return held + sizeOfAll(this.lastKnown);
  }

  /** The newest that is known of every field, whether or not it still holds. */
  known(): readonly Known[] {
    const { values, lastKnown } = this;
    if (!lastKnown || lastKnown.length === 0) return values;
    return lastKnown.map((value, i) => (values[i] === undefined ? value : values[i]));
  }

  /** `values` is all there is to know. */
  knowAll(): void {
    this.forgottenAt = undefined;
    this.lastKnown = undefined;
  }

  #values(size: number): Known[] {
    let values = this.values;
    if (values.length < size) values = new Array<Known>(size).fill(undefined);
    this.#held = values;
    return values;
  }

  #exists(): void {
    this.isVacant = false;
    this.isCondemned = false;
    this.mayBeEmpty = false;
    this.absentAt = undefined;
  }

  #vacate(): void {
    this.isVacant = true;
    this.isCondemned = false;
    this.sealed = undefined;
    this.mayBeEmpty = false;
    this.absentAt = undefined;
  }
}

function sizeOfAll(values: readonly Known[] | undefined): number {
  let bytes = 0;
  if (values) for (const value of values) bytes += sizeOf(value);
  return bytes;
}

function sizeOf(value: Known): number {
  return typeof value === "string" ? value.length : 0;
}
