/** The field `#`: what a client wants done with a write, and the id under which it waits for the answer. */
import type { Redis } from "ioredis";
import { messageOf } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";
import { ackStream, OWN, REMOVE } from "../redis/keys.js";
import { runScript } from "../redis/scripts.js";

/** The field's name. */
export const OPERATION_FIELD = "#";

/** `=` kept and written, `+` kept and not written, `~` key and row deleted, `-` key deleted and row kept. */
export type OperationMark = "=" | "+" | "~" | "-";

export interface Request {
  /** undefined: none of the four. */
  readonly mark: OperationMark | undefined;
  /** Empty: nobody waits. */
  readonly id: Bytes;
  /** The field's whole value. */
  readonly value: Bytes;
}

/** What the pairs of a write ask for; undefined where they have no `#`. */
export function requestIn(pairs: readonly Bytes[]): Request | undefined {
  for (let i = pairs.length - 2; i >= 0; i -= 2) {
    if (pairs[i] !== OPERATION_FIELD) continue;
    const value = pairs[i + 1] as Bytes;
    const mark = value.charAt(0);
    const isKnown = mark === "=" || mark === "+" || mark === "~" || mark === "-";
    return { mark: isKnown ? mark : undefined, id: value.slice(1), value };
  }
  return undefined;
}

const ACK_SECONDS = 3600;

/** What settle-write.lua is to do. */
const FATES = { "=": "keep", "+": "spare", "-": "leave", "~": REMOVE } as const;

/** wbsync's answers in Redis. */
export class Operations {
  readonly #redis: Redis;
  readonly #log: Logger;

  constructor(redis: Redis, log: Logger) {
    this.#redis = redis;
    this.#log = log;
  }

  /** Removes the field from the hash, or the hash itself: if it still holds what was seen. */
  settle(key: Bytes, request: Request): void {
    const { mark = "=", value } = request;
    runScript(this.#redis, "settle-write", [raw(key)], [raw(value), FATES[mark], OWN]).catch((error: unknown) => {
      this.#log.warn(`the field "#" of a key could not be removed: ${messageOf(error)}`);
    });
  }

  /** Says that a write is committed, unless its author has had an answer. */
  async answerOnce(key: Bytes, id: Bytes): Promise<void> {
    if (id === "") return;
    try {
      const isAnswered = await this.#redis.exists(raw(ackStream(key, id)));
      if (isAnswered === 0) await this.acknowledge([{ key, ids: [id] }]);
    } catch (error) {
      this.#log.warn(`an acknowledgement could not be looked for: ${messageOf(error)}`);
    }
  }

  /** Tells everybody who waits for writes of these keys that they are committed, or why not. */
  async acknowledge(
    waiting: readonly { readonly key: Bytes; readonly ids: readonly Bytes[] }[],
    error?: string,
  ): Promise<void> {
    const pipeline = this.#redis.pipeline();
    for (const { key, ids } of waiting) {
      for (const id of ids) {
        if (id === "") continue;
        const stream = raw(ackStream(key, id));
        if (error === undefined) pipeline.xadd(stream, "*", "status", "done");
        else pipeline.xadd(stream, "*", "status", "failed", "error", error);
        pipeline.expire(stream, ACK_SECONDS);
      }
    }
    if (pipeline.length === 0) return;
    const replies = await pipeline.exec();
    const failure = replies?.find(([failed]) => failed !== null)?.[0];
    if (failure) this.#log.warn(`an acknowledgement could not be written: ${failure.message}`);
  }
}

function raw(bytes: Bytes): Buffer {
  return Buffer.from(bytes, "latin1");
}
