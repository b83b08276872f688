/** What capture and the recipes say to each other. */
import type { Change, Counters, Position } from "../model.js";

/** From where a recipe wants to go on, as its checkpoints say. */
export interface Resume extends Position {
  /** The newest offset that the table reflects: another history may be followed only if it branched off after this. */
  readonly high: number;
  readonly counters?: Counters;
}

/** Where a recipe was attached to the stream. */
export interface Attached {
  readonly position: Position;
  /** Set where changes between the position it asked for and this one cannot be had any more, and why. */
  readonly gap?: string;
}

/** One recipe, as capture sees it. Called synchronously; it must not throw and must not keep the arrays. */
export interface Consumer {
  /** Wanted are keys that begin with these bytes. */
  readonly head: string;
  /** The stream is being read from here on. Called again whenever the history was lost in between, then with a `gap`. */
  attached(at: Attached): void;
  /** Changes in order, and the position up to which everything has now been delivered. */
  deliver(changes: readonly Change[], captured: Position): void;
  /** Somebody waits for an acknowledgement: write what is buffered now. */
  hurry(): void;
  /** Everything up to this offset is in the table. */
  committed(): number;
  /** The newest offset that the table may reflect: what was read back can be newer than what capture has delivered. */
  reflected?(): number;
  /** The stream is not being read at present, because of this. */
  lost(reason: string): void;
}

/** A source of changes that several recipes share. */
export interface Capture {
  /** Begins to deliver. `from` undefined: from now on. */
  attach(consumer: Consumer, from: Resume | undefined): void;
  /** The successor goes on where the other is, without a gap: it is told so before this returns. Both have the same head. */
  replace(consumer: Consumer, successor: Consumer): void;
  detach(consumer: Consumer): void;
  /** A recipe that has no place at the stream yet: as long as it is held, nothing more is acknowledged, for its table lacks it. */
  hold(owner: object): void;
  release(owner: object): void;
  /** The consumer's `committed()` has grown. */
  progressed(): void;
  /** Counters to store with a checkpoint at this offset. */
  countersAt(offset: number): Counters | undefined;
}
