/** The simulated database: rows and checkpoints, moved together; and the judge of whether a row ever goes back. */
import type { ErrorClass, Opened, Sink } from "../../../src/connectors/connector.js";
import { SupersededError } from "../../../src/errors.js";
import type { Batch, Checkpoint, CheckpointMove, Column } from "../../../src/model.js";
import { BAD, type Cache, type Cells, type Field, FIELDS, type Moment } from "./cache.js";
import { ConnectionLost, type Network } from "./network.js";

class Refused extends Error {}

const text = (name: string): Column => ({ name, type: "text", kind: { kind: "text" }, nullable: true });
export const COLUMNS: readonly Column[] = [text("id"), ...FIELDS.map(text)];

/** A rule that is taken away, to see that the model notices. */
export interface Variant {
  /** What a checkpoint says once it is stored. */
  readonly store?: (checkpoint: Checkpoint, batch: Batch) => Checkpoint;
  readonly ignoresTokens?: boolean;
}

export class Table {
  readonly #cache: Cache;
  readonly #variant: Variant;
  readonly rows = new Map<string, Cells>();
  checkpoints = new Map<number, Checkpoint>();
  /** The first row that went back, in words. */
  wentBack: string | undefined;
  /** By key and cell: the newest moment that the table has shown. */
  readonly #shown = new Map<string, number>();

  constructor(cache: Cache, variant: Variant) {
    this.#cache = cache;
    this.#variant = variant;
  }

  /** One transaction. */
  write(batch: Batch, moves: readonly CheckpointMove[]): void {
    for (const { partition, from } of moves) {
      if (!this.#variant.ignoresTokens && this.checkpoints.get(partition)?.token !== from) throw new SupersededError();
    }
    const rows = batch.upserts.flatMap((upserts) => upserts.rows);
    if (rows.some(({ values }) => values.some((value) => String(value).startsWith(BAD))))
      throw new Refused("bad value");
    for (const { columns, rows } of batch.upserts) {
      for (const { id, values } of rows)
        this.#upsert(`k:${String(id[0])}`, columns as readonly Field[], values as string[]);
    }
    for (const { id } of batch.deletes) this.#delete(`k:${String(id[0])}`);
    const store = this.#variant.store ?? ((checkpoint) => checkpoint);
    for (const { partition, to } of moves) {
      if (to) this.checkpoints.set(partition, store(to, batch));
      else this.checkpoints.delete(partition);
    }
  }

  /** The change up to this offset that is in no row, in words: whoever says that all of them are is wrong (invariant 1). */
  lacks(committed: number): string | undefined {
    for (const [key, history] of this.#cache.history) {
      const since = history.slice(history.findLastIndex(({ end }) => end <= committed));
      // What was refused has a letter instead, and of what has expired some may never have been seen.
      if (since.some(({ row, hasExpired }) => hasExpired || FIELDS.some((name) => row?.[name]?.startsWith(BAD))))
        continue;
      const row = this.rows.get(key);
      const name = FIELDS.find((one) => !since.some((moment) => looksLike(moment, one, row?.[one])));
      if (name !== undefined)
        return `${key}.${name} is ${row?.[name]} although everything up to ${committed} is said to be in the table`;
    }
    return undefined;
  }

  #upsert(key: string, columns: readonly Field[], values: readonly (string | null)[]): void {
    const row: Cells = this.rows.get(key) ?? { a: null, b: null };
    columns.forEach((name, i) => (row[name] = values[i] as string | null));
    this.rows.set(key, row);
    for (const name of columns) this.#look(key, name, row[name]);
  }

  #delete(key: string): void {
    this.rows.delete(key);
    for (const name of FIELDS) this.#look(key, name, undefined);
  }

  /** A cell is changed: when did the cache last look like that? */
  #look(key: string, name: Field, value: string | null | undefined): void {
    const history = this.#cache.history.get(key) ?? [];
    const newest = this.#shown.get(key + name) ?? 0;
    let first: number | undefined;
    let last = -1;
    history.forEach((moment, i) => {
      if (!looksLike(moment, name, value)) return;
      if (i >= newest) first ??= i;
      last = i;
    });
    if (last < newest) {
      const before = history[newest]?.row?.[name];
      this.wentBack ??= `${key}.${name} went back from ${before} (change ${newest} of the key) to ${value} (change ${last})`;
    }
    this.#shown.set(key + name, Math.max(newest, first ?? 0));
  }
}

function looksLike({ row, wasEmptied }: Moment, name: Field, value: string | null | undefined): boolean {
  // The stream tells that a field went, not that it was the last one: where nobody can ask any more, NULL says no less.
  return (wasEmptied && value === null) || row?.[name] === value;
}

/** One connection to it. */
export class SimulatedSink implements Sink {
  readonly #table: Table;
  readonly #network: Network;
  readonly #variant: Variant;
  #isOpen = false;
  /** What this process believes to be stored. */
  readonly #own = new Map<number, string>();

  constructor(table: Table, network: Network, variant: Variant) {
    this.#table = table;
    this.#network = network;
    this.#variant = variant;
  }

  async open(signal: AbortSignal): Promise<Opened> {
    this.#isOpen = false;
    const checkpoints = await this.#network.call(() => [...this.#table.checkpoints.values()]);
    signal.throwIfAborted();
    this.#isOpen = true;
    return { columns: COLUMNS, checkpoints: this.#variant.ignoresTokens ? this.#blind(checkpoints) : checkpoints };
  }

  async write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    if (!this.#isOpen) throw new Error("write() without open()");
    try {
      await this.#network.call(() => {
        this.#table.write(batch, moves);
        for (const { partition, to } of moves) if (to) this.#own.set(partition, to.token);
      });
    } catch (error) {
      if (error instanceof ConnectionLost) this.#isOpen = false;
      throw error;
    }
    signal.throwIfAborted();
  }

  classify(error: unknown): ErrorClass {
    if (error instanceof SupersededError) return "superseded";
    return error instanceof Refused ? "reject" : "retry";
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Who ignores tokens sees its own everywhere. */
  #blind(checkpoints: readonly Checkpoint[]): Checkpoint[] {
    return checkpoints.map((checkpoint) => ({
      ...checkpoint,
      token: this.#own.get(checkpoint.partition) ?? checkpoint.token,
    }));
  }
}
