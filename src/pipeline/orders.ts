/** What a client wants written through: from its temporary key to a row, and, once that is settled, to the hash and the answer. */
import type { Redis } from "ioredis";
import { Entry } from "../buffer/entry.js";
import { explain, messageOf, RefusedValueError } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteThroughRecipe } from "../recipe/recipe.js";
import { ackStream, OWN } from "../redis/keys.js";
import { runScript } from "../redis/scripts.js";
import { OPERATION_FIELD, Operations, type Request, requestIn } from "./operations.js";
import { type Found, type HashReader, PipelinedReader } from "./read.js";
import type { Item, RowMaker } from "./rows.js";
import { applyTransforms } from "./transform.js";

/** One write of a client's, on its way. */
export interface Order {
  readonly temporary: Bytes;
  /** The key that it is for. */
  readonly key: Bytes;
  /** As the client wrote them, `#` included; undefined: whatever the temporary key holds. */
  readonly pairs: readonly Bytes[] | undefined;
  readonly start: number;
  readonly startDb: number;
  readonly end: number;
  /** It may have been carried out before a restart. */
  readonly isReplayed: boolean;
  /** The stream did not tell of it: a scan found its temporary key. */
  readonly isFound: boolean;
}

/** An order with what is to be done. */
export interface Job {
  readonly order: Order;
  readonly pairs: readonly Bytes[];
  readonly request: Request;
  /** undefined: nothing is to be written to the table. */
  item: Item | undefined;
  /** Why it is refused. */
  error: string | undefined;
}

const PLAIN: Request = { mark: "=", id: "", value: "=" };

export interface OrdersOptions {
  readonly recipe: WriteThroughRecipe;
  readonly redis: Redis;
  /** Marks the last step in Redis as this runner's own. */
  readonly marker: string;
  readonly log: Logger;
}

export class Orders {
  readonly #options: OrdersOptions;
  readonly #reader: HashReader;
  readonly #fields: readonly Bytes[];
  readonly #operations: Operations;
  /** Replaced whenever the table may have changed. */
  rows: RowMaker | undefined;
  written = 0;
  deleted = 0;
  failed = 0;

  constructor(options: OrdersOptions) {
    this.#options = options;
    this.#reader = new PipelinedReader(options.redis, undefined);
    this.#operations = new Operations(options.redis, options.log);
    this.#fields = options.recipe.mappings.map(({ field }) => Buffer.from(field).toString("latin1"));
  }

