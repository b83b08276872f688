/** All partitions of a recipe as one. Order is kept for every key, because a key always goes to the same one. */
import type { Entry } from "../buffer/entry.js";
import type { Bytes, Change, Position } from "../model.js";
import type { Partition } from "./partition.js";
import type { End } from "./schedule.js";

export class Partitions {
  /** Bytes that all keys have in common: they tell nothing about where a key belongs. */
  readonly #headLength: number;
  #all: readonly Partition[] = [];

  constructor(headLength: number) {
    this.#headLength = headLength;
  }

  /** The recipe has its place at the stream: its partitions begin. */
  begin(partitions: readonly Partition[]): void {
    this.#all = partitions;
  }

  get hasBegun(): boolean {
    return this.#all.length > 0;
  }

  of(key: Bytes): Partition {
    let hash = 0;
    for (let i = this.#headLength; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0;
    return this.#all[(hash >>> 0) % this.#all.length] as Partition;
  }

  /** Every loop, until all have ended or one has failed. */
  run(signal: AbortSignal): Promise<void>[] {
    return this.#all.map((partition) => partition.run(signal));
  }

  /** Keys that are not yet in the table. */
  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  /** Keys that wait in buffers. */
  get waiting(): number {
    return this.#all.reduce((sum, { buffer }) => sum + buffer.size, 0);
  }

  /** Whether a transaction is under way. */
  get isWriting(): boolean {
    return this.#all.some((partition) => partition.isWriting);
  }

  /** Where the oldest change begins that is not yet in the table; Infinity: there is none. */
  get oldest(): number {
    return this.#all.reduce((low, partition) => Math.min(low, partition.oldest), Infinity);
  }

  /** Everything up to this offset is in the table. */
  get committed(): number {
    return this.#all.reduce((low, partition) => Math.min(low, partition.committed()), Infinity);
  }

  /** Whether keys that a SCAN has found, or is to find, may not be in the table yet. */
  get isSnapshotPending(): boolean {
    return this.#all.some((partition) => partition.isSnapshotPending);
  }

  /** The newest offset that any row may reflect. */
  get high(): number {
    return this.#all.reduce((high, partition) => Math.max(high, partition.high), 0);
  }

  /** Whether any partition had carried everything up to here before a restart. */
  isPast(end: number): boolean {
    return this.#all.some((partition) => partition.isPast(end));
  }

  wake(): void {
    for (const partition of this.#all) partition.wake();
  }

  hurry(): void {
    for (const partition of this.#all) partition.hurry();
  }

  flushed(change: Change): void {
    for (const partition of this.#all) partition.flushed(change);
  }

  swapped(change: Change): void {
    for (const partition of this.#all) partition.swapped(change);
  }

  rebase(at: Position): void {
    for (const partition of this.#all) partition.rebase(at);
  }

  setPaused(isPaused: boolean): void {
    for (const partition of this.#all) partition.setPaused(isPaused);
  }

  end(when: End): void {
    for (const partition of this.#all) partition.end(when);
  }

  reconnect(): void {
    for (const partition of this.#all) partition.reconnect();
    this.wake();
  }

  /** Takes everything that is buffered out, oldest first. */
  handOver(): Entry[] {
    return this.#all.flatMap(({ buffer }) => buffer.drain()).sort((a, b) => a.first - b.first);
  }

  /** Takes over what another pipeline has handed over, before any change of its own. */
  adopt(entries: readonly Entry[]): void {
    for (const entry of entries) this.of(entry.key).buffer.adopt(entry);
  }
}
