/** Rows that cannot be written, put where people find them. A position is stored only when its letters are safe (invariant 7). */
import { setTimeout as sleep } from "node:timers/promises";
import { messageOf } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { DeadLetters } from "../registry/dead-letters.js";
import type { Letter } from "../registry/letter.js";
import { Backoff } from "../backoff.js";

/** What is to be kept of a row that was refused. */
export interface Refused {
  readonly key: Bytes;
  readonly operation: "upsert" | "delete";
  /** By field name; strings are bytes. */
  readonly values: Readonly<Record<string, unknown>>;
  readonly error: string;
  readonly offset: number;
}

export class LetterBox {
  readonly #letters: DeadLetters;
  readonly #version: string;
  readonly #log: Logger;
  #posting: Promise<unknown> = Promise.resolve();
  readonly #ended = new AbortController();

  constructor(letters: DeadLetters, version: string, log: Logger) {
    this.#letters = letters;
    this.#version = version;
    this.#log = log;
  }

  /** How many letters are open. */
  get size(): number {
    return this.#letters.openKeys.size;
  }

  open(): Promise<unknown> {
    return this.#letters.open();
  }

  /** True when the letter is in Redis, however long that takes; false when aborted. Letters are posted one after the other. */
  post(refused: Refused, signal: AbortSignal): Promise<boolean> {
    const either = AbortSignal.any([signal, this.#ended.signal]);
    const posting = this.#posting.then(() => this.#post(this.#write(refused), either));
    this.#posting = posting;
    return posting;
  }

  /** Posts nothing any more; resolves when the last attempt is over. */
  async end(): Promise<void> {
    this.#ended.abort();
    await this.#posting;
  }

  /** Forgets letters that people have dropped. */
  async review(): Promise<void> {
    try {
      await this.#letters.review();
    } catch (error) {
      // They are counted for a while longer.
      this.#log.debug(`dead letters could not be counted: ${messageOf(error)}`);
    }
  }

  /** Of these keys, those whose row should have gone. */
  deletes(keys: readonly Bytes[]): Promise<ReadonlySet<Bytes>> {
    return this.#letters.deletes(keys);
  }

  /** These keys were written well: their letters are done with. */
  async heal(keys: Iterable<Bytes>): Promise<void> {
    try {
      await this.#letters.heal(keys);
    } catch (error) {
      // They stay open, and are healed by the next good write.
      this.#log.warn(`dead letters of healed keys could not be removed: ${messageOf(error)}`);
    }
  }

  async #post(letter: Letter, signal: AbortSignal): Promise<boolean> {
    const backoff = new Backoff();
    while (!signal.aborted) {
      try {
        await this.#letters.add(letter);
        this.#log.warn(
          { position: letter.offset },
          `key ${readable(letter.key).toString()} became a dead letter: ${letter.error}`,
        );
        return true;
      } catch (error) {
        this.#log.warn(`a dead letter cannot be stored yet: ${messageOf(error)}`);
        await sleep(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  #write({ key, operation, values, error, offset }: Refused): Letter {
    const shown = Object.entries(values).map(([name, value]) => [name, show(value)] as const);
    const time = new Date().toISOString();
    return {
      key,
      operation,
      values: Object.fromEntries(shown),
      error,
      code: "REFUSED",
      time,
      version: this.#version,
      offset,
    };
  }
}

/** Text where the bytes are text, otherwise the bytes. */
function readable(bytes: Bytes): string | Buffer {
  const raw = Buffer.from(bytes, "latin1");
  const text = raw.toString("utf8");
  return text.includes("\ufffd") ? raw : text;
}

function show(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return readable(value);
  if (Buffer.isBuffer(value)) return value;
  const isPlain = typeof value === "number" || typeof value === "boolean" || typeof value === "bigint";
  return isPlain ? String(value) : showObject(value);
}

/** As JSON where it can be: a transform may return anything. */
function showObject(value: unknown): string | null {
  try {
    return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? String(part) : part)) ?? null;
  } catch {
    return Object.prototype.toString.call(value);
  }
}
