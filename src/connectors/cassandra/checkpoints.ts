/**
 * The checkpoints of one recipe and table, and with them the order of all writes.
 *
 * Cassandra has no transaction that could hold rows and checkpoint together. What stands in for it:
 *
 *     announce ──▶ rows, each USING TIMESTAMP clock ──▶ move
 *     IF the token is ours:                             IF nothing has happened since:
 *     clock := later than any before                    low, token, … := the next checkpoint's
 *     high  := what the rows will reflect
 *
 * - Of two writes of a row Cassandra keeps the one with the later timestamp, whenever they arrive. A runner that was paused between
 *   `announce` and its rows writes with a clock that whoever has taken over since knows, and is past: it undoes nothing.
 * - The rows may be there before the checkpoint says so. But `high` has been raised before the first of them, so whoever goes on
 *   from the old `low` after a crash waits until it is past everything that any row shows (invariant 4).
 * - `clock` follows the wall clock, in microseconds as every client of Cassandra counts, so that rows that somebody else wrote
 *   yesterday are overwritten today; and where the wall clock goes back it goes on by ones.
 */
import { SupersededError, UserError, WbsyncError } from "../../errors.js";
import type { Checkpoint, CheckpointMove } from "../../model.js";
import { readColumns } from "./catalog.js";
import {
  CHECKPOINT_COLUMNS,
  type CheckpointOwner,
  CheckpointStatements,
  type Stored,
  storedOf,
} from "./checkpoint-cql.js";
import type { Session } from "./session.js";
import type { Conditional, Turns } from "./turns.js";

/** Attempts of a conditional write that nobody contradicts; the first fails where an earlier one of ours arrived late. */
const MAX_ATTEMPTS = 5;

export class Checkpoints {
  readonly #session: Session;
  readonly #owner: CheckpointOwner;
  readonly #statements: CheckpointStatements;
  readonly #turns: Turns;
  #known = new Map<number, Stored>();
  /** Clocks that this sink has announced, or may have: what it finds stored of these is its own doing. */
  readonly #mine: Set<bigint>;

  constructor(session: Session, owner: CheckpointOwner, options: { turns: Turns; announced: Set<bigint> }) {
    this.#session = session;
    this.#owner = owner;
    this.#statements = new CheckpointStatements(owner);
    this.#turns = options.turns;
    this.#mine = options.announced;
  }

  /** Reads the checkpoints; creates the table where it is missing. */
  async open(): Promise<readonly Checkpoint[]> {
    await this.#turns.run(() => this.#ensureTable());
    await this.#read();
    return [...this.#known.values()].flatMap(({ checkpoint }) => (checkpoint ? [checkpoint] : []));
  }

  /**
   * Announces rows. Returns the first of so many timestamps; undefined: these moves have been made already, by an attempt that
   * was not answered, and so have their rows been written.
   */
  async announce(moves: readonly CheckpointMove[], timestamps: number): Promise<bigint | undefined> {
    const announced = moves.filter(({ from, to }) => from !== undefined || to !== undefined);
    let first = 0n;
    const isNew = await this.#change(moves, (clock) => {
      first = laterThan(clock);
      const last = first + BigInt(timestamps - 1);
      this.#mine.add(last);
      return announced.map(({ partition, to }): Change => {
        const stored = this.#known.get(partition);
        const high = Math.max(stored?.high ?? 0, to?.high ?? 0);
        const next = { token: stored?.token, checkpoint: stored?.checkpoint, clock: last, high };
        return { partition, next, statement: this.#statements.announce(partition, stored, next) };
      });
    });
    return isNew ? first : undefined;
  }

