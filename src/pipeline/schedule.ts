/** When a partition writes, and when it is at its end. */
import { performance } from "node:perf_hooks";
import type { Buffer } from "../buffer/buffer.js";
import type { Position } from "../model.js";
import type { Progress } from "./progress.js";
import type { Whole } from "./whole.js";

/** An idle partition moves its checkpoint this often, so that the backlog still reaches back to it. */
const IDLE_CHECKPOINT_MS = 5000;

export type End = "at the next batch" | "when empty";

export interface ScheduleOptions {
  /** Rows that are not kept waiting for more. */
  readonly batch: number;
  /** How long a change may wait for others, in ms. */
  readonly durationMs: number;
  readonly buffer: Buffer;
  readonly progress: Progress;
  readonly whole: Whole;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  #isPaused = false;
  /** Somebody waits for everything up to here. */
  #hurriedUpTo = -1;
  #ending: "no" | End = "no";
  /** What came after this is left to the next run. */
  #endAt = Infinity;
  #lastCommit = performance.now();

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Nothing more is to be done. */
  get isAtEnd(): boolean {
    if (this.#ending === "when empty")
      return this.#isPaused || (this.#isEmpty && this.#options.progress.isStored(this.#endAt));
    return this.#ending === "at the next batch";
  }

  /** How long until there is a batch to take, in ms; an empty one only moves the checkpoint. Infinity: until something happens. */
  waitMs(): number {
    const { batch, durationMs, buffer, progress, whole } = this.#options;
    const captured = whole.captured().offset;
    if (this.isAtEnd) return 0;
    if (!this.#mayWrite) return Infinity;
    if (this.#ending === "when empty" && this.#isEmpty) return 0;
    const now = performance.now();
    if (buffer.isReady(captured)) {
      const isUrgent = this.#ending === "when empty" || (buffer.oldest()?.offset ?? 0) <= this.#hurriedUpTo;
      if (isUrgent || buffer.size >= batch) return 0;
      return (buffer.oldestSince() ?? 0) + durationMs - now;
    }
    if (progress.isSnapshotNews) return 0;
    return captured <= progress.stored.low ? Infinity : this.#lastCommit + IDLE_CHECKPOINT_MS - now;
  }

  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  /** Somebody waits: what is captured now does not wait for a batch to fill. */
  hurry(): void {
    this.#hurriedUpTo = this.#options.whole.captured().offset;
  }

  /** What comes from now on is left to the next run. Returns which end it will be. */
  end(when: End): End {
    const { whole } = this.#options;
    // Nobody waits for a stream that is lost, and behind what the table reflects already.
    this.#ending = this.#mayWrite || whole.isCapturing() ? when : "at the next batch";
    this.#endAt = whole.captured().offset;
    return this.#ending;
  }

  /** The stream goes on in another place. */
  rebase(at: Position): void {
    this.#endAt = at.offset;
    this.#hurriedUpTo = -1;
  }

  /** A checkpoint was stored just now. */
  wrote(): void {
    this.#lastCommit = performance.now();
  }

  /** Nothing is left to write of what has to be written before the end. */
  get #isEmpty(): boolean {
    return (this.#options.buffer.oldest()?.offset ?? Infinity) >= this.#endAt;
  }

  get #mayWrite(): boolean {
    return !this.#isPaused && this.#options.progress.isBehindCapture;
  }
}
