/** How checkpoints follow one another. Pure: the invariants 2, 4 and 8 live here. */
import { randomBytes } from "node:crypto";
import type { Resume } from "../capture/capture.js";
import type { Checkpoint, CheckpointMove, Counters, Position } from "../model.js";

/** A token that nobody else has. */
export const freshToken = (): string => randomBytes(12).toString("base64url");

/** The checkpoint after a batch. */
export function advance(
  current: Checkpoint,
  news: {
    /** Everything up to here is in the table once the batch is. */
    readonly low: Position;
    /** The newest offset in the batch. */
    readonly high: number;
    readonly snapshot: "pending" | "done";
    readonly counters: Counters | undefined;
  },
): Checkpoint {
  const sameHistory = current.replid === news.low.replid;
  const forward = !sameHistory || news.low.offset >= current.low;
  return {
    partition: current.partition,
    version: current.version,
    token: freshToken(),
    replid: news.low.replid,
    low: forward ? news.low.offset : current.low,
    db: forward ? news.low.db : current.db,
    high: Math.max(sameHistory ? current.high : 0, news.low.offset, news.high),
    snapshot: news.snapshot,
    ...(news.counters && { counters: news.counters }),
  };
}

/** The same place, with a fresh token: one part of a batch that was halved. */
export function stay(current: Checkpoint, high: number): Checkpoint {
  return { ...current, token: freshToken(), high: Math.max(current.high, high) };
}

/** The first checkpoints of a recipe that has none. */
export function begin(
  at: Position,
  options: {
    readonly partitions: number;
    readonly snapshot: "pending" | "done";
    readonly version: string;
    /** As they are at this position: without them nobody could tell later why the first keys went. */
    readonly counters: Counters | undefined;
  },
): CheckpointMove[] {
  return indices(options.partitions).map((partition) => ({
    partition,
    from: undefined,
    to: {
      partition,
      token: freshToken(),
      replid: at.replid,
      low: at.offset,
      db: at.db,
      high: at.offset,
      snapshot: options.snapshot,
      version: options.version,
      ...(options.counters && { counters: options.counters }),
    },
  }));
}

/**
 * Takes stored checkpoints over: fresh tokens, so that whoever wrote them is refused from now on (invariant 3). Where the number
 * of partitions has changed, each new one starts at the lowest place of all and respects the highest.
 */
export function takeOver(
  stored: readonly Checkpoint[],
  options: { partitions: number; version: string },
): CheckpointMove[] {
  const { partitions, version } = options;
  const merged = mergeAll(stored);
  const inPlace = stored.length === partitions && stored.every((checkpoint) => checkpoint.partition < partitions);
  const count = Math.max(partitions, ...stored.map(({ partition }) => partition + 1));
  return indices(count).flatMap((partition) => {
    const before = stored.find((checkpoint) => checkpoint.partition === partition);
    const base = inPlace ? before : merged;
    const to = partition < partitions && base ? { ...base, partition, version, token: freshToken() } : undefined;
    return before || to ? [{ partition, from: before?.token, to }] : [];
  });
}

/** Where capture has to start so that no partition misses anything. */
export function resumeFrom(checkpoints: readonly Checkpoint[]): Resume {
  const { replid, low, db, high, counters } = mergeAll(checkpoints);
  return { replid, offset: low, db, high, ...(counters && { counters }) };
}

/** One checkpoint that is right for all. Of two histories the one that most partitions follow; the others start over with it. */
function mergeAll(checkpoints: readonly Checkpoint[]): Checkpoint {
  const [first] = checkpoints;
  if (!first) throw new Error("there is no checkpoint to merge");
  if (checkpoints.some(({ replid }) => replid !== first.replid)) {
    // Written while a new history was being taken up: none of the positions covers all partitions.
    return { ...first, replid: "mixed", low: 0, high: 0, snapshot: "pending" };
  }
  const lowest = checkpoints.reduce((a, b) => (b.low < a.low ? b : a));
  const snapshot = checkpoints.some((checkpoint) => checkpoint.snapshot === "pending") ? "pending" : "done";
  return { ...lowest, high: Math.max(...checkpoints.map(({ high }) => high)), snapshot };
}

function indices(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
