/** What the partitions of a write-behind recipe ask of it: where the stream is, what holds them all back, and what follows a write. */
import type { Entry } from "../buffer/entry.js";
import type { Capture } from "../capture/capture.js";
import type { Counters, Position } from "../model.js";
import type { Commitment } from "./commitment.js";
import type { Finding } from "./finding.js";
import type { Whole } from "./whole.js";
import { earlier, type Place } from "./place.js";
import type { Refusal } from "./resolve.js";
import type { Settlement } from "./settlement.js";

export interface BehindWholeOptions {
  readonly capture: Capture;
  readonly stream: () => { readonly captured: Position; readonly isCapturing: boolean };
  readonly finding: Finding;
  readonly settlement: Settlement;
  readonly commitment: Commitment;
  /** Rows were written, or refused. */
  readonly onChange: () => void;
}

export class BehindWhole implements Whole {
  readonly #options: BehindWholeOptions;

  constructor(options: BehindWholeOptions) {
    this.#options = options;
  }

  captured(): Position {
    return this.#options.stream().captured;
  }

  isCapturing(): boolean {
    return this.#options.stream().isCapturing;
  }

  scanEndedAt(): number {
    return this.#options.finding.scanEndedAt;
  }

  floor(): Place | undefined {
    const { finding, settlement } = this.#options;
    return earlier(finding.floor, settlement.floor);
  }

  countersAt(offset: number): Counters | undefined {
    return this.#options.capture.countersAt(offset);
  }

  allowDeletes(count: number): void {
    this.#options.settlement.allowDeletes(count);
  }

  async refuse(refused: readonly Refusal[]): Promise<void> {
    await this.#options.settlement.refuse(refused);
    this.#options.onChange();
  }

  async wrote(entries: readonly Entry[], rows: { readonly upserts: number; readonly deletes: number }): Promise<void> {
    const { capture, settlement, commitment, onChange } = this.#options;
    commitment.review();
    capture.progressed();
    await settlement.wrote(entries, rows);
    onChange();
  }
}
