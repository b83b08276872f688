/** One row an id: what every connector makes sure of first, since databases differ in what they do with two. */
import { RefusedValueError } from "../errors.js";
import type { Batch, Row } from "../model.js";

/**
 * Two keys may turn into one id (a uuid in two spellings): the newest row wins, and the other is left out. Rows of one key never
 * meet here; the caller sees to that.
 */
export function newestRows(batch: Batch): Batch {
  if (batch.distinct) return batch;
  const rows = new Map<string, Row>();
  let collided = false;
  const add = (row: Row) => {
    const id = identity(row);
    const other = rows.get(id);
    if (other) collided = true;
    if (!other || row.offset >= other.offset) rows.set(id, row);
  };
  for (const row of batch.deletes) add(row);
  for (const group of batch.upserts) for (const row of group.rows) add(row);
  if (!collided) return batch;
  const newest = new Set(rows.values());
  const kept = (all: readonly Row[]) => all.filter((row) => newest.has(row));
  return {
    deletes: kept(batch.deletes),
    upserts: batch.upserts.map(({ columns, rows: all }) => ({ columns, rows: kept(all) })),
  };
}

function identity({ id }: Row): string {
  const [only] = id;
  if (id.length === 1 && typeof only === "string") return only;
  if (id.length === 1 && only) return (only as Buffer).toString("latin1");
  return id
    .map((value) => {
      if (value === null) {
        throw new RefusedValueError("A primary key cannot be NULL", { hint: "Map the key's columns to values." });
      }
      const text = typeof value === "string" ? value : value.toString("latin1");
      return `${text.length}:${text}`;
    })
    .join("");
}
