/**
 * The merge rules against brute force: every sequence of three things that can happen to a key, from three beginnings, captured
 * late or at once, with a batch taken at every place that is committed or put back. The row must be what it would be had every
 * step been carried by itself.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Cells, type Field, FIELDS, KEY, OneKey, type Step, told } from "./one-key.js";

/** The row as it has to be, and the cells of which nobody can know more than that they held one of the values seen. */
class Truth {
  row: Cells | undefined;
  hash: Map<string, string> | undefined;
  /** Of which fields an entry could not tell the value without reading. */
  readonly unknown = new Set<Field>();
  readonly blurred = new Set<Field>();
  isExistenceBlurred = false;
  /** Whether an entry could tell that there is a row. */
  #isRowKnown: boolean;

  constructor(hash: Map<string, string> | undefined, row: Cells | undefined) {
    this.hash = hash && new Map(hash);
    this.row = row && { ...row };
    this.#isRowKnown = row !== undefined;
    // Row and hash are not of one mind: what a field of the hash is worth cannot be told from the row.
    if (row && !hash) for (const name of FIELDS) this.unknown.add(name);
  }

  set(pairs: Record<string, string>): void {
    this.hash ??= new Map();
    for (const [name, value] of Object.entries(pairs)) this.hash.set(name, value);
    for (const name of FIELDS) {
      if (!(name in pairs)) continue;
      this.unknown.delete(name);
      this.blurred.delete(name);
      this.#isRowKnown = true;
      this.isExistenceBlurred = false;
    }
    this.#rowIsHash();
  }

  /** Fields were changed by a command that does not tell to what. */
  change(pairs: Record<string, string>, fields: readonly Field[]): void {
    this.set(pairs);
    for (const name of fields) this.unknown.add(name);
  }

  unset(names: readonly string[]): void {
    if (!this.hash || names.length === 0) return;
    for (const name of names) this.hash.delete(name);
    for (const name of names) {
      this.unknown.delete(name as Field);
      this.blurred.delete(name as Field);
    }
    if (this.hash.size === 0) this.#goes();
    else this.#rowIsHash();
  }

  remove(): void {
    if (this.hash) this.#goes();
  }

  /** The key goes, the row stays: with what is known by then. */
  leave(): void {
    if (!this.hash) return;
    this.hash = undefined;
    for (const name of this.unknown) this.blurred.add(name);
    if (this.unknown.size > 0 || !this.#isRowKnown) this.isExistenceBlurred = true;
    for (const name of FIELDS) this.unknown.add(name);
  }

  /** Written in Redis only: whether a later read brings it to the row is not promised. */
  keepOut(pairs: Record<string, string>): void {
    if (!this.row) this.isExistenceBlurred = true;
    if (!this.hash) for (const name of FIELDS) this.blurred.add(name);
    this.hash ??= new Map();
    for (const [name, value] of Object.entries(pairs)) this.hash.set(name, value);
    for (const name of Object.keys(pairs)) this.blurred.add(name as Field);
  }

  #goes(): void {
    this.hash = undefined;
    this.row = undefined;
    this.#isRowKnown = false;
    this.unknown.clear();
    this.blurred.clear();
    this.isExistenceBlurred = false;
  }

  #rowIsHash(): void {
    this.row = { a: this.hash?.get("a") ?? null, b: this.hash?.get("b") ?? null };
  }

  accepts(row: Cells | undefined): boolean {
    if (!row || !this.row) return row === this.row || this.isExistenceBlurred;
    return FIELDS.every((name) => row[name] === this.row?.[name] || this.blurred.has(name));
  }
}

interface Deed {
  readonly steps: (value: string) => Step[];
  readonly truth: (truth: Truth, value: string) => void;
}

const put = (world: OneKey, pairs: Record<string, string>) => {
  world.hash ??= new Map();
  for (const [name, value] of Object.entries(pairs)) world.hash.set(name, value);
};

