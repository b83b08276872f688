/**
 * The changed keys of one partition, one entry a key, oldest first. A key that is written a thousand times costs one row.
 * Memory grows with the number of distinct keys; past `maxBytes` of values, entries keep their key only and are read back later.
 */
import type { Bytes, Change, GoneCause, Position } from "../model.js";
import { carryOver } from "./carry-over.js";
import { Entry, type Fields } from "./entry.js";
import { EntryQueue } from "./entry-queue.js";
import { TakenEntries } from "./taken-entries.js";

/** Entries before which a new one will wait for some time. */
const LONG = 2000;

export interface BufferOptions {
  readonly fields: Fields;
  /** Bytes of values that may be held. */
  readonly maxBytes: number;
  /** Behind so many entries a new one is made small, because it will wait. Default: 2000. */
  readonly packAbove?: number;
  /** Does the row go when the key went because of this? */
  readonly removes: (cause: GoneCause) => boolean;
}

export class Buffer {
  readonly #fields: Fields;
  readonly #maxBytes: number;
  readonly #packAbove: number;
  readonly #removes: (cause: GoneCause) => boolean;
  /** In the order of their first change: the oldest entry holds the checkpoint back. */
  readonly #entries = new EntryQueue();
  /** Entries that were read back and not found; they wait until capture tells why. */
  readonly #absent = new EntryQueue();
  /** Entries taken out and not yet settled: what happens to their keys meanwhile is always worth keeping. */
  readonly #taken = new TakenEntries();
  #bytes = 0;
  #reflected = -1;

  constructor(options: BufferOptions) {
    this.#fields = options.fields;
    this.#maxBytes = options.maxBytes;
    this.#packAbove = options.packAbove ?? LONG;
    this.#removes = options.removes;
  }

  get size(): number {
    return this.#entries.size + this.#absent.size;
  }

  /** Bytes of values held. */
  get bytes(): number {
    return this.#bytes;
  }

  has(key: Bytes): boolean {
    return this.#entries.has(key) || this.#absent.has(key);
  }

  /** The first change that is not yet taken, as a place to resume from. */
  oldest(): { offset: number; db: number } | undefined {
    const oldest = this.#oldest();
    return oldest && { offset: oldest.first, db: oldest.firstDb };
  }

  /** When the entry that has waited longest came, in ms of the monotonic clock. */
  oldestSince(): number | undefined {
    return this.#entries.first?.since;
  }

