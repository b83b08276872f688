/** The dead letters of one recipe, in a Redis stream: at most one for each key, until it is healed or dropped. */
import type { Redis } from "ioredis";
import { UserError } from "../errors.js";
import type { Bytes } from "../model.js";
import { CHANGED, deadLetters, retries } from "../redis/keys.js";
import { runScript, runScriptBuffer } from "../redis/scripts.js";
import { decodeLetter, encodeLetter, type Letter, type StoredLetter } from "./letter.js";

/** The stream holds about this many letters; beyond it the oldest go, so that a broken recipe cannot fill Redis. */
const MAX_LETTERS = 1_000_000;
const PAGE = 1_000;
/** Letters that one run of the script looks at: the server waits meanwhile. */
const KEY_PAGE = 200;
/** Keys that are tried again at once. */
const MAX_RETRIES = 100_000;

/** Which letters are meant: by their ids, by their keys, or all. */
export type Selection = "all" | { readonly ids: readonly string[] } | { readonly keys: Iterable<Bytes> };

/** Keys that are to be carried again. */
export interface Retries {
  /** Each once. */
  readonly keys: readonly Bytes[];
  /** They are carried, and need not be asked for again. */
  readonly done: () => Promise<void>;
}

/**
 * The runner calls `open` at its start, and from then on knows from memory which keys have an open letter: `openKeys`. People
 * list, retry and drop from other processes at the same time; a letter that they dropped is simply not found any more.
 */
export class DeadLetters {
  readonly #redis: Redis;
  readonly #recipe: string;
  readonly #stream: string;
  readonly #open = new Map<Bytes, readonly string[]>();

  constructor(redis: Redis, recipe: string) {
    this.#redis = redis;
    this.#recipe = recipe;
    this.#stream = deadLetters(recipe);
  }

  /** Keys that have an open letter, as far as this object knows, with the ids of their letters. Follows `add` and `heal`. */
  get openKeys(): ReadonlyMap<Bytes, readonly string[]> {
    return this.#open;
  }

  /** Reads which keys have an open letter, and returns `openKeys`. */
  async open(): Promise<ReadonlyMap<Bytes, readonly string[]>> {
    const found = new Map<Bytes, readonly string[]>();
    for await (const page of this.#keyPages()) {
      for (const [id, key] of page) found.set(key, [...(found.get(key) ?? []), id]);
    }
    this.#open.clear();
    for (const [key, ids] of found) this.#open.set(key, ids);
    return this.#open;
  }

