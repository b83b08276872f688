/** Writes chosen hashes, and remembers every state that each of them has had, as RandomLoad does of those that it chooses. */
import type { Redis } from "ioredis";
import { GONE, stateOf } from "./random-load.js";

export class RememberedWrites {
  /** By id, every state from the beginning; states as `stateOf` writes them. */
  readonly history = new Map<string, string[]>();
  readonly #redis: Redis;
  #version = 0;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** Changes all fields of all of these, one hash after the other. */
  async write(ids: readonly string[]): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const id of ids) {
      const v = String(++this.#version);
      pipeline.hset(`person:${id}`, { first_name: `F${v}`, last_name: `L${v}`, age: 30, v });
      this.#became(id, stateOf([`F${v}`, `L${v}`, "30", v]));
    }
    await pipeline.exec();
  }

  async delete(ids: readonly string[]): Promise<void> {
    await this.#redis.del(...ids.map((id) => `person:${id}`));
    for (const id of ids) this.#became(id, GONE);
  }

  #became(id: string, state: string): void {
    this.history.set(id, [...(this.history.get(id) ?? [GONE]), state]);
  }
}
