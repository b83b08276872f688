/** Where no trigger writes down what a row was: all rows are read again and again, and what has changed is noted. */
import { setTimeout as sleep } from "node:timers/promises";
import { GONE, stateOf } from "./random-load.js";

type Rows = readonly Record<string, unknown>[];

const COLUMNS = ["first", "last", "age", "v"] as const;
const PAUSE_MS = 20;

export class RowWatcher {
  readonly #read: () => Promise<Rows>;
  readonly #events: { id: string; state: string }[] = [];
  readonly #states = new Map<string, string>();
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(read: () => Promise<Rows>) {
    this.#read = read;
  }

  start(): void {
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  /** Reads once more, and returns every state that was seen. */
  async stop(): Promise<Record<string, unknown>[]> {
    this.#isStopped = true;
    await this.#running;
    return this.#events;
  }

  async #run(): Promise<void> {
    for (let isLast = false; ;) {
      const found = new Map((await this.#read()).map((row) => [row["id"] as string, stateOf(COLUMNS.map(text(row)))]));
      for (const id of new Set([...this.#states.keys(), ...found.keys()])) this.#saw(id, found.get(id) ?? GONE);
      if (isLast) return;
      isLast = this.#isStopped;
      await sleep(PAUSE_MS);
    }
  }

  #saw(id: string, state: string): void {
    if (this.#states.get(id) === state) return;
    this.#states.set(id, state);
    this.#events.push({ id, state });
  }
}

/** Numbers of 64 bits come as objects. */
const text = (row: Record<string, unknown>) => (name: string) =>
  row[name] === null || row[name] === undefined ? undefined : (row[name] as { toString(): string }).toString();
