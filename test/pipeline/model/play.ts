/** One schedule: changes, crashes, pauses and late runners, in an order that a seed decides. */
import type { HashReader } from "../../../src/pipeline/read.js";
import { BAD, Cache, FIELDS } from "./cache.js";
import { Chance } from "./chance.js";
import type { FakeClock } from "./clock.js";
import { Network } from "./network.js";
import { Process } from "./process.js";
import { SimulatedSink, Table, type Variant as TableVariant } from "./table.js";

export interface Variant extends TableVariant {
  /** What a read-back says of how new it is. */
  readonly readOffset?: (captured: number) => number;
  /** WAIT is told what has been captured, and not what has been written. */
  readonly acknowledgesCaptured?: boolean;
}

export interface Outcome {
  /** How table and cache differ in the end. */
  readonly diverged: string | undefined;
  /** A row that was overwritten by an older one. */
  readonly wentBack: string | undefined;
  /** A change that was acknowledged and is in no row. */
  readonly tooSoon: string | undefined;
  /** What must never happen, whatever the rules. */
  readonly broken: string | undefined;
}

const STEPS = 250;
const KEYS = ["k:1", "k:2", "k:3", "k:4"];
const MAX_PROCESSES = 3;
const LAST_STEPS = 4000;

export async function play(seed: number, variant: Variant, clock: FakeClock): Promise<Outcome> {
  return await new Play(seed, variant, clock).run();
}

interface Running {
  readonly process: Process;
  readonly network: Network;
}

class Play {
  readonly #chance: Chance;
  readonly #variant: Variant;
  readonly #clock: FakeClock;
  readonly #cache: Cache;
  readonly #table: Table;
  readonly #letters = new Set<string>();
  #running: Running[] = [];
  #trouble = 0.04;
  #tooSoon: string | undefined;
  #broken: string | undefined;

  constructor(seed: number, variant: Variant, clock: FakeClock) {
    this.#chance = new Chance(seed);
    this.#variant = variant;
    this.#clock = clock;
    this.#cache = new Cache(this.#chance, KEYS);
    this.#table = new Table(this.#cache, variant);
  }

  async run(): Promise<Outcome> {
    this.#clock.clear();
    this.#start();
    for (let i = 0; i < STEPS; i++) await this.#step();
    await this.#comeToRest();
    this.#clock.clear();
    return {
      diverged: this.#difference(),
      wentBack: this.#table.wentBack,
      tooSoon: this.#tooSoon,
      broken: this.#broken,
    };
  }

  async #step(): Promise<void> {
    const dice = this.#chance.next();
    if (dice < 0.2) this.#cache.act();
    else if (dice < 0.94) this.#go(this.#chance.pick(this.#running));
    else if (dice < 0.95) this.#clock.pass(6000);
    else if (dice < 0.97 && this.#running.length < MAX_PROCESSES) this.#start();
    else if (dice < 0.985) this.#crash(this.#chance.pick(this.#running));
    else if (dice < 0.99)
      this.#chance.pick(this.#running).process.end(this.#chance.pick(["at the next batch", "when empty"]));
    else this.#chance.pick(this.#running).process.hurry();
    await this.#settle();
  }

  /** Everything that follows by itself follows. */
  async #settle(): Promise<void> {
    await new Promise(setImmediate);
    for (const { process } of this.#running) {
      const said = this.#variant.acknowledgesCaptured ? process.captured().offset : process.committed();
      this.#tooSoon ??= this.#table.lacks(said);
    }
    for (const running of [...this.#running]) if (running.process.ended) this.#bury(running);
    if (this.#running.length === 0) this.#start();
  }

  #go({ process, network }: Running): void {
    if (network.isQuiet || this.#chance.happens(0.4)) process.capture();
    else network.step();
    if (this.#clock.isWaitedFor && this.#chance.happens(0.1)) this.#clock.pass(100);
  }

  #start(): void {
    const network = new Network(this.#chance, () => this.#trouble);
    const reader: HashReader = {
      read: (keys) =>
        network.call(() => {
          const read = this.#cache.read(keys);
          const { readOffset } = this.#variant;
          return readOffset ? { ...read, offset: readOffset(process.captured().offset) } : read;
        }),
    };
    const process: Process = new Process({
      cache: this.#cache,
      chance: this.#chance,
      network,
      reader,
      sink: () => new SimulatedSink(this.#table, network, this.#variant),
      partitions: 1 + this.#chance.below(3),
      batch: 1 + this.#chance.below(3),
      onLetter: (key) => this.#letters.add(key),
    });
    this.#running.push({ process, network });
  }

  #crash(running: Running): void {
    running.network.cut();
    this.#running = this.#running.filter((other) => other !== running);
    if (this.#running.length === 0) this.#start();
  }

  #bury(running: Running): void {
    const { ended } = running.process;
    if (ended instanceof Error && !/connection was lost/.test(ended.message))
      this.#broken ??= ended.stack ?? ended.message;
    this.#running = this.#running.filter((other) => other !== running);
  }

  /** All go on for a while; then one that nothing happens to any more carries the rest. */
  async #comeToRest(): Promise<void> {
    for (let i = 0; i < 60; i++) {
      this.#go(this.#chance.pick(this.#running));
      await this.#settle();
    }
    for (const running of [...this.#running]) this.#crash(running);
    this.#trouble = 0;
    for (let i = 0; i < LAST_STEPS; i++) {
      const [running] = this.#running;
      if (!running || (running.process.isUpToDate && running.network.isQuiet)) return;
      if (running.network.isQuiet) running.process.capture();
      else running.network.step();
      this.#clock.pass(10);
      await this.#settle();
    }
    this.#broken ??= "the last runner never came to an end";
  }

  #difference(): string | undefined {
    for (const key of KEYS) {
      const problem = this.#differenceOf(key);
      if (problem) return `${key}: ${problem}`;
    }
    return undefined;
  }

  #differenceOf(key: string): string | undefined {
    const row = this.#table.rows.get(key);
    const hash = this.#cache.hash(key);
    const wanted = this.#cache.row(key);
    const words = `row ${JSON.stringify(row)}, expected ${JSON.stringify(wanted)}`;
    if (wanted && FIELDS.some((name) => wanted[name]?.startsWith(BAD))) {
      // Refused; its dead letter says so, unless the key went before it was seen.
      return this.#letters.has(key) || !hash ? undefined : `no dead letter, ${words}`;
    }
    if (!hash && wanted) return undefined;
    if (!row || !wanted) return row === wanted ? undefined : words;
    return FIELDS.every((name) => row[name] === wanted[name]) ? undefined : words;
  }
}
