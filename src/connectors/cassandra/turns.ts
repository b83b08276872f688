/**
 * Conditional writes of one Cassandra partition get in each other's way: each has to wait until the one before it is agreed on, and
 * the server makes those that meet start over. All checkpoints of a recipe and table are in one partition, so the sinks of one
 * process take turns here; and those that wait go together, in one conditional batch.
 *
 *     sink 0 ──▶ ┌ under way ┐ ──▶ applied
 *     sink 1 ──▶ ┌ waiting   ┐
 *     sink 2 ──▶ │ …         │ ──▶ together, next; where not all conditions hold, each by itself
 *     sink 3 ──▶ └           ┘
 */
import type { Session, Statement } from "./session.js";

/** A conditional statement on one row. */
export interface Conditional {
  /** The row that it is about. */
  readonly partition: number;
  readonly statement: Statement;
}

interface Turn {
  readonly session: Pick<Session, "apply">;
  readonly changes: readonly Conditional[];
  readonly resolve: (applied: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export class Turns {
  #waiting: Turn[] = [];
  #isBusy = false;
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work once all work before it has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }

  /** Applies all of the changes (true) or none of them (false). */
  apply(session: Pick<Session, "apply">, changes: readonly Conditional[]): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ session, changes, resolve, reject });
      if (!this.#isBusy) void this.#work();
    });
  }

  /** Never throws: errors go to those whose turn it is. */
  async #work(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const turns = this.#take();
      const applied = await applyTogether(turns);
      if (applied === false && turns.length > 1) for (const turn of turns) settle([turn], await applyTogether([turn]));
      else settle(turns, applied);
    }
    this.#isBusy = false;
  }

  /** Those who wait, but no two for the same row: both conditions would hold, and both would believe that they have won. */
  #take(): Turn[] {
    const rows = new Set<number>();
    const taken: Turn[] = [];
    const left: Turn[] = [];
    for (const turn of this.#waiting) {
      const isFree = turn.changes.every(({ partition }) => !rows.has(partition));
      (isFree ? taken : left).push(turn);
      for (const { partition } of turn.changes) rows.add(partition);
    }
    this.#waiting = left;
    return taken;
  }
}

type Outcome = boolean | { readonly error: unknown };

async function applyTogether(turns: readonly Turn[]): Promise<Outcome> {
  try {
    return await turns[0]!.session.apply(turns.flatMap(({ changes }) => changes.map(({ statement }) => statement)));
  } catch (error) {
    // What became of it nobody knows: each of them reads again.
    return { error };
  }
}

function settle(turns: readonly Turn[], outcome: Outcome): void {
  for (const { resolve, reject } of turns) {
    if (typeof outcome === "boolean") resolve(outcome);
    else reject(outcome.error);
  }
}
