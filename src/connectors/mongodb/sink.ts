/**
 * Documents of a collection. In a replica set or sharded cluster rows and checkpoints are one transaction. A single server has none,
 * so there are three steps:
 *
 *     announce ──▶ rows, an unordered bulk ──▶ move the checkpoints
 *        └ refuses a writer that was overtaken, and stores how new the rows are going to be: after a crash in the middle nothing is
 *          written until capture has passed that (invariant 4)
 */
import type { ClientSession } from "mongodb";
import { WbsyncError } from "../../errors.js";
import type { Batch, Bytes, CheckpointMove } from "../../model.js";
import { orAbort } from "../../or-abort.js";
import type { ErrorClass, Opened, Sink, SinkContext } from "../connector.js";
import { newestRows } from "../newest-rows.js";
import { Checkpoints } from "./checkpoints.js";
import type { CollectionReference } from "./collection.js";
import { classifyMongodb, explainConnect } from "./errors.js";
import { listIds } from "./list-ids.js";
import { connectLink, type Link } from "./link.js";
import { resolveMongodb, type MongodbOptions } from "./options.js";
import { columnOf, type MongodbColumn } from "./types.js";
import { verifyFields, verifyKey } from "./verify.js";
import { bulksOf, type Target } from "./writes.js";

/** What `open` leaves behind. */
interface Open {
  readonly link: Link;
  readonly target: Target;
  readonly checkpoints: Checkpoints;
}

export class MongodbSink implements Sink {
  readonly #options: MongodbOptions;
  readonly #reference: CollectionReference;
  readonly #context: SinkContext;
  #open: Open | undefined;

  constructor(options: MongodbOptions, reference: CollectionReference, context: SinkContext) {
    this.#options = options;
    this.#reference = reference;
    this.#context = context;
  }

  async open(signal: AbortSignal): Promise<Opened> {
    await this.close();
    signal.throwIfAborted();
    verifyFields(this.#reference, this.#context.columns);
    const server = await orAbort(resolveMongodb(this.#options), signal);
    const link = await connectLink(server, signal);
    try {
      return await link.run(signal, () => this.#inspect(link));
    } catch (error) {
      link.cut();
      signal.throwIfAborted();
      throw explainConnect(error, server);
    }
  }

  async #inspect(link: Link): Promise<Opened> {
    const { name, primaryKey, types, checkpointCollection } = this.#reference;
    await verifyKey(link.db, this.#reference);
    const checkpoints = new Checkpoints({
      ...{ collection: link.db.collection(checkpointCollection), bson: link.driver },
      ...{ recipe: this.#context.recipe, target: name },
    });
    const stored = await checkpoints.read();
    const names = [...new Set([...primaryKey, ...this.#context.columns])];
    const all = { ...types, ...this.#context.types };
    const columns = new Map(names.map((column) => [column, columnOf(link.driver, column, all[column])]));
    const key = primaryKey.map((column) => columns.get(column) as MongodbColumn);
    const { maxBsonObjectSize: maxBytes } = link.hello;
    this.#open = {
      link,
      checkpoints,
      target: { key, columns, maxBytes, sizeOf: link.driver.BSON.calculateObjectSize },
    };
    return { columns: [...columns.values()].map(({ encode: _, ...column }) => column), checkpoints: stored };
  }

  async write(batch: Batch, moves: readonly CheckpointMove[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { link, checkpoints, target } = this.#opened();
    const bulks = bulksOf(target, newestRows(batch));
    const rows = async (session?: ClientSession) => {
      const collection = link.db.collection(this.#reference.name);
      for (const bulk of bulks) await collection.bulkWrite(bulk, { ordered: false, ...(session && { session }) });
    };
    try {
      if (link.hello.hasTransactions) {
        await link.run(signal, () =>
          link.transact(async (session) => {
            // First, because its conflict is what tells a second runner that it is one.
            await checkpoints.move(moves, session);
            await rows(session);
          }),
        );
        return;
      }
      if (bulks.length > 0) {
        await link.run(signal, () => checkpoints.announce(moves));
        await link.run(signal, rows);
      }
      await link.run(signal, () => checkpoints.move(moves));
    } catch (error) {
      if (!link.isHealthy) await this.close();
      throw error;
    }
  }

  async keys(
    after: readonly Bytes[] | undefined,
    count: number,
    signal: AbortSignal,
  ): Promise<readonly (readonly Bytes[])[]> {
    const { link, target } = this.#opened();
    return await link.run(signal, () => listIds(link.db.collection(this.#reference.name), target, after, count));
  }

  #opened(): Open {
    if (this.#open) return this.#open;
    throw new WbsyncError("DATABASE_UNREACHABLE", "The connection is closed: open() comes before anything else");
  }

  classify(error: unknown): ErrorClass {
    return classifyMongodb(error);
  }

  async close(): Promise<void> {
    const link = this.#open?.link;
    this.#open = undefined;
    await link?.close();
  }
}