const set = (make: (value: string) => Record<string, string>): Deed => ({
  steps: (value) => [
    {
      act: (world) => put(world, make(value)),
      tell: told({ kind: "set", fields: Object.entries(make(value)).flat() }),
    },
  ],
  truth: (truth, value) => truth.set(make(value)),
});

/** HDEL of what is not there is not replicated. */
const unset = (...names: string[]): Deed => ({
  steps: () => {
    let wasThere = false;
    const act = (world: OneKey) => {
      wasThere = names.some((name) => world.hash?.has(name));
      for (const name of names) world.hash?.delete(name);
      if (world.hash?.size === 0) world.hash = undefined;
    };
    return [{ act, tell: (buffer, at) => void (wasThere && told({ kind: "unset", fields: names })(buffer, at)) }];
  },
  truth: (truth) => truth.unset(names.filter((name) => truth.hash?.has(name))),
});

/** A key that is not there cannot go. */
const going = (tell: Step["tell"]): Step => {
  let wasThere = false;
  return {
    act: (world) => {
      wasThere = world.hash !== undefined;
      world.hash = undefined;
    },
    tell: (buffer, at) => void (wasThere && tell(buffer, at)),
  };
};

const DEEDS: Record<string, Deed> = {
  "HSET a b": set((value) => ({ a: value, b: value })),
  "HSET a": set((value) => ({ a: value })),
  "HSET b": set((value) => ({ b: value })),
  "HSET c": set((value) => ({ c: value })),
  "HDEL a": unset("a"),
  "HDEL a b": unset("a", "b"),
  DEL: { steps: () => [going(told({ kind: "gone", cause: "delete" }))], truth: (truth) => truth.remove() },
  expire: { steps: () => [going(told({ kind: "gone", cause: "expire" }))], truth: (truth) => truth.leave() },
  FLUSHALL: {
    steps: () => [going((buffer, { end }) => buffer.flushed(end))],
    truth: (truth) => truth.leave(),
  },
  HINCRBY: {
    steps: (value) => [{ act: (world) => put(world, { a: value }), tell: told({ kind: "dirty" }) }],
    truth: (truth, value) => truth.change({ a: value }, ["a"]),
  },
  "RENAME onto": {
    steps: (value) => [{ act: (world) => (world.hash = new Map([["b", value]])), tell: told({ kind: "dirty" }) }],
    truth: (truth, value) => {
      truth.hash = undefined;
      truth.change({ b: value }, FIELDS);
    },
  },
  "HSET a # +": {
    steps: (value) => [
      {
        act: (world) => put(world, { a: value }),
        tell: (buffer, { end }) => buffer.skip(KEY, ["a", value, "#", "+"], end),
      },
      { act: () => undefined, tell: told({ kind: "unset", fields: ["#"] }, "settled") },
    ],
    truth: (truth, value) => truth.keepOut({ a: value }),
  },
  "HSET a # -": {
    steps: (value) => [
      {
        act: (world) => put(world, { a: value }),
        tell: (buffer, { end }) => {
          buffer.skip(KEY, ["a", value, "#", "-"], end);
          buffer.leave(KEY);
        },
      },
      going(told({ kind: "gone", cause: "delete" }, "settled")),
    ],
    truth: (truth, value) => {
      truth.keepOut({ a: value });
      truth.leave();
    },
  },
  "HSET a # ~": {
    steps: (value) => [
      { act: (world) => put(world, { a: value }), tell: told({ kind: "gone", cause: "delete" }) },
      going(told({ kind: "gone", cause: "delete" }, "settled")),
    ],
    truth: (truth, value) => {
      truth.set({ a: value });
      truth.remove();
    },
  },
  SCAN: {
    steps: () => [
      {
        act: () => undefined,
        tell: (buffer, { start }) => void buffer.touch(KEY, { replid: "", offset: start, db: 0 }, 0),
      },
    ],
    truth: () => undefined,
  },
};

const BEGINNINGS: Record<string, { hash?: Record<string, string>; row?: Cells }> = {
  "hash and row": { hash: { a: "0", b: "0" }, row: { a: "0", b: "0" } },
  "neither hash nor row": {},
  "a row whose key expired": { row: { a: "0", b: "0" } },
};

