/** Checkpoints as documents: one a recipe, collection and partition. */
import type { ClientSession, Collection, Document, Long } from "mongodb";
import { SupersededError } from "../../errors.js";
import type { Checkpoint, CheckpointMove, Counters } from "../../model.js";
import type { Bson } from "./driver.js";
import { isDuplicate } from "./errors.js";

interface Key {
  readonly recipe: string;
  readonly target: string;
  readonly partition: number;
}

interface Stored extends Omit<Checkpoint, "partition" | "low" | "high"> {
  readonly _id: Key;
  readonly low: Long | number;
  readonly high: Long | number;
  /** What is about to be written: after a crash in the middle, rows may reflect offsets up to `high` of this history. */
  readonly next?: { readonly replid: string; readonly high: Long | number };
}

export class Checkpoints {
  readonly #collection: Collection<Stored>;
  readonly #bson: Bson;
  readonly #recipe: string;
  readonly #target: string;

  constructor(options: { collection: Collection<Document>; bson: Bson; recipe: string; target: string }) {
    this.#collection = options.collection as unknown as Collection<Stored>;
    this.#bson = options.bson;
    this.#recipe = options.recipe;
    this.#target = options.target;
  }

  /** All of the recipe and collection. Where a write was announced and may have happened in part, `high` covers it (invariant 4). */
  async read(): Promise<readonly Checkpoint[]> {
    const found = await this.#collection
      .find({ "_id.recipe": this.#recipe, "_id.target": this.#target })
      .sort({ "_id.partition": 1 })
      .toArray();
    return found.map(checkpointOf);
  }

  /**
   * Where rows and checkpoints cannot be written in one transaction: says what is about to be written, and refuses a writer that was
   * overtaken.
   */
  async announce(moves: readonly CheckpointMove[]): Promise<void> {
    for (const { partition, from, to } of moves) {
      const _id = this.#key(partition);
      if (from === undefined) {
        if (await this.#collection.findOne({ _id })) throw new SupersededError();
        continue;
      }
      const next = to ? { replid: to.replid, high: this.#long(to.high) } : undefined;
      const update = next ? { $set: { next } } : { $unset: { next: "" as const } };
      const { matchedCount } = await this.#collection.updateOne({ _id, token: from }, update);
      if (matchedCount !== 1) throw new SupersededError();
    }
  }

  /** Moves the checkpoints, or throws SupersededError where a stored token is not the expected one (invariant 3). */
  async move(moves: readonly CheckpointMove[], session?: ClientSession): Promise<void> {
    const options = session ? { session } : {};
    // In one order for everybody, so that two writers never wait for each other.
    for (const { partition, from, to } of [...moves].sort((a, b) => a.partition - b.partition)) {
      const _id = this.#key(partition);
      if (from === undefined) {
        if (to) await this.#insert({ _id, ...this.#document(to) }, options);
        else if (await this.#collection.findOne({ _id }, options)) throw new SupersededError();
      } else if (to) {
        const { matchedCount } = await this.#collection.replaceOne({ _id, token: from }, this.#document(to), options);
        if (matchedCount !== 1) throw new SupersededError();
      } else {
        const { deletedCount } = await this.#collection.deleteOne({ _id, token: from }, options);
        if (deletedCount !== 1) throw new SupersededError();
      }
    }
  }

  async #insert(document: Stored, options: { session?: ClientSession }): Promise<void> {
    try {
      await this.#collection.insertOne(document, options);
    } catch (error) {
      throw isDuplicate(error) ? new SupersededError() : error;
    }
  }

  #key(partition: number): Key {
    return { recipe: this.#recipe, target: this.#target, partition };
  }

  #document({ partition: _, low, high, counters, ...rest }: Checkpoint): Omit<Stored, "_id"> {
    const counted = counters && { ...counters, offset: this.#long(counters.offset) };
    return {
      ...rest,
      ...{ low: this.#long(low), high: this.#long(high) },
      ...(counted && { counters: counted as unknown as Counters }),
      ...{ updatedAt: new Date() },
    };
  }

  #long(value: number): Long {
    return this.#bson.Long.fromNumber(value);
  }
}

function checkpointOf({ _id, next, low, high, counters, token, replid, db, snapshot, version }: Stored): Checkpoint {
  const announced = next?.replid === replid ? Number(next.high) : 0;
  return {
    ...{ partition: _id.partition, token, replid, db, snapshot, version },
    ...{ low: Number(low), high: Math.max(Number(high), announced) },
    ...(counters && { counters: { ...counters, offset: Number(counters.offset) } }),
  };
}
