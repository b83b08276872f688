/** Rows as bulk writes: upserts that touch mapped fields only. Pure. */
import type { AnyBulkWriteOperation, Document } from "mongodb";
import { RefusedValueError } from "../../errors.js";
import type { Batch, Row, Value } from "../../model.js";
import type { Bson } from "./driver.js";
import type { MongodbColumn } from "./types.js";

/** The collection to write, as the recipe needs it. */
export interface Target {
  readonly key: readonly MongodbColumn[];
  readonly columns: ReadonlyMap<string, MongodbColumn>;
  /** Bytes that a document may have. */
  readonly maxBytes: number;
  readonly sizeOf: Bson["BSON"]["calculateObjectSize"];
}

/** A list of digits takes so many times the bytes that it has as a text: each a type, its place as a text, and a number. */
const GROWTH = 10;
/** Ids in one delete: they travel as one list. */
const IDS = 1000;

/** Deletes come first, in a bulk of their own: a unique value that a deleted document held may be taken by a new one. */
export function bulksOf(target: Target, batch: Batch): readonly AnyBulkWriteOperation[][] {
  const upserts = batch.upserts.flatMap(({ columns, rows }) => {
    const shape = columns.map((name) => target.columns.get(name) as MongodbColumn);
    return rows.map((row) => upsert(target, shape, row));
  });
  return [deletesOf(target, batch.deletes), upserts].filter((bulk) => bulk.length > 0);
}

function pieces<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));
}

function deletesOf(target: Target, rows: readonly Row[]): AnyBulkWriteOperation[] {
  const filters = rows.map((row) => filterOf(target, row));
  const [only] = target.key;
  if (target.key.length > 1 || !only) return filters.map((filter) => ({ deleteOne: { filter } }));
  const ids = filters.map((filter) => filter[only.name] as unknown);
  return pieces(ids, IDS).map(($in) => ({ deleteMany: { filter: { [only.name]: { $in } } } }));
}

function upsert(target: Target, columns: readonly MongodbColumn[], row: Row): AnyBulkWriteOperation {
  const filter = filterOf(target, row);
  const $set: Document = {};
  const $unset: Record<string, true> = {};
  let sets = 0;
  let bytes = 0;
  for (let i = 0; i < columns.length; i++) {
    const { name, encode } = columns[i]!;
    const value = row.values[i];
    if (value === null || value === undefined) {
      $unset[name] = true;
      continue;
    }
    $set[name] = encode(value);
    bytes += value.length;
    sets++;
  }
  const update = {
    ...(sets > 0 && { $set }),
    ...(sets < columns.length && { $unset }),
    // Nothing to set: what there is stays, and what is not there comes to be.
    ...(columns.length === 0 && { $setOnInsert: filter }),
  };
  // The driver throws what is too large out of hand, and the whole batch with it.
  if (bytes * GROWTH > target.maxBytes) {
    const size = target.sizeOf({ q: filter, u: update, upsert: true });
    if (size >= target.maxBytes) throw tooLarge(size, target.maxBytes);
  }
  return { updateOne: { filter, update, upsert: true } };
}

function filterOf({ key }: Target, { id }: Row): Document {
  const filter: Document = {};
  for (let i = 0; i < key.length; i++) filter[key[i]!.name] = key[i]!.encode(partOf(id[i]));
  return filter;
}

function partOf(value: Value | undefined): Exclude<Value, null> {
  if (value !== null && value !== undefined) return value;
  throw new RefusedValueError("A primary key cannot be NULL", { hint: "Map the key's columns to values." });
}

function tooLarge(bytes: number, maxBytes: number): RefusedValueError {
  return new RefusedValueError(`The document would have ${bytes} bytes, and MongoDB holds ${maxBytes}`, {
    hint: "Map fewer fields, or keep such large values elsewhere.",
  });
}
