/** Reads which documents a collection has, in pages, by the primary key. */
import type { Collection, Document } from "mongodb";
import type { Bytes } from "../../model.js";
import type { MongodbColumn } from "./types.js";
import type { Target } from "./writes.js";

/** The ids after this one, in the order of the primary key. Documents whose key is of another type are somebody else's. */
export async function listIds(
  collection: Collection,
  { key }: Target,
  after: readonly Bytes[] | undefined,
  count: number,
): Promise<readonly (readonly Bytes[])[]> {
  const last = after?.map((part, i) => encodePart(key[i]!, part));
  const names = key.map(({ name }) => name);
  const ofType: Document = Object.fromEntries(key.map(({ name, bsonTypes }) => [name, { $type: bsonTypes }]));
  const beyond = last && names.map((name, i) => ({ ...equals(names, last, i), [name]: { $gt: last[i] } }));
  const found = await collection
    .find(beyond ? { $and: [ofType, { $or: beyond }] } : ofType)
    .sort(Object.fromEntries(names.map((name) => [name, 1])))
    .project({ _id: 0, ...Object.fromEntries(names.map((name) => [name, 1])) })
    .limit(count)
    .toArray();
  return found.map((document) => key.map(({ name, decode }) => bytesOf(decode(at(document, name)))));
}

const equals = (names: readonly string[], values: readonly unknown[], count: number): Document =>
  Object.fromEntries(names.slice(0, count).map((name, i) => [name, values[i]]));

/** A field, or one that is nested in others. */
function at(document: Document, path: string): unknown {
  return path.split(".").reduce<unknown>((outer, name) => (outer as Document | undefined)?.[name], document);
}

const bytesOf = (part: string | Buffer): Bytes => Buffer.from(part).toString("latin1");

function encodePart({ kind, encode }: MongodbColumn, part: Bytes): unknown {
  const bytes = Buffer.from(part, "latin1");
  return encode(kind.kind === "binary" ? bytes : bytes.toString());
}