interface Schedule {
  readonly beginning: string;
  readonly deeds: readonly string[];
  /** Everything has happened before capture sees the first of it. */
  readonly isLate: boolean;
  /** After so many steps a batch is taken; undefined: no batch before the end. */
  readonly takenAfter?: number;
  /** After so many more it is through. */
  readonly underWay?: number;
  readonly outcome?: "committed" | "put back";
  /** Entries are made small, as where they have to wait. */
  readonly isPacked?: boolean;
}

async function play(schedule: Schedule): Promise<string | undefined> {
  const { hash, row } = BEGINNINGS[schedule.beginning] as (typeof BEGINNINGS)[string];
  const world = new OneKey(hash, row, schedule.isPacked);
  const truth = new Truth(world.hash, row);
  const deeds = schedule.deeds.map((name) => DEEDS[name] as Deed);
  const steps = deeds.flatMap((deed, i) => deed.steps(String(i + 1)));
  deeds.forEach((deed, i) => deed.truth(truth, String(i + 1)));
  if (schedule.isLate) steps.forEach((step) => world.happen(step));
  let next = 0;
  const goOn = (upTo: number) => {
    for (; next < Math.min(upTo, steps.length); next++) {
      if (!schedule.isLate) world.happen(steps[next] as Step);
      world.capture(next + 1);
    }
  };
  if (schedule.takenAfter !== undefined) {
    goOn(schedule.takenAfter);
    const items = await world.take();
    goOn(schedule.takenAfter + (schedule.underWay ?? 0));
    if (schedule.outcome === "committed") world.commit(items);
    else world.putBack();
  }
  goOn(steps.length);
  await world.carry();
  if (world.buffer.size > 0) return "the buffer does not become empty";
  if (world.buffer.bytes !== 0) return `an empty buffer counts ${world.buffer.bytes} bytes`;
  if (truth.accepts(world.row)) return undefined;
  return `expected ${JSON.stringify(truth.row)}, found ${JSON.stringify(world.row)}`;
}

function* schedules(deeds: readonly string[]): Generator<Schedule> {
  const count = deeds.reduce((sum, name) => sum + (DEEDS[name] as Deed).steps("").length, 0);
  for (const beginning of Object.keys(BEGINNINGS)) {
    for (const isLate of [false, true]) {
      yield { beginning, deeds, isLate };
      for (let takenAfter = 1; takenAfter < count; takenAfter++) {
        for (let underWay = 0; takenAfter + underWay <= count; underWay++) {
          for (const outcome of ["committed", "put back"] as const) {
            yield { beginning, deeds, isLate, takenAfter, underWay, outcome };
          }
        }
      }
    }
  }
}

const NAMES = Object.keys(DEEDS);

/** Plays one in `every` of the schedules. */
async function playAll(sequences: Iterable<readonly string[]>, every: number): Promise<void> {
  const wrong: string[] = [];
  let played = 0;
  let met = 0;
  for (const deeds of sequences) {
    for (const schedule of schedules(deeds)) {
      if (met++ % every > 0) continue;
      for (const isPacked of [false, true]) {
        const problem = await play({ ...schedule, isPacked });
        played++;
        if (problem) wrong.push(`${problem}: ${JSON.stringify({ ...schedule, isPacked })}`);
      }
    }
  }
  assert.ok(played > 0);
  assert.deepEqual(wrong.slice(0, 20), [], `${wrong.length} of ${played} schedules`);
}

test("one or two changes of a key end in the row that each by itself would have made", async () => {
  await playAll([...NAMES.map((name) => [name]), ...NAMES.flatMap((first) => NAMES.map((then) => [first, then]))], 1);
});

test("three changes of a key end in the row that each by itself would have made", async () => {
  const triples = NAMES.flatMap((one) => NAMES.flatMap((two) => NAMES.map((three) => [one, two, three])));
  // A prime: every kind of schedule has its turn.
  await playAll(triples, 7);
});
