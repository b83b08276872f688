/** Reading keys back from Redis: one pipeline a batch, closed by ROLE, which tells how new the answers are. */
import type { ChainableCommander, Redis } from "ioredis";
import type { Bytes } from "../model.js";

/** What Redis holds under a key now. */
export type Found =
  /** The mapped fields' values in their order; null: the hash does not have the field. */
  | { readonly kind: "fields"; readonly values: readonly (Bytes | null)[] }
  /** The whole hash. */
  | { readonly kind: "hash"; readonly record: ReadonlyMap<Bytes, Bytes> }
  | { readonly kind: "absent" }
  /** It holds something else than a hash. */
  | { readonly kind: "refused"; readonly error: string };

export interface ReadBack {
  readonly found: readonly Found[];
  /** The server's offset after the last answer: nothing in `found` is newer. */
  readonly offset: number;
}

/** Reads hashes: the given fields, or all of them. */
export interface HashReader {
  read(keys: readonly Bytes[]): Promise<ReadBack>;
}

type Reply = [error: Error | null, result: unknown];

/** Reads the mapped fields with HMGET, or whole hashes (`fields` undefined) with HGETALL. */
export class PipelinedReader implements HashReader {
  readonly #redis: Redis;
  readonly #fields: readonly Buffer[] | undefined;

  constructor(redis: Redis, fields: readonly Bytes[] | undefined) {
    this.#redis = redis;
    this.#fields = fields?.map((field) => Buffer.from(field, "latin1"));
  }

  async read(keys: readonly Bytes[]): Promise<ReadBack> {
    const raw = keys.map((key) => Buffer.from(key, "latin1"));
    const replies = await this.#ask(raw, (pipeline, key) => {
      if (this.#fields) pipeline.hmgetBuffer(key, ...this.#fields);
      else pipeline.callBuffer("HGETALL", key);
    });
    const found = replies.answers.map((reply) => this.#understand(reply));
    return (await this.#tellEmptyFromAbsent(raw, found)) ?? { found, offset: replies.offset };
  }

  #understand([error, result]: Reply): Found {
    if (error) {
      // Only a wrong type speaks of this key; anything else (a lost connection, an ACL) is not the key's fault.
      if (!error.message.startsWith("WRONGTYPE")) throw error;
      return { kind: "refused", error: "the key does not hold a hash" };
    }
    if (this.#fields) {
      const values = (result as (Buffer | null)[]).map((value) => value && value.toString("latin1"));
      return values.some((value) => value !== null) ? { kind: "fields", values } : { kind: "absent" };
    }
    const flat = (result as Buffer[]).map((text) => text.toString("latin1"));
    if (flat.length === 0) return { kind: "absent" };
    const record = new Map<Bytes, Bytes>();
    for (let i = 0; i + 1 < flat.length; i += 2) record.set(flat[i] as Bytes, flat[i + 1] as Bytes);
    return { kind: "hash", record };
  }

  /**
   * HMGET answers alike for a key that is not there and for a hash without any of the fields. Asks both questions at one instant:
   * between two, the key may be made anew, with fields.
   */
  async #tellEmptyFromAbsent(keys: readonly Buffer[], found: Found[]): Promise<ReadBack | undefined> {
    const fields = this.#fields;
    const doubtful = found.flatMap((one, i) => (one.kind === "absent" ? [i] : []));
    if (!fields || doubtful.length === 0) return undefined;
    const asked = doubtful.map((i) => keys[i] as Buffer);
    const ask = (transaction: ChainableCommander, key: Buffer) => transaction.exists(key).hmgetBuffer(key, ...fields);
    const { answers, offset } = await this.#ask(asked, ask, this.#redis.multi());
    doubtful.forEach((place, n) => {
      const [error, exists] = answers[2 * n] as Reply;
      if (error) throw error;
      const again = this.#understand(answers[2 * n + 1] as Reply);
      const isEmpty = exists === 1 && again.kind === "absent";
      found[place] = isEmpty ? { kind: "fields", values: fields.map(() => null) } : again;
    });
    return { found, offset };
  }

  async #ask(
    keys: readonly Buffer[],
    command: (pipeline: ChainableCommander, key: Buffer) => unknown,
    pipeline = this.#redis.pipeline(),
  ): Promise<{ answers: Reply[]; offset: number }> {
    for (const key of keys) command(pipeline, key);
    pipeline.call("ROLE");
    const replies = (await pipeline.exec()) as Reply[];
    const [error, role] = replies[replies.length - 1] as Reply;
    if (error) throw error;
    return { answers: replies.slice(0, -1), offset: Number((role as unknown[])[1]) };
  }
}
