/**
 * A write-behind recipe at the stream: where it is, what it hands on, and how much of it may be acknowledged. Its partitions
 * begin where capture first gives it a place.
 */
import { performance } from "node:perf_hooks";
import type { Entry } from "../buffer/entry.js";
import type { Attached, Capture, Consumer } from "../capture/capture.js";
import type { Bytes, Change, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { Commitment } from "./commitment.js";
import type { Finding } from "./finding.js";
import type { Intake } from "./intake.js";
import type { PartitionMaker } from "./partition-maker.js";
import type { Partitions } from "./partitions.js";
import type { Seat } from "./seat.js";

export interface BehindStreamOptions {
  /** What the recipe's keys begin with. */
  readonly head: Bytes;
  readonly capture: Capture;
  readonly seat: Seat;
  readonly partitions: Partitions;
  readonly commitment: Commitment;
  readonly maker: PartitionMaker;
  readonly finding: Finding;
  readonly intake: Intake;
  /** Whether rows go where FLUSHALL took the keys. */
  readonly sweeps: boolean;
  readonly log: Logger;
  /** Something that `status` shows has changed. */
  readonly onChange: () => void;
}

export class BehindStream implements Consumer {
  readonly head: Bytes;
  readonly #options: BehindStreamOptions;
  #captured: Position = { replid: "", offset: 0, db: 0 };
  #isCapturing = false;
  #isSucceeded = false;
  /** What the version before this one had buffered. */
  #inherited: readonly Entry[] = [];
  /** The newest offset that any row of its may reflect. */
  #inheritedHigh: number | undefined;

  constructor(options: BehindStreamOptions) {
    this.#options = options;
    this.head = options.head;
  }

  /** The position up to which changes have been delivered. */
  get captured(): Position {
    return this.#captured;
  }

  get uncertainDeletes(): number {
    return this.#options.intake.uncertainDeletes;
  }

  /** Whether the stream is being read. */
  get isCapturing(): boolean {
    return this.#isCapturing;
  }

  /** Whether another version has taken its place: what comes into its buffers now is carried by nobody. */
  get isSucceeded(): boolean {
    return this.#isSucceeded;
  }

  /** Takes the place of the version before it, and over what that has buffered, and what it had still to find. */
  succeed(predecessor: BehindStream): void {
    const { partitions, commitment, maker, finding } = predecessor.#options;
    predecessor.#isSucceeded = true;
    this.#inherited = partitions.handOver();
    // The stream goes on from where it is now; what is stored may still be of a history that is no more.
    if (partitions.hasBegun) this.#inheritedHigh = partitions.high;
    if (commitment.isHeld) this.#options.finding.scan(predecessor.committed());
    if (finding.floor && this.#options.sweeps) this.#options.finding.sweep(finding.floor);
    this.#options.maker.rearrange(this.#inherited, maker);
    this.#options.capture.replace(predecessor, this);
  }

  // --- what capture calls ----------------------------------------------------------------------------------------------------

  attached({ position, gap }: Attached): void {
    const { partitions, onChange } = this.#options;
    const before = this.#stillCommittedAt(position);
    this.#captured = position;
    this.#isCapturing = true;
    if (partitions.hasBegun) partitions.rebase(position);
    else this.#begin(position, gap !== undefined);
    if (gap !== undefined) this.#fill(gap, before);
    onChange();
  }

  lost(): void {
    this.#isCapturing = false;
    this.#options.onChange();
  }

  deliver(changes: readonly Change[], captured: Position): void {
    const { intake, partitions, onChange } = this.#options;
    intake.take(changes, performance.now());
    this.#captured = captured;
    if (!this.#isCapturing) {
      this.#isCapturing = true;
      onChange();
    }
    partitions.wake();
  }

  hurry(): void {
    this.#options.partitions.hurry();
  }

  committed(): number {
    const { partitions, commitment, seat } = this.#options;
    return partitions.hasBegun ? commitment.offset : seat.lowest;
  }

  reflected(): number {
    return this.#options.partitions.high;
  }

  // --- inside ----------------------------------------------------------------------------------------------------------------

  /** The first place at the stream: partitions begin here. */
  #begin(position: Position, hasGap: boolean): void {
    const { seat, capture, maker, partitions, finding } = this.#options;
    const checkpoints = seat.settle(position, capture.countersAt(position.offset));
    const rows = maker.rowMaker();
    const anew = hasGap ? position.offset : this.#inheritedHigh;
    partitions.begin(
      checkpoints.map((checkpoint) =>
        maker.make(checkpoint, rows, anew === undefined ? checkpoint : { low: 0, high: anew }),
      ),
    );
    partitions.adopt(this.#inherited);
    this.#inherited = [];
    // What was missing when it was stored is in no stream: nobody can tell what was committed then.
    if (checkpoints.some((checkpoint) => checkpoint.snapshot === "pending")) finding.scan(0);
  }

  #fill(gap: string, committed: number): void {
    const { log, finding, intake } = this.#options;
    log.warn(
      { position: this.#captured.offset },
      `the stream cannot be continued: ${gap}. A snapshot fills the gap: it finds what was written meanwhile, but not what was deleted.`,
    );
    finding.scan(committed);
    intake.forget();
  }

  /** How much of what was committed counts at this place; nothing, where another history begins. */
  #stillCommittedAt(position: Position): number {
    const { partitions, seat } = this.#options;
    const last = partitions.hasBegun ? this.#captured : seat.resume;
    return last?.replid === position.replid && last.offset <= position.offset ? this.committed() : 0;
  }
}