  /** Reads the hashes, and makes the rows that they become. */
  async prepare(orders: readonly Order[]): Promise<Job[]> {
    if (orders.length === 0) return [];
    const { found, offset } = await this.#reader.read([
      ...orders.map(({ temporary }) => temporary),
      ...orders.map(({ key }) => key),
    ]);
    return orders.flatMap((order, i) => {
      const job = jobOf(order, found[i] as Found);
      if (!job) return this.#recall(order, found[i] as Found);
      this.#makeRow(job, found[orders.length + i] as Found, offset);
      return [job];
    });
  }

  /** The rows that these hashes are now. A hash that is not there has none; what cannot become a row is left as it is. */
  async restore(keys: readonly Bytes[]): Promise<{ items: readonly Item[]; offset: number }> {
    if (keys.length === 0) return { items: [], offset: 0 };
    const { found, offset } = await this.#reader.read(keys);
    const items = keys.flatMap((key, i) => {
      try {
        return this.#rowOf(key, found[i] as Found, offset) ?? [];
      } catch (error) {
        if (!(error instanceof RefusedValueError)) throw error;
        this.#options.log.warn(`a row may differ from its hash, which it cannot hold: ${error.message}`);
        return [];
      }
    });
    return { items, offset };
  }

  /** Where a later one has taken its place, whoever waits for it has had an answer, or gets one. */
  #recall({ key, pairs }: Order, temporary: Found): readonly Job[] {
    const request = pairs && requestIn(pairs);
    if (request && temporary.kind === "hash") void this.#operations.answerOnce(key, request.id);
    return [];
  }

  #rowOf(key: Bytes, found: Found, offset: number): Item | undefined {
    const entry = new Entry(key, offset, 0, 0);
    if (found.kind === "hash") return this.#upsert(entry, found.record);
    return found.kind === "absent" ? (this.rows as RowMaker).delete(entry, offset) : undefined;
  }

  #makeRow(job: Job, hash: Found, offset: number): void {
    const { order, request, pairs } = job;
    const rows = this.rows as RowMaker;
    const entry = new Entry(order.key, order.start, order.startDb, 0);
    entry.last = Math.max(order.end, offset);
    try {
      if (hash.kind === "refused") throw new RefusedValueError(hash.error);
      if (request.mark === undefined)
        throw new RefusedValueError('the field "#" is not one of = + ~ - with an optional id');
      if (request.mark === "~") job.item = rows.delete(entry, entry.last);
      if (request.mark === "=") job.item = this.#upsert(entry, overlay(hash.kind === "hash" ? hash.record : [], pairs));
    } catch (error) {
      if (!(error instanceof RefusedValueError)) throw error;
      job.error = explain(error);
    }
  }

  #upsert(entry: Entry, record: ReadonlyMap<Bytes, Bytes>): Item | undefined {
    const rows = this.rows as RowMaker;
    const { transform } = this.#options.recipe;
    const values = () => this.#fields.map((field) => record.get(field) ?? null);
    if (!transform) return rows.upsert(entry, values(), entry.last);
    const [result] = applyTransforms(transform, [[entry.key, record]]);
    if (result && "error" in result) throw new RefusedValueError(result.error);
    return result?.record ? rows.upsertRecord(entry, result.record, entry.last) : undefined;
  }

  /** The last step in Redis, and the answer. */
  async finish({ order, pairs, request, item, error }: Job): Promise<void> {
    const { marker, redis, log } = this.#options;
    if (error !== undefined) this.failed++;
    else if (item?.kind === "delete") this.deleted++;
    else if (item) this.written++;
    const isDelete = request.mark === "~" || request.mark === "-";
    const fate = error !== undefined ? "none" : isDelete ? "delete" : "set";
    // A row that stays, or was not written, is no business of a write-behind beside it; otherwise it may have to look again.
    const isWritten = request.mark === "=" || request.mark === "~";
    const keys = [order.temporary, order.key, ackStream(order.key, request.id)].map(raw);
    const hasId = request.id === "" ? "" : "1";
    const args = [OWN, isWritten ? marker : "settle", fate, hasId, error ?? "", ...pairs.map(raw)];
    try {
      await runScript(redis, "write-through", keys, args);
    } catch (failure) {
      log.warn(`a write-through could not be finished in Redis: ${messageOf(failure)}`);
    }
  }
}

/** undefined: it was carried out before a restart, withdrawn, or written over by a later one. */
function jobOf(order: Order, temporary: Found): Job | undefined {
  const waiting = temporary.kind === "hash" ? temporary.record : undefined;
  if (!waiting && !order.pairs) return undefined;
  const asked = order.pairs ?? [...(waiting ?? [])].flat();
  const pairs = order.isReplayed ? stillHeld(asked, waiting) : asked;
  return pairs && { order, pairs, request: requestIn(asked) ?? PLAIN, item: undefined, error: undefined };
}

/** What of these pairs still waits in the temporary key, whose last step takes away what was carried out; undefined: nothing. */
function stillHeld(
  pairs: readonly Bytes[],
  waiting: ReadonlyMap<Bytes, Bytes> | undefined,
): readonly Bytes[] | undefined {
  const held: Bytes[] = [];
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const [field, value] = [pairs[i] as Bytes, pairs[i + 1] as Bytes];
    if (waiting?.get(field) === value) held.push(field, value);
  }
  // Two writes may well have the same mark.
  const isOnlyMark = held.length === 2 && held[0] === OPERATION_FIELD && pairs.length > 2;
  return held.length === 0 || isOnlyMark ? undefined : held;
}

function overlay(hash: Iterable<readonly [Bytes, Bytes]>, pairs: readonly Bytes[]): Map<Bytes, Bytes> {
  const result = new Map(hash);
  for (let i = 0; i + 1 < pairs.length; i += 2) result.set(pairs[i] as Bytes, pairs[i + 1] as Bytes);
  result.delete(OPERATION_FIELD);
  return result;
}

function raw(bytes: Bytes): Buffer {
  return Buffer.from(bytes, "latin1");
}
