/** Reading keys back from Redis: one pipeline a batch, closed by ROLE, which tells how new the answers are. */
import type { Redis } from "ioredis";
import type { Bytes } from "../model.js";
import { type Reply, ReplyError } from "../redis/replies.js";
import { encode, encodeBulk } from "../redis/wire-connection.js";
import { Wire } from "../redis/wire.js";

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

const ROLE = encode("ROLE");

/** Reads the mapped fields with HMGET, or whole hashes (`fields` undefined) with HGETALL. */
export class PipelinedReader implements HashReader {
  readonly #wire: Wire;
  readonly #fields: readonly Bytes[] | undefined;
  /** What comes before and after a key in the command that reads it. */
  readonly #before: Bytes;
  readonly #after: Bytes;

  /** Reads over a connection of its own beside this one. */
  constructor(redis: Redis, fields: readonly Bytes[] | undefined) {
    this.#wire = Wire.beside(redis);
    this.#fields = fields;
    this.#before = fields ? `*${fields.length + 2}\r\n${encodeBulk("HMGET")}` : `*2\r\n${encodeBulk("HGETALL")}`;
    this.#after = (fields ?? []).map(encodeBulk).join("");
  }

  async read(keys: readonly Bytes[]): Promise<ReadBack> {
    let commands = "";
    for (const key of keys) commands += this.#command(key);
    const replies = await this.#wire.ask(commands + ROLE, keys.length + 1);
    const found = keys.map((_, i) => this.#understand(replies[i] as Reply));
    return (await this.#tellEmptyFromAbsent(keys, found)) ?? { found, offset: offsetIn(replies[keys.length]) };
  }

  #command(key: Bytes): Bytes {
    return this.#before + encodeBulk(key) + this.#after;
  }

  #understand(reply: Reply): Found {
    if (reply instanceof ReplyError) {
      // Only a wrong type speaks of this key; anything else (still loading, an ACL) is not the key's fault.
      if (!reply.message.startsWith("WRONGTYPE")) throw new Error(reply.message);
      return { kind: "refused", error: "the key does not hold a hash" };
    }
    const values = reply as readonly (Bytes | null)[];
    if (this.#fields) return values.some((value) => value !== null) ? { kind: "fields", values } : { kind: "absent" };
    if (values.length === 0) return { kind: "absent" };
    const record = new Map<Bytes, Bytes>();
    for (let i = 0; i + 1 < values.length; i += 2) record.set(values[i] as Bytes, values[i + 1] as Bytes);
    return { kind: "hash", record };
  }

  /**
   * HMGET answers alike for a key that is not there and for a hash without any of the fields. Asks both questions at one instant:
   * between two, the key may be made anew, with fields.
   */
  async #tellEmptyFromAbsent(keys: readonly Bytes[], found: Found[]): Promise<ReadBack | undefined> {
    const fields = this.#fields;
    const doubtful = found.flatMap((one, i) => (one.kind === "absent" ? [i] : []));
    if (!fields || doubtful.length === 0) return undefined;
    const asked = doubtful.map((i) => keys[i] as Bytes);
    const questions = asked.map((key) => encode("EXISTS", key) + this.#command(key)).join("");
    const replies = await this.#wire.ask(
      `${encode("MULTI")}${questions}${ROLE}${encode("EXEC")}`,
      2 * asked.length + 3,
    );
    const answers = replies.at(-1);
    if (!Array.isArray(answers))
      throw new Error(answers instanceof ReplyError ? answers.message : "MULTI was discarded");
    doubtful.forEach((place, n) => {
      const exists = answers[2 * n] as Reply;
      if (exists instanceof ReplyError) throw new Error(exists.message);
      const again = this.#understand(answers[2 * n + 1] as Reply);
      const isEmpty = exists === 1 && again.kind === "absent";
      found[place] = isEmpty ? { kind: "fields", values: fields.map(() => null) } : again;
    });
    return { found, offset: offsetIn(answers.at(-1) as Reply) };
  }
}

/** What ROLE says: "master", the offset, the replicas; or "slave", host, port, state, the offset. */
function offsetIn(role: Reply | undefined): number {
  if (role instanceof ReplyError) throw new Error(role.message);
  const parts = role as readonly Reply[];
  const offset = Number(parts[0] === "slave" ? parts[4] : parts[1]);
  if (!(offset >= 0)) throw new Error(`expected an offset from ROLE, found ${JSON.stringify(role)}`);
  return offset;
}
