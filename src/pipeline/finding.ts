/**
 * Keys that are in no stream: SCAN finds those that Redis has (snapshot.ts), the table tells of those that it has no more
 * (sweep.ts). What is found goes into the buffers, as fast as there is room.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import type { Sink } from "../connectors/connector.js";
import type { Bytes, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { Commitment } from "./commitment.js";
import type { Partitions } from "./partitions.js";
import type { Place } from "./place.js";
import { type ScanProgress, Snapshot } from "./snapshot.js";
import { Sweep } from "./sweep.js";

export interface FindingOptions {
  readonly redis: Redis;
  /** What the recipe's keys begin with. */
  readonly head: Bytes;
  /** As many keys may wait in the buffers. */
  readonly room: number;
  readonly partitions: Partitions;
  readonly commitment: Commitment;
  /** A new sink, for a connection of its own. */
  readonly sink: () => Sink;
  readonly captured: () => Position;
  readonly log: Logger;
  /** Something that `status` shows has changed. */
  readonly onChange: () => void;
  /** More may have become committed than before. */
  readonly onProgress: () => void;
}

const LOOK_AGAIN_MS = 5;

export class Finding {
  readonly #options: FindingOptions;
  readonly #snapshot: Snapshot;
  readonly #sweep: Sweep;

  constructor(options: FindingOptions) {
    const { redis, head, sink, captured, log, onProgress } = options;
    this.#options = options;
    this.#snapshot = new Snapshot({
      redis,
      head,
      take: (keys, signal) => this.#takeScanned(keys, signal),
      log,
      capturedOffset: () => captured().offset,
      onChange: () => this.#onScan(),
    });
    this.#sweep = new Sweep({
      sink,
      take: (ids, signal) => this.#takeSwept(ids, signal),
      carried: (signal) => this.carried(signal),
      onSettled: onProgress,
      log,
    });
  }

  /** How far the scan under way has come. */
  get progress(): ScanProgress | undefined {
    return this.#snapshot.progress;
  }

  /** The offset at which the last scan had found every key; Infinity while one is under way or still to be made. */
  get scanEndedAt(): number {
    return this.#snapshot.endedAt;
  }

  /** No checkpoint may pass this place: rows of keys that were flushed there have still to go. */
  get floor(): Place | undefined {
    return this.#sweep.since;
  }

  /** Scans. Until everything that is found is in the table, no more than this offset is acknowledged. */
  scan(committed: number): void {
    this.#options.commitment.hold(committed);
    this.#snapshot.request();
  }

  /** Every key was flushed by a change that begins here: their rows go, too. */
  sweep(since: Place): void {
    this.#sweep.request(since);
  }

  /** Both live until the signal. */
  run(signal: AbortSignal): Promise<void>[] {
    return [this.#snapshot.run(signal), this.#sweep.run(signal)];
  }

  #onScan(): void {
    const { partitions, commitment, onChange, onProgress } = this.#options;
    onChange();
    if (this.#snapshot.progress) return;
    // Its end is stored with the next checkpoint; and whoever waits for what it has found does not wait for a batch to fill.
    partitions.hurry();
    commitment.review();
    onProgress();
  }

  async #takeScanned(keys: readonly Bytes[], signal: AbortSignal): Promise<void> {
    for (const key of keys) this.#options.partitions.of(key).touch(key);
    await this.#makeRoom(signal);
  }

  /** Rows of keys that were flushed: they go, unless their hashes are there again. */
  async #takeSwept(ids: readonly (readonly Bytes[])[], signal: AbortSignal): Promise<void> {
    const { head, partitions } = this.#options;
    for (const id of ids) {
      const key = head + id.join(":");
      // What was written since the flush is in a buffer, and needs no second look.
      if (!partitions.of(key).holds(key)) partitions.of(key).touch(key).mayBeEmpty = true;
    }
    await this.#makeRoom(signal);
  }

  /** Resolves when everything that is buffered now is in the table. */
  async carried(signal: AbortSignal): Promise<void> {
    const { partitions, captured } = this.#options;
    const { offset } = captured();
    partitions.hurry();
    while (partitions.oldest <= offset) await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }

  async #makeRoom(signal: AbortSignal): Promise<void> {
    const { partitions, room } = this.#options;
    partitions.wake();
    while (partitions.waiting > room) await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}