  /** Moves the checkpoints, all or none. Throws SupersededError where a stored token is not the expected one (invariant 3). */
  async move(moves: readonly CheckpointMove[]): Promise<void> {
    await this.#change(moves, (clock) =>
      moves.flatMap(({ partition, from, to }): Change[] => {
        const stored = this.#known.get(partition);
        if (to) {
          const isSameHistory = stored?.checkpoint === undefined || stored.checkpoint.replid === to.replid;
          const high = isSameHistory ? Math.max(stored?.high ?? 0, to.high) : to.high;
          const next = { token: to.token, clock, high, checkpoint: { ...to, high } };
          return [{ partition, next, statement: this.#statements.move(stored, next) }];
        }
        if (from === undefined) return [];
        return [{ partition, next: undefined, statement: this.#statements.remove(partition, stored) }];
      }),
    );
    this.#mine.clear();
  }

  /** Applies changes once the stored tokens are what the moves expect. False: these moves have been made already. */
  async #change(
    moves: readonly CheckpointMove[],
    changesAt: (clock: bigint | undefined) => readonly Change[],
  ): Promise<boolean> {
    // A token that we have not read was set by another partition of this runner: it moves all when it takes over.
    if (!this.#areExpected(moves)) await this.#read();
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (!this.#areExpected(moves)) {
        if (this.#areMade(moves)) return false;
        throw new SupersededError();
      }
      // The highest of all: with the number of partitions, keys go from one to another.
      const changes = changesAt(highest([...this.#known.values()]));
      if (changes.length === 0 || (await this.#turns.apply(this.#session, changes))) {
        this.#learn(changes);
        return true;
      }
      await this.#learnWhy(moves);
    }
    throw new WbsyncError("TIMEOUT", "The checkpoint could not be moved: conditional writes get in each other's way");
  }

  #areMade(moves: readonly CheckpointMove[]): boolean {
    return moves.length > 0 && moves.every(({ partition, to }) => this.#known.get(partition)?.token === to?.token);
  }

  #learn(changes: readonly Change[]): void {
    for (const { partition, next } of changes) {
      if (next) this.#known.set(partition, next);
      else this.#known.delete(partition);
    }
  }

  #areExpected(moves: readonly CheckpointMove[]): boolean {
    return moves.every(({ partition, from }) => this.#known.get(partition)?.token === from);
  }

  /** A condition did not hold: either somebody else has announced rows, or a request of ours arrived late. */
  async #learnWhy(moves: readonly CheckpointMove[]): Promise<void> {
    const before = new Map(this.#known);
    await this.#read();
    for (const { partition, from } of moves) {
      const now = this.#known.get(partition);
      const isForeign =
        now?.clock !== before.get(partition)?.clock && (now?.clock === undefined || !this.#mine.has(now.clock));
      if (now?.token === from && isForeign) throw new SupersededError();
    }
  }

  async #read(): Promise<void> {
    const { cql, params } = this.#statements.read();
    this.#known = new Map((await this.#session.querySerial(cql, params)).map(storedOf));
  }

  async #ensureTable(): Promise<void> {
    const { checkpointTable } = this.#owner.reference;
    if (await this.#isThere()) return;
    const create = this.#statements.create();
    try {
      await this.#session.define(create);
    } catch (cause) {
      if (await this.#isThere()) return;
      throw new UserError(
        "DATABASE_MISCONFIGURED",
        `The checkpoint table ${checkpointTable.name} does not exist and could not be created`,
        { hint: `Let this user create tables, or create it yourself:\n${create};`, cause },
      );
    }
  }

  async #isThere(): Promise<boolean> {
    const columns = await readColumns(this.#session, this.#owner.reference.checkpointTable);
    const missing = CHECKPOINT_COLUMNS.filter((name) => !columns.some((column) => column.name === name));
    if (missing.length === 0 || columns.length === 0) return columns.length > 0;
    throw new UserError(
      "DATABASE_MISCONFIGURED",
      `The table ${this.#statements.table} is not a checkpoint table: it has no column ${missing.join(", ")}`,
      { hint: `Name another one with checkpointTable, or create it as:\n${this.#statements.create()};` },
    );
  }
}

/** One row of the checkpoint table, and what it becomes; undefined: it goes. */
interface Change extends Conditional {
  readonly next: Stored | undefined;
}

/** Now, in microseconds; or just after `clock`, where that is later. */
export function laterThan(clock: bigint | undefined): bigint {
  const now = BigInt(Date.now()) * 1000n;
  return clock === undefined || clock < now ? now : clock + 1n;
}

function highest(stored: readonly Stored[]): bigint | undefined {
  let found: bigint | undefined;
  for (const { clock } of stored) if (clock !== undefined && (found === undefined || clock > found)) found = clock;
  return found;
}
