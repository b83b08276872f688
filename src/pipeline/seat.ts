/**
 * A pipeline's place in two queues: at the stream by the position it goes on from, and at the database by tokens that refuse
 * whoever wrote before it.
 *
 *     found ─▶ claim (fresh tokens for what is stored) ─▶ attach to capture ─▶ settle (partitions begin here) ─▶ confirm (first rows)
 */
import type { Resume } from "../capture/capture.js";
import type { Opened, Sink } from "../connectors/connector.js";
import type { Batch, Checkpoint, CheckpointMove, Counters, Position } from "../model.js";
import { begin, resumeFrom, takeOver } from "./checkpoints.js";

const NO_ROWS: Batch = { upserts: [], deletes: [] };

export interface SeatOptions {
  readonly partitions: number;
  readonly version: string;
  /** Whether a recipe that has no checkpoint yet begins with a snapshot. */
  readonly snapshot: "pending" | "done";
}

export class Seat {
  readonly #sink: Sink;
  readonly #options: SeatOptions;
  #stored: readonly Checkpoint[] = [];
  /** The first checkpoints of a recipe that had none: stored before any row is. */
  #first: readonly CheckpointMove[] = [];
  #onSettled: () => void = () => {};
  readonly #settled = new Promise<void>((resolve) => (this.#onSettled = resolve));

  /** `sink` is open whenever the seat uses it. */
  constructor(sink: Sink, options: SeatOptions) {
    this.#sink = sink;
    this.#options = options;
  }

  /** What the database holds. */
  found({ checkpoints }: Opened): void {
    this.#stored = checkpoints;
  }

  /** From here on, whoever wrote these checkpoints before is refused (invariant 3). */
  async claim(signal: AbortSignal): Promise<void> {
    if (this.#stored.length === 0) return;
    const moves = takeOver(this.#stored, this.#options);
    await this.#sink.write(NO_ROWS, moves, signal);
    this.#stored = moves.flatMap(({ to }) => (to ? [to] : []));
  }

  /** From where capture has to go on; undefined: from now. */
  get resume(): Resume | undefined {
    return this.#stored.length > 0 ? resumeFrom(this.#stored) : undefined;
  }

  /** Everything up to here is in the table, as far as is stored. */
  get lowest(): number {
    return this.#stored.reduce((low, stored) => Math.min(low, stored.low), Infinity);
  }

  /** Capture has begun at this position, with these counters: what each partition begins with. */
  settle(position: Position, counters: Counters | undefined): readonly Checkpoint[] {
    this.#onSettled();
    if (this.#stored.length > 0) return this.#stored;
    this.#first = begin(position, { ...this.#options, counters });
    return this.#first.flatMap(({ to }) => (to ? [to] : []));
  }

  /** Resolves once capture has begun and the first checkpoints are stored: a restart from now on goes on from there. */
  async confirm(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#settled, aborted(signal)]);
    if (this.#first.length > 0) await this.#sink.write(NO_ROWS, this.#first, signal);
    this.#first = [];
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