  /** Forgets keys whose letters people have dropped since. */
  async review(): Promise<void> {
    const before = [...this.#open];
    if (before.length === 0 || (await this.count()) >= before.length) return;
    const there = new Set<string>();
    for await (const page of this.#keyPages()) for (const [id] of page) there.add(id);
    // A letter that was added meanwhile stays.
    for (const [key, ids] of before)
      if (this.#open.get(key) === ids && !ids.some((id) => there.has(id))) this.#open.delete(key);
  }

  /** Adds a letter in place of the earlier one of its key, and returns its id. It is in Redis on return. */
  async add(letter: Letter): Promise<string> {
    const earlier = this.#open.get(letter.key) ?? [];
    const args = [MAX_LETTERS, earlier.length, ...earlier, ...encodeLetter(letter)];
    const id = (await runScript(this.#redis, "dead-letter-add", [this.#stream], args)) as string;
    // Deleted first, so that the map stays in the order of age: the oldest go when the stream is trimmed.
    this.#open.delete(letter.key);
    this.#open.set(letter.key, [id]);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_LETTERS && oldest !== undefined) this.#open.delete(oldest);
    return id;
  }

  /** Removes the letters of keys whose rows have been written since. Keys without a letter cost nothing. */
  async heal(keys: Iterable<Bytes>): Promise<void> {
    if (this.#open.size === 0) return;
    const healed = [...new Set(keys)].filter((key) => this.#open.has(key));
    const letters = healed.map((key) => [key, this.#open.get(key)!] as const);
    await this.#remove(letters.flatMap(([, ids]) => ids));
    // A letter that was added meanwhile stays.
    for (const [key, ids] of letters) if (this.#open.get(key) === ids) this.#open.delete(key);
  }

  /** Of these keys, those whose letter is about a row that should have gone. */
  async deletes(keys: readonly Bytes[]): Promise<ReadonlySet<Bytes>> {
    const asked = new Set(keys);
    const found = new Set<Bytes>();
    let after: string | undefined;
    for (;;) {
      const page = await this.list({ count: PAGE, ...(after !== undefined && { after }) });
      if (page.length === 0) return found;
      for (const { key, operation } of page) if (operation === "delete" && asked.has(key)) found.add(key);
      after = page.at(-1)?.id;
    }
  }

  /** How many letters there are. */
  async count(): Promise<number> {
    return await this.#redis.xlen(this.#stream);
  }

  /** Letters from the oldest on; `after` is the id of the last one of the page before. */
  async list({ count = 100, after }: { readonly count?: number; readonly after?: string } = {}): Promise<
    readonly StoredLetter[]
  > {
    if (after !== undefined) checkIds([after]);
    const entries = await this.#redis.xrangeBuffer(
      this.#stream,
      after === undefined ? "-" : nextId(after),
      "+",
      "COUNT",
      count,
    );
    return entries.map(([id, fields]) => decodeLetter(id.toString(), fields));
  }

  /** Removes letters for good, and returns how many there were. */
  async drop(which: "all" | readonly string[]): Promise<number> {
    if (which !== "all") {
      const removed = await this.#remove(checkIds(which));
      await this.#redis.publish(CHANGED, this.#recipe);
      return removed;
    }
    const replies = await this.#redis
      .multi()
      .xlen(this.#stream)
      .del(this.#stream)
      .publish(CHANGED, this.#recipe)
      .exec();
    return replyOf(replies?.[0]) as number;
  }

  /**
   * Asks the runner to carry the keys of these letters again, and returns how many keys that are. Keys without a letter do not count.
   * The letters stay until healed.
   */
  async requestRetry(which: Selection): Promise<number> {
    const asked = new Set<Bytes>();
    for await (const keys of this.#keysOf(which)) {
      const fresh = [...new Set(keys)].filter((key) => !asked.has(key));
      for (const key of fresh) asked.add(key);
      if (fresh.length > 0)
        await this.#redis.rpush(retries(this.#recipe), ...fresh.map((key) => Buffer.from(key, "latin1")));
    }
    await this.#redis.publish(CHANGED, this.#recipe);
    return asked.size;
  }

  /** The keys that are to be carried again, at most 100,000: ask again when these are done with. */
  async retries(): Promise<Retries> {
    const list = retries(this.#recipe);
    const keys = await this.#redis.lrangeBuffer(list, 0, MAX_RETRIES - 1);
    return {
      keys: [...new Set(keys.map((key) => key.toString("latin1")))],
      done: async () => void (await this.#redis.ltrim(list, keys.length, -1)),
    };
  }

  async #remove(ids: readonly string[]): Promise<number> {
    let removed = 0;
    for (let at = 0; at < ids.length; at += PAGE) {
      removed += await this.#redis.xdel(this.#stream, ...ids.slice(at, at + PAGE));
    }
    return removed;
  }

  async *#keysOf(which: Selection): AsyncGenerator<readonly Bytes[]> {
    if (which === "all") {
      for await (const page of this.#keyPages()) yield page.map(([, key]) => key);
      return;
    }
    if ("keys" in which) {
      const chosen = new Set(which.keys);
      for await (const page of this.#keyPages()) yield page.flatMap(([, key]) => (chosen.has(key) ? [key] : []));
      return;
    }
    for (const id of checkIds(which.ids)) {
      const [entry] = await this.#redis.xrangeBuffer(this.#stream, id, id);
      if (entry !== undefined) yield [decodeLetter(id, entry[1]).key];
    }
  }

  /** Ids and keys of all letters, without their values, which may be large. */
  async *#keyPages(): AsyncGenerator<readonly (readonly [id: string, key: Bytes])[]> {
    let start = "-";
    for (;;) {
      const reply = (await runScriptBuffer(
        this.#redis,
        "dead-letter-keys",
        [this.#stream],
        [start, KEY_PAGE],
      )) as Buffer[];
      if (reply.length === 0) return;
      const page = reply.flatMap((id, at) =>
        at % 2 === 0 ? [[id.toString(), reply[at + 1]!.toString("latin1")] as const] : [],
      );
      yield page.filter(([, key]) => key !== "");
      start = nextId(page.at(-1)![0]);
    }
  }
}

/** The least id that is greater: "(" as an exclusive start needs Redis 6.2. */
function nextId(id: string): string {
  const [ms, sequence] = id.split("-");
  return sequence === undefined ? `${BigInt(ms!) + 1n}-0` : `${ms}-${BigInt(sequence) + 1n}`;
}

function replyOf(reply: [Error | null, unknown] | undefined): unknown {
  if (reply?.[0]) throw reply[0];
  return reply?.[1];
}

function checkIds(ids: readonly string[]): readonly string[] {
  const wrong = ids.find((id) => !/^\d{1,19}(-\d{1,19})?$/.test(id));
  if (wrong === undefined) return ids;
  throw new UserError("USAGE", `A dead letter's id looks like "1700000000000-0", got ${JSON.stringify(wrong)}.`, {
    hint: '"wbsync dlq list" shows the ids.',
  });
}
