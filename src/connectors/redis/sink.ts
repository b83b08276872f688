/**
 * Hashes of another Redis. On a single server rows and checkpoints are one script: all or nothing, like a transaction. In a cluster
 * no step can touch several nodes, so there are three:
 *
 *     announce ──▶ rows, a pipeline a node ──▶ move the checkpoints
 *        └ refuses a writer that was overtaken, and stores how new the rows are going to be: after a crash in the middle nothing is
 *          written until capture has passed that (invariant 4)
 */
import { RefusedValueError, SupersededError, WbsyncError } from "../../errors.js";
import type { Batch, Bytes, CheckpointMove } from "../../model.js";
import { orAbort } from "../../or-abort.js";
import { checkpoints } from "../../redis/keys.js";
import type { ErrorClass, Opened, Sink, SinkContext } from "../connector.js";
import { newestRows } from "../newest-rows.js";
import { announceArguments, moveArguments, readCheckpoints } from "./checkpoints.js";
import { columnOf } from "./columns.js";
import { classifyRedis } from "./errors.js";
import { keyMaker, type HashesReference } from "./hashes.js";
import { inspectServer } from "./inspect.js";
import { listIds } from "./list-ids.js";
import { connectLink, type Link } from "./link.js";
import { resolveRedis, type RedisOptions } from "./options.js";
import { packRows, writeOneByOne } from "./rows.js";

export class RedisSink implements Sink {
  readonly #options: RedisOptions;
  readonly #reference: HashesReference;
  readonly #context: SinkContext;
  readonly #checkpointKey: string;
  readonly #keyOf: ReturnType<typeof keyMaker>;
  #open: { readonly link: Link; readonly isCluster: boolean } | undefined;
  /** Where `keys` is. */
  #ids: AsyncGenerator<readonly Bytes[]> | undefined;

  constructor(options: RedisOptions, reference: HashesReference, context: SinkContext) {
    this.#options = options;
    this.#reference = reference;
    this.#context = context;
    this.#checkpointKey = checkpoints(context.recipe, reference.prefix);
    this.#keyOf = keyMaker(reference);
  }

  async open(signal: AbortSignal): Promise<Opened> {
    await this.close();
    signal.throwIfAborted();
    const server = await orAbort(resolveRedis(this.#options), signal);
    const link = await connectLink(server, signal);
    try {
      return await link.run(signal, async () => {
        await inspectServer(link, server, this.#reference, this.#context);
        const reply = (await link.call("HGETALL", [this.#checkpointKey])) as readonly Buffer[];
        const stored = readCheckpoints(fieldsOf(reply));
        this.#open = { link, isCluster: server.nodes !== undefined };
        const names = [...new Set([...this.#reference.primaryKey, ...this.#context.columns])];
        return { columns: names.map((name) => columnOf(name, this.#context.types?.[name])), checkpoints: stored };
      });
    } catch (error) {
      link.cut();
      throw error;
    }
  }

  async write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const open = this.#opened();
    const rows = newestRows(batch);
    try {
      if (open.isCluster) await this.#writeInSteps(open.link, rows, moves, signal);
      else await open.link.run(signal, () => this.#writeAtOnce(open.link, rows, moves));
    } catch (error) {
      if (!open.link.isHealthy) await this.close();
      throw error;
    }
  }

  async #writeAtOnce(link: Link, batch: Batch, moves: readonly CheckpointMove[]): Promise<void> {
    const { keys, args } = packRows(batch, this.#keyOf);
    const reply = (await link.script(
      "write-hashes",
      [this.#checkpointKey, ...keys],
      [String(moves.length), String(batch.deletes.length), ...moveArguments(moves), ...args],
    )) as [number, number, Buffer];
    if (reply[0] === 0) throw new SupersededError();
    if (reply[0] < 0) throw notAHash(keys[reply[1] - 1], String(reply[2]));
  }

  async #writeInSteps(link: Link, batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    const isEmpty = batch.deletes.length === 0 && batch.upserts.every(({ rows }) => rows.length === 0);
    if (!isEmpty) {
      const announced = await link.run(signal, () =>
        link.script("announce-hashes", [this.#checkpointKey], announceArguments(moves)),
      );
      if (announced !== 1) throw new SupersededError();
      await link.run(signal, () => writeOneByOne(link, batch, this.#keyOf));
    }
    await link.run(signal, () => this.#writeAtOnce(link, { upserts: [], deletes: [] }, moves));
  }

  /** SCAN goes on where it was: there is no order in which a key could be looked for. */
  async keys(
    after: readonly Bytes[] | undefined,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly Bytes[])[]> {
    const { link } = this.#opened();
    if (!after) this.#ids = undefined;
    const ids = (this.#ids ??= listIds(link, this.#reference));
    return await link.run(signal, async () => {
      const page: (readonly Bytes[])[] = [];
      while (page.length < count) {
        const next = await ids.next();
        if (next.done) break;
        page.push(next.value);
      }
      return page;
    });
  }

  #opened(): { readonly link: Link; readonly isCluster: boolean } {
    if (this.#open) return this.#open;
    throw new WbsyncError("DATABASE_UNREACHABLE", "The connection is closed: open() comes before anything else");
  }

  classify(error: unknown): ErrorClass {
    return classifyRedis(error);
  }

  async close(): Promise<void> {
    this.#open?.link.cut();
    this.#open = undefined;
    this.#ids = undefined;
  }
}

function notAHash(key: string | Buffer | undefined, type: string): RefusedValueError {
  return new RefusedValueError(`The key ${JSON.stringify(String(key))} of the target holds a ${type}, not a hash`, {
    hint: "Delete or rename that key, or choose another prefix for the copies.",
  });
}

function fieldsOf(reply: readonly Buffer[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let i = 0; i < reply.length; i += 2) fields[String(reply[i])] = String(reply[i + 1]);
  return fields;
}
