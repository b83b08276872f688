/** From the entries of a batch to rows: reads back what is not known, transforms, maps; what cannot become a row is refused. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Entry, Known } from "../buffer/entry.js";
import { explain, messageOf, RefusedValueError } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Transform } from "../recipe/recipe.js";
import { Backoff } from "../backoff.js";
import { orAbort } from "../or-abort.js";
import type { Found, HashReader, ReadBack } from "./read.js";
import type { Item, RowMaker } from "./rows.js";
import { applyTransforms } from "./transform.js";

export type Operation = "upsert" | "delete";

/** An entry that became no row, and why. */
export interface Refusal {
  readonly entry: Entry;
  readonly operation: Operation;
  /** By field name, as far as known. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly error: string;
}

export interface Resolved {
  readonly items: readonly Item[];
  readonly refused: readonly Refusal[];
  /** Not in Redis; capture has to tell why before they can be settled. */
  readonly absent: readonly Entry[];
}

export interface ResolverOptions {
  readonly reader: HashReader;
  readonly fieldNames: readonly string[];
  readonly transform: Transform | undefined;
  readonly onTrouble: (reason: string | undefined) => void;
}

export class Resolver {
  readonly #options: ResolverOptions;
  readonly #backoff = new Backoff();

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  async resolve(entries: readonly Entry[], rows: RowMaker, signal: AbortSignal): Promise<Resolved> {
    const outcome = new Outcome(rows, this.#options.fieldNames);
    const unknown: Entry[] = [];
    for (const entry of entries) {
      if (this.#isKnown(entry)) outcome.settle(entry, this.#options.transform === undefined);
      else unknown.push(entry);
    }
    if (unknown.length > 0) this.#understand(unknown, await this.#read(unknown, signal), outcome);
    return outcome;
  }

  #isKnown(entry: Entry): boolean {
    if (entry.absentAt !== undefined || entry.isVacant) return true;
    return !this.#options.transform && entry.isComplete(this.#options.fieldNames.length);
  }

  #understand(entries: readonly Entry[], { found, offset }: ReadBack, outcome: Outcome): void {
    const hashes: [Entry, Extract<Found, { kind: "hash" }>][] = [];
    entries.forEach((entry, i) => {
      const one = found[i] as Found;
      entry.last = Math.max(entry.last, offset);
      switch (one.kind) {
        case "fields":
          fillIn(entry, one.values);
          return outcome.settle(entry, true);
        case "hash":
          return void hashes.push([entry, one]);
        case "absent":
          entry.absentAt = offset;
          return void outcome.absent.push(entry);
        case "refused":
          return void outcome.refused.push({ entry, operation: "upsert", values: {}, error: one.error });
      }
    });
    if (hashes.length > 0) this.#transform(hashes, outcome);
  }

  #transform(hashes: readonly [Entry, Extract<Found, { kind: "hash" }>][], outcome: Outcome): void {
    const transform = this.#options.transform as Transform;
    const inputs = hashes.map(([entry, { record }]) => [entry.key, record] as const);
    for (const result of applyTransforms(transform, inputs)) {
      const [entry, { record }] = hashes[result.index] as (typeof hashes)[number];
      if ("error" in result) {
        outcome.refused.push({ entry, operation: "upsert", values: Object.fromEntries(record), error: result.error });
      } else if (result.record) outcome.settleRecord(entry, result.record);
      // The recipe skips the hash; a row of an earlier one still has to go.
      else outcome.settle(entry, false);
    }
  }

  /** Reads until Redis answers. */
  async #read(entries: readonly Entry[], signal: AbortSignal): Promise<ReadBack> {
    const keys: Bytes[] = entries.map(({ key }) => key);
    for (;;) {
      try {
        const answer = await orAbort(this.#options.reader.read(keys), signal);
        this.#backoff.reset();
        return answer;
      } catch (error) {
        signal.throwIfAborted();
        this.#options.onTrouble(`Redis does not answer: ${messageOf(error)}`);
        await sleep(this.#backoff.next(), undefined, { signal });
      }
    }
  }
}

class Outcome implements Resolved {
  readonly items: Item[] = [];
  readonly refused: Refusal[] = [];
  readonly absent: Entry[] = [];
  readonly #rows: RowMaker;
  readonly #fieldNames: readonly string[];

  constructor(rows: RowMaker, fieldNames: readonly string[]) {
    this.#rows = rows;
    this.#fieldNames = fieldNames;
  }

  /** Makes the row of an entry of which everything is known that can be known. */
  settle(entry: Entry, mayUseValues: boolean): void {
    const { values } = entry;
    const isEmptied = entry.absentAt !== undefined && entry.mayBeEmpty;
    const hasValues = mayUseValues && hasKnown(values);
    const isDelete = isEmptied || (entry.isRemoved && !hasValues);
    if (!isDelete && !hasValues) return;
    try {
      this.items.push(isDelete ? this.#rows.delete(entry, entry.last) : this.#rows.upsert(entry, values, entry.last));
    } catch (error) {
      this.#refuse(entry, isDelete ? "delete" : "upsert", this.shown(values), error);
    }
  }

  settleRecord(entry: Entry, record: Record<string, unknown>): void {
    try {
      this.items.push(this.#rows.upsertRecord(entry, record, entry.last));
    } catch (error) {
      this.#refuse(entry, "upsert", record, error);
    }
  }

  #refuse(entry: Entry, operation: Operation, values: Refusal["values"], error: unknown): void {
    if (!(error instanceof RefusedValueError)) throw error;
    this.refused.push({ entry, operation, values, error: explain(error) });
  }

  /** What is known of a hash, by field name. */
  shown(values: readonly Known[]): Record<string, unknown> {
    return shownValues(values, this.#fieldNames);
  }
}

function hasKnown(values: readonly Known[]): boolean {
  for (const value of values) if (value !== undefined) return true;
  return false;
}

/** What is known of a hash, by field name. */
export function shownValues(values: readonly Known[], fieldNames: readonly string[]): Record<string, unknown> {
  const shown: Record<string, unknown> = {};
  fieldNames.forEach((name, i) => {
    const value = values[i];
    if (typeof value === "string" || value === null) shown[name] = value;
  });
  return shown;
}

/** What Redis says, except for fields that must stay out of the database. */
function fillIn(entry: Entry, values: readonly (Bytes | null)[]): void {
  const before = entry.values;
  entry.values = values.map((value, i) => (entry.sealed?.has(i) ? before[i] : value));
  entry.knowAll();
  entry.mayBeEmpty = false;
}