  /** Merges one change; `now` is the monotonic time in ms. Returns its entry, where there is one. */
  merge(change: Change, now: number): Entry | undefined {
    const before = this.#entries.get(change.key) ?? (this.#absent.size > 0 ? this.#absent.get(change.key) : undefined);
    if (before === undefined && !this.#isWorthKeeping(change)) return undefined;
    const entry = before ?? this.#add(change.key, change.start, change.startDb, now);
    if (entry.absentAt !== undefined && change.start >= entry.absentAt) this.#bytes -= entry.settleAbsence();
    this.#apply(change, entry);
    // What was read back may be newer than what capture has come to.
    if (change.end > entry.last) entry.last = change.end;
    if (this.#bytes > this.#maxBytes) this.#bytes -= entry.shrink(change.end);
    else if (this.#entries.size > this.#packAbove) entry.pack();
    if (entry.isRemoved && !entry.isVacant) entry.returnedAt ??= change.end;
    return entry;
  }

  /** The table may reflect changes up to here, whether or not they are in this buffer. */
  reflect(high: number): void {
    this.#reflected = high;
  }

  /** The row has to go, whatever the policies say: its author asked for it. The key will go, too. */
  remove(change: Change, now: number): Entry {
    const before = this.#entries.get(change.key) ?? this.#absent.get(change.key);
    const entry = before ?? this.#add(change.key, change.start, change.startDb, now);
    this.#remove(entry);
    entry.isCondemned = true;
    if (change.end > entry.last) entry.last = change.end;
    return entry;
  }

  /** Fields of a write that must not reach the database: only of interest to an entry that is there already. */
  skip(key: Bytes, pairs: readonly Bytes[], end: number): void {
    const entry = this.#entries.get(key) ?? this.#absent.get(key);
    if (entry) {
      this.#revive(entry, end);
      entry.skip(pairs, this.#fields);
    }
    // It may be read back at this moment.
    this.#taken.get(key)?.skip(pairs, this.#fields);
  }

  /** The key will go, the row stays: only of interest to an entry that is there already. */
  leave(key: Bytes): void {
    const entry = this.#entries.get(key) ?? this.#absent.get(key);
    if (entry) this.#leave(entry);
    const last = entry ?? this.#taken.get(key);
    if (last) last.isCondemned = true;
  }

  /** A key whose row may differ, whatever the stream says: found by SCAN, or to be tried again. */
  touch(key: Bytes, at: Position, now: number): Entry {
    const before = this.#entries.get(key) ?? this.#absent.get(key);
    if (before) return before;
    const entry = this.#add(key, at.offset, at.db, now);
    entry.last = at.offset;
    return entry;
  }

  /** Every key of the database went: FLUSHALL. Those on their way to the table went as well. */
  flushed(end: number): void {
    this.#expectTaken();
    const remove = this.#removes("flush");
    for (const entries of [this.#entries, this.#absent]) {
      for (const entry of entries) {
        if (remove) this.#remove(entry);
        else this.#leave(entry);
        entry.last = end;
      }
    }
  }

  /** Every key of the database may have become another: SWAPDB. Those on their way to the table as well. */
  swapped(end: number): void {
    this.#expectTaken();
    for (const entries of [this.#entries, this.#absent]) {
      for (const entry of entries) {
        this.#forget(entry, end);
        entry.last = end;
      }
    }
  }

  /** Takes up to `count` entries out, oldest first; those not found in Redis only once capture is past that moment. */
  take(count: number, captured: number): Entry[] {
    const taken: Entry[] = [];
    for (const entry of this.#absent) {
      if (taken.length >= count) break;
      if (entry.absentAt === undefined || entry.absentAt <= captured) taken.push(entry);
    }
    for (const entry of taken) this.#absent.remove(entry);
    while (taken.length < count) {
      const entry = this.#entries.shift();
      if (!entry) break;
      taken.push(entry);
    }
    for (const entry of taken) {
      this.#bytes -= entry.size;
      if (entry.isVacant) this.#conclude(entry);
    }
    this.#taken.add(taken);
    return taken;
  }

  /** What was taken has been written. */
  settle(): void {
    this.#taken.clear();
  }

  /** Whether `take` would return something. */
  isReady(captured: number): boolean {
    if (this.#entries.size > 0) return true;
    for (const { absentAt } of this.#absent) if (absentAt === undefined || absentAt <= captured) return true;
    return false;
  }

  /** Puts back an entry that was not found in Redis, until capture is past that moment. */
  putBackAbsent(entry: Entry): void {
    const kept = this.#joined(entry);
    this.#absent.push(kept);
    this.#bytes += kept.size;
  }

  /** Puts back what could not be written, before everything that came later. */
  putBack(entries: readonly Entry[]): void {
    for (const entry of [...entries].reverse()) {
      const kept = this.#joined(entry);
      this.#entries.unshift(kept);
      this.#bytes += kept.size;
    }
    this.#taken.clear();
  }

  /** Takes everything out, for a buffer with other fields or partitions. */
  drain(): Entry[] {
    const all = [...this.#absent, ...this.#entries].sort((a, b) => a.first - b.first);
    this.#entries.clear();
    this.#absent.clear();
    this.#bytes = 0;
    return all;
  }

  /** Takes an entry over from another buffer; entries come in the order of their first change, before any other. */
  adopt(entry: Entry): void {
    // What was not found in Redis goes on waiting until capture tells why.
    (entry.absentAt === undefined ? this.#entries : this.#absent).push(entry);
    this.#bytes += entry.size;
  }

  /** Everything is read back again: the history that these changes belong to is lost. Keys and deletes only, from here on. */
  rebase(at: Position, now: number): void {
    for (const entry of this.drain()) this.#rebaseOne(entry, at, now);
  }

  /** The same for what could not be written, and comes back after the history was lost. */
  putBackRebased(entries: readonly Entry[], at: Position, now: number): void {
    for (const entry of entries) this.#rebaseOne(entry, at, now);
    this.#taken.clear();
  }

  #rebaseOne(old: Entry, at: Position, now: number): void {
    const entry = this.touch(old.key, at, now);
    entry.isRemoved ||= old.isRemoved || old.isEmptied(this.#fields.size);
    if (old.waiting) (entry.waiting ??= []).push(...old.waiting);
  }

  /** Gives every key that was taken out an entry again; before all others, because what was taken is older. */
  #expectTaken(): void {
    for (const { key, first, firstDb, since } of [...this.#taken].reverse()) {
      if (!this.has(key)) this.#entries.unshift(new Entry(key, first, firstDb, since));
    }
  }

  /** The hash is gone, and nobody can be asked any more. What the table may know better is left as it is. */
  #conclude(entry: Entry): void {
    const { returnedAt, forgottenAt } = entry;
    if (returnedAt !== undefined && returnedAt <= this.#reflected) entry.isRemoved = false;
    if (forgottenAt !== undefined && forgottenAt > this.#reflected) entry.values = [...entry.known()];
    entry.knowAll();
  }

  #add(key: Bytes, first: number, firstDb: number, now: number): Entry {
    const entry = new Entry(key, first, firstDb, Math.floor(now));
    this.#entries.push(entry);
    return entry;
  }

  #oldest(): Entry | undefined {
    let oldest = this.#entries.first;
    for (const entry of this.#absent) if (!oldest || entry.first < oldest.first) oldest = entry;
    return oldest;
  }

  /** What comes back, with what has come of its key since. */
  #joined(entry: Entry): Entry {
    const newer = this.#entries.get(entry.key);
    if (!newer) return entry;
    this.#entries.remove(newer);
    this.#bytes -= newer.size;
    if (entry.absentAt !== undefined && newer.first >= entry.absentAt) entry.settleAbsence();
    return carryOver(entry, newer);
  }

  #apply(change: Change, entry: Entry): void {
    switch (change.kind) {
      case "set":
        this.#revive(entry, change.end);
        this.#bytes += entry.set(change.fields, this.#fields);
        break;
      case "unset":
        this.#revive(entry, change.end);
        this.#bytes += entry.unset(change.fields, this.#fields, this.#removes("delete"));
        break;
      case "gone":
        if (!change.own && this.#removes(change.cause)) this.#remove(entry);
        else this.#leave(entry);
        break;
      case "dirty":
        this.#forget(entry, change.end);
        // A key that went by itself has its DEL in the stream; one that is gone without was deleted by this command.
        if (!change.own && this.#removes("delete")) entry.mayBeEmpty = true;
        break;
      case "ttl":
      case "flushed":
      case "swapped":
        break;
    }
  }

  /** It was to go, and is not gone yet: nobody knows what it is now. */
  #revive(entry: Entry, end: number): void {
    if (entry.isCondemned) this.#forget(entry, end);
  }

  #forget(entry: Entry, end: number): void {
    this.#bytes -= entry.size;
    entry.forget(end);
    this.#bytes += entry.size;
  }

  #remove(entry: Entry): void {
    this.#bytes -= entry.size;
    entry.remove();
  }

  #leave(entry: Entry): void {
    this.#bytes -= entry.size;
    entry.leave();
    this.#bytes += entry.size;
  }

  /** A key that goes while its row stays leaves nothing to do; nor does what wbsync did itself. */
  #isWorthKeeping(change: Change): boolean {
    // wbsync itself removes no field but `#`, which no column has.
    if (change.kind === "ttl" || (change.own && change.kind === "unset")) return false;
    if (!change.own && (change.kind !== "gone" || this.#removes(change.cause))) return true;
    return this.#taken.has(change.key);
  }
}
