/** Makes the partitions of a recipe: what it says, the table's columns, and the parts that a partition is put together from. */
import type { Redis } from "ioredis";
import { Buffer as ChangeBuffer } from "../buffer/buffer.js";
import type { Entry } from "../buffer/entry.js";
import type { Sink } from "../connectors/connector.js";
import type { Bytes, Checkpoint, Column } from "../model.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import { Partition } from "./partition.js";
import type { Whole } from "./whole.js";
import { policyFor } from "./policies.js";
import { PipelinedReader } from "./read.js";
import { Resolver } from "./resolve.js";
import { RowMaker } from "./rows.js";
import { Writer } from "./write.js";

export interface PartitionMakerOptions {
  readonly recipe: WriteBehindRecipe;
  /** What the recipe's keys begin with. */
  readonly head: Bytes;
  /** For reading back. */
  readonly redis: Redis;
  /** One a partition. */
  readonly sinks: readonly Sink[];
  readonly whole: Whole;
  /** A partition cannot write, and why; undefined: it can again. */
  readonly onTrouble: (partition: number, reason: string | undefined) => void;
}

/** Bytes of values that all partitions together hold in memory; past it they keep keys only. */
const MAX_VALUE_BYTES = 64 * 2 ** 20;

export class PartitionMaker {
  readonly #options: PartitionMakerOptions;
  readonly #fieldNames: readonly Bytes[];
  readonly #fields: ReadonlyMap<Bytes, number>;
  /** As the database's catalog says. */
  columns: readonly Column[] = [];

  constructor(options: PartitionMakerOptions) {
    this.#options = options;
    this.#fieldNames = options.recipe.mappings.map(({ field }) => bytes(field));
    this.#fields = new Map(this.#fieldNames.map((name, place) => [name, place]));
  }

  /** Throws where the table's columns are not as the recipe needs them. */
  rowMaker(): RowMaker {
    const { recipe, head } = this.#options;
    const idOf = (key: Bytes) => key.slice(head.length);
    const { connector, mappings } = recipe;
    return new RowMaker({ idOf, primaryKey: connector.primaryKey, mappings, columns: this.columns });
  }

  /** `resume`: what the checkpoint means in the present history. */
  make(checkpoint: Checkpoint, rows: RowMaker, resume: Pick<Checkpoint, "low" | "high">): Partition {
    const { recipe, whole, redis } = this.#options;
    const fieldNames = recipe.mappings.map(({ field }) => field);
    const onTrouble = (reason: string | undefined) => this.#options.onTrouble(checkpoint.partition, reason);
    const reader = new PipelinedReader(redis, recipe.transform ? undefined : this.#fieldNames);
    const partition: Partition = new Partition({
      batch: recipe.batch,
      durationMs: recipe.duration,
      fieldNames,
      rows,
      whole,
      resumeLow: resume.low,
      resumeHigh: resume.high,
      buffer: this.#buffer(),
      resolver: new Resolver({ reader, fieldNames, transform: recipe.transform, onTrouble }),
      writer: this.#writer(checkpoint, () => partition, onTrouble),
    });
    return partition;
  }

  /** Entries of another version: their values are mapped by this one's fields. */
  rearrange(entries: readonly Entry[], before: PartitionMaker): void {
    if (before.#fieldNames.join("\0") === this.#fieldNames.join("\0")) return;
    const places = this.#fieldNames.map((name) => before.#fields.get(name));
    for (const entry of entries) entry.rearrange(places);
  }

  #buffer(): ChangeBuffer {
    const { recipe } = this.#options;
    return new ChangeBuffer({
      fields: this.#fields,
      maxBytes: MAX_VALUE_BYTES / recipe.partitions,
      removes: (cause) => policyFor(cause, recipe) === "delete",
    });
  }

  #writer(checkpoint: Checkpoint, partition: () => Partition, onTrouble: (reason: string | undefined) => void): Writer {
    return new Writer({
      sink: this.#options.sinks[checkpoint.partition] as Sink,
      checkpoint,
      areDistinct: () => partition().rows.areDistinct,
      refuse: (item, error) => partition().refuse(item, error),
      onTrouble,
      onOpened: ({ columns }) => {
        this.columns = columns;
        partition().rows = this.rowMaker();
      },
    });
  }
}

function bytes(value: string): Bytes {
  return Buffer.from(value, "utf8").toString("latin1");
}
