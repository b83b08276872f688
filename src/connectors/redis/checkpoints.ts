/** Checkpoints in the target itself: one hash a recipe and prefix, moved by scripts (see src/redis/scripts). Pure. */
import { WbsyncError } from "../../errors.js";
import type { Checkpoint, CheckpointMove } from "../../model.js";

/** What is about to be written: after a crash in the middle, rows may reflect offsets up to `high` of this history. */
interface Next {
  readonly replid: string;
  readonly high: number;
}

/** The arguments of `write-hashes` for these moves. */
export function moveArguments(moves: readonly CheckpointMove[]): string[] {
  return moves.flatMap(({ partition, from, to }) => [String(partition), from ?? "", to ? JSON.stringify(to) : ""]);
}

/** The arguments of `announce-hashes` for these moves. */
export function announceArguments(moves: readonly CheckpointMove[]): string[] {
  return moves.flatMap(({ partition, from, to }) => {
    const next: Next | undefined = to && { replid: to.replid, high: to.high };
    return [String(partition), from ?? "", next ? JSON.stringify(next) : "{}"];
  });
}

/** The checkpoints that a hash holds. Where a write was announced and may have happened in part, `high` covers it (invariant 4). */
export function readCheckpoints(fields: Readonly<Record<string, string>>): readonly Checkpoint[] {
  return Object.entries(fields)
    .filter(([field]) => /^\d+$/.test(field))
    .map(([field, text]) => {
      const checkpoint = parse<Checkpoint>(text);
      const next = parse<Partial<Next>>(fields[`${field}:next`] ?? "{}");
      if (next.replid !== checkpoint.replid || next.high === undefined) return checkpoint;
      return { ...checkpoint, high: Math.max(checkpoint.high, next.high) };
    });
}

function parse<T>(text: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw new WbsyncError("DATABASE_MISCONFIGURED", "The hash of the checkpoints holds what is no JSON", { cause });
  }
}
