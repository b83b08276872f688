/** How far a partition has come: what its checkpoint says, and what the next one is to say. */
import type { Buffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Checkpoint, Position } from "../model.js";
import { advance } from "./checkpoints.js";
import { earlier } from "./place.js";
import type { Whole } from "./whole.js";

export interface ProgressOptions {
  readonly buffer: Buffer;
  readonly whole: Whole;
  /** The checkpoint that is stored. */
  readonly stored: () => Checkpoint;
  /** What it says of the present history: up to where everything is in the table; 0: nothing of it. */
  readonly low: number;
  /** What it says of the newest offset that any row reflects. */
  readonly high: number;
}

export class Progress {
  readonly #options: ProgressOptions;
  /** Changes up to here were carried before a restart. */
  #past: number;
  #high: number;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#past = options.low;
    this.#high = options.high;
    options.buffer.reflect(options.high);
  }

  get stored(): Checkpoint {
    return this.#options.stored();
  }

  /** The newest offset that any row may reflect. */
  get high(): number {
    return this.#high;
  }

  /** Whether capture has passed what any row may reflect: only then is a batch taken (invariant 4). */
  get isBehindCapture(): boolean {
    return this.#options.whole.captured().offset >= this.#high;
  }

  /** Whether changes that end here were carried before a restart. */
  isPast(end: number): boolean {
    return end <= this.#past;
  }

  /** Whether everything up to here is in the table, and the checkpoint says so: as far as it may. */
  isStored(offset: number): boolean {
    return this.stored.low >= Math.min(offset, this.#options.whole.floor()?.offset ?? Infinity);
  }

  /** Whether what the checkpoint says of the snapshot is no longer so: a restart would scan again for nothing, or not at all. */
  get isSnapshotNews(): boolean {
    return this.stored.snapshot !== this.#snapshot();
  }

  /** The checkpoint once these entries are in the table, and of all that was captured then the buffer holds the rest. */
  next(entries: readonly Entry[], captured: Position): Checkpoint {
    const { buffer, whole } = this.#options;
    const oldest = earlier(buffer.oldest(), whole.floor());
    const low = oldest && oldest.offset < captured.offset ? { replid: captured.replid, ...oldest } : captured;
    this.#reflect(entries.reduce((high, entry) => Math.max(high, entry.last), this.#high));
    return advance(this.stored, {
      low,
      high: this.#high,
      snapshot: this.#snapshot(),
      counters: whole.countersAt(low.offset),
    });
  }

  /** The stream goes on in another place: nothing older counts. */
  rebase(at: Position): void {
    this.#past = 0;
    this.#reflect(at.offset);
  }

  /** Keys found by SCAN are in no stream: until they are written, a restart has to scan again. */
  #snapshot(): "pending" | "done" {
    const { buffer, whole } = this.#options;
    return (buffer.oldest()?.offset ?? Infinity) > whole.scanEndedAt() ? "done" : "pending";
  }

  #reflect(high: number): void {
    this.#high = high;
    this.#options.buffer.reflect(high);
  }
}
