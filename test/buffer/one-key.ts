/** One hash and its row: what clients do to the one, told to a real buffer, and carried by the real resolver into the other. */
import { Buffer as ChangeBuffer } from "../../src/buffer/buffer.js";
import type { Entry, Known } from "../../src/buffer/entry.js";
import type { GoneCause, Own } from "../../src/model.js";
import type { HashReader } from "../../src/pipeline/read.js";
import { Resolver } from "../../src/pipeline/resolve.js";
import type { Item, RowMaker } from "../../src/pipeline/rows.js";

export const KEY = "k:1";
export const FIELDS = ["a", "b"] as const;
export type Field = (typeof FIELDS)[number];
export type Cells = Record<Field, string | null>;

const PLACES = new Map(FIELDS.map((name, place) => [name as string, place]));

/** Something that happens in Redis, and how the stream tells of it. */
export interface Step {
  /** What it does to the hash. */
  readonly act: (world: OneKey) => void;
  /** What capture makes of it. */
  readonly tell: (buffer: ChangeBuffer, at: { start: number; end: number }) => void;
}

/** Makes changes of this key. */
export function told(
  change: { kind: "set" | "unset"; fields: string[] } | { kind: "gone"; cause: GoneCause } | { kind: "dirty" },
  own: Own = false,
): Step["tell"] {
  return (buffer, { start, end }) => void buffer.merge({ ...change, key: KEY, start, end, startDb: 0, own }, 0);
}

export class OneKey {
  hash: Map<string, string> | undefined;
  row: Cells | undefined;
  readonly buffer: ChangeBuffer;
  /** Steps that have happened, and how many of them capture has seen. */
  readonly #steps: Step[] = [];
  #captured = 0;
  readonly #resolver: Resolver;

  /** `isPacked`: as in a long queue. */
  constructor(hash: Partial<Record<string, string>> | undefined, row: Cells | undefined, isPacked = false) {
    this.buffer = new ChangeBuffer({
      fields: PLACES,
      maxBytes: Infinity,
      packAbove: isPacked ? 0 : Infinity,
      removes: (cause) => cause === "delete" || cause === "asked",
    });
    this.hash = hash && new Map(Object.entries(hash) as [string, string][]);
    this.row = row && { ...row };
    const reader: HashReader = { read: (keys) => Promise.resolve(this.#read(keys)) };
    this.#resolver = new Resolver({
      reader,
      fieldNames: FIELDS,
      transform: undefined,
      onTrouble: () => undefined,
    });
  }

  /** A client, or Redis itself, does something. */
  happen(step: Step): void {
    step.act(this);
    this.#steps.push(step);
  }

  /** Capture sees what has happened, up to this many steps. */
  capture(upTo = this.#steps.length): void {
    for (; this.#captured < upTo; this.#captured++) {
      const step = this.#steps[this.#captured] as Step;
      step.tell(this.buffer, { start: this.#captured, end: this.#captured + 1 });
    }
  }

  /** The first half of a batch: taken and read. */
  async take(): Promise<Item[]> {
    const taken = this.buffer.take(10, this.#captured);
    this.taken = taken;
    const { items, absent } = await this.#resolver.resolve(taken, ROWS, new AbortController().signal);
    for (const entry of absent) this.buffer.putBackAbsent(entry);
    this.taken = taken.filter((entry) => !absent.includes(entry));
    return [...items];
  }

  taken: readonly Entry[] = [];

  /** The second half: written. */
  commit(items: readonly Item[]): void {
    for (const item of items) {
      if (item.kind === "delete") this.row = undefined;
      else {
        const row = (this.row ??= { a: null, b: null });
        item.columns.forEach((name, i) => (row[name as Field] = item.row.values[i] as string | null));
      }
    }
    this.buffer.settle();
  }

  /** Or not written. */
  putBack(): void {
    this.buffer.putBack(this.taken);
  }

  /** Everything that is buffered goes into the row. */
  async carry(): Promise<void> {
    for (let i = 0; i < 5 && this.buffer.size > 0; i++) this.commit(await this.take());
  }

  #read(keys: readonly string[]) {
    const { hash } = this;
    const found = keys.map(() =>
      hash
        ? { kind: "fields" as const, values: FIELDS.map((name) => hash.get(name) ?? null) }
        : { kind: "absent" as const },
    );
    return { found, offset: this.#steps.length };
  }
}

/** Columns are named like fields, and every value is what it is. */
const ROWS = {
  upsert(entry: Entry, values: readonly Known[], offset: number): Item {
    const columns = FIELDS.filter((_, i) => values[i] !== undefined);
    const known = values.filter((value) => value !== undefined);
    return { kind: "upsert", entry, columns, row: { id: [entry.key], values: known, offset } };
  },
  delete(entry: Entry, offset: number): Item {
    return { kind: "delete", entry, row: { id: [entry.key], values: [], offset } };
  },
} as unknown as RowMaker;
