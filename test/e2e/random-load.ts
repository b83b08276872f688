/**
 * Changes hashes at random and remembers every state that each of them has had, so that whatever a row was at any time can be
 * found in the past of its hash.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ChainableCommander, Redis } from "ioredis";

/** A hash that does not exist. */
export const GONE = "gone";

export interface LoadOptions {
  readonly redis: Redis;
  readonly seed: number;
  readonly prefix?: string;
  readonly keys?: number;
  /** Commands sent together, and the pause after them. */
  readonly burst?: number;
  readonly pauseMs?: number;
}

type Hash = Map<string, string>;

const FIELDS = ["first_name", "last_name", "age", "v"] as const;

export class RandomLoad {
  /** By id, every state from the beginning; states as `stateOf` writes them. */
  readonly history = new Map<string, string[]>();
  readonly #options: Required<LoadOptions>;
  readonly #hashes = new Map<string, Hash>();
  readonly #random: () => number;
  #version = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(options: LoadOptions) {
    this.#options = { prefix: "person", keys: 300, burst: 20, pauseMs: 8, ...options };
    this.#random = mulberry32(options.seed);
  }

  /** Commands sent so far. */
  get size(): number {
    return this.#version;
  }

  /** Writes until `stop`. */
  start(): void {
    this.#isStopped = false;
    this.#running = this.#run();
    this.#running.catch(() => undefined);
  }

  /** Resolves when the last command has been answered. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** Sends so many commands in one go. */
  async send(count: number): Promise<void> {
    const pipeline = this.#options.redis.pipeline();
    for (let i = 0; i < count; i++) this.#change(pipeline);
    for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
  }

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      await this.send(this.#options.burst);
      await sleep(this.#options.pauseMs);
    }
  }

  #change(pipeline: ChainableCommander): void {
    const id = this.#pick(this.#options.keys);
    const key = this.#key(id);
    const hash = this.#hashes.get(id) ?? new Map<string, string>();
    const v = String(++this.#version);
    const dice = this.#random();
    if (dice < 0.35) this.#set(pipeline, id, { first_name: `F${v}`, last_name: `L${v}`, age: this.#pick(100), v });
    else if (dice < 0.6) this.#set(pipeline, id, { [FIELDS[Math.floor(this.#random() * 2)]!]: `P${v}`, v });
    else if (dice < 0.72) {
      pipeline.hdel(key, "age", "last_name");
      this.#became(id, without(hash, "age", "last_name"));
    } else if (dice < 0.77) {
      pipeline.call("MULTI");
      this.#set(pipeline, id, { first_name: `M${v}`, v });
      pipeline.hdel(key, "last_name");
      this.#became(id, without(this.#hashes.get(id) ?? new Map<string, string>(), "last_name"));
      pipeline.call("EXEC");
    } else if (dice < 0.82) {
      pipeline.hincrby(key, "age", 1);
      this.#became(id, new Map([...hash, ["age", String(Number(hash.get("age") ?? 0) + 1)]]));
    } else if (dice < 0.85) {
      pipeline.hdel(key, ...FIELDS);
      this.#became(id, new Map());
    } else if (dice < 0.88 && hash.size > 0) {
      const to = this.#pick(this.#options.keys);
      pipeline.rename(key, this.#key(to));
      if (to !== id) this.#became(id, new Map());
      this.#became(to, hash);
    } else {
      pipeline.del(key);
      this.#became(id, new Map());
    }
  }

  #set(pipeline: ChainableCommander, id: string, fields: Readonly<Record<string, string>>): void {
    pipeline.hset(this.#key(id), fields);
    this.#became(id, new Map([...(this.#hashes.get(id) ?? []), ...Object.entries(fields)]));
  }

  #became(id: string, hash: Hash): void {
    if (hash.size > 0) this.#hashes.set(id, hash);
    else this.#hashes.delete(id);
    const states = this.history.get(id) ?? [GONE];
    states.push(hash.size > 0 ? stateOf(FIELDS.map((field) => hash.get(field))) : GONE);
    this.history.set(id, states);
  }

  #key(id: string): string {
    return `${this.#options.prefix}:${id}`;
  }

  #pick(count: number): string {
    return String(Math.floor(this.#random() * count));
  }
}

/** A state as the triggers in the database write it. */
export function stateOf(values: readonly (string | undefined)[]): string {
  return values.map((value) => value ?? "-").join("|");
}

function without(hash: Hash, ...fields: readonly string[]): Hash {
  return new Map([...hash].filter(([field]) => !fields.includes(field)));
}

/** Random numbers that are the same for the same seed. */
export function mulberry32(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
