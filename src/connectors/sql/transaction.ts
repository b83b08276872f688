/** The steps of one write: move the checkpoints, delete, upsert. Pure: it yields statements and is given their results. */
import { RefusedValueError } from "../../errors.js";
import type { Batch, Row, Upserts } from "../../model.js";
import type { CatalogColumn, Dialect, Steps, Target } from "./database.js";

/** The rows of a batch as statements. */
export function* writeBatch<C extends CatalogColumn>(dialect: Dialect<C>, target: Target<C>, batch: Batch): Steps {
  const { upserts, deletes } = oneRowAnId(batch);
  // Deletes first: a unique value that a deleted row held may be taken by a new one in the same batch.
  if (deletes.length > 0) yield* dialect.remove(target, deletes);
  for (const group of upserts) {
    if (group.rows.length > 0) yield* upsert(dialect, target, group);
  }
}

function* upsert<C extends CatalogColumn>(dialect: Dialect<C>, target: Target<C>, group: Upserts): Steps {
  const columns = group.columns.map((name) => target.columns.get(name) as C);
  const named = new Set([...target.key.map((column) => column.name), ...group.columns]);
  if (columns.length === 0 || target.required.every((name) => named.has(name))) {
    return yield* dialect.upsert(target, columns, group.rows);
  }
  // A new row would be refused for a column that this group does not have, and databases check that even where the row exists.
  for (const row of group.rows) {
    const { affected } = yield dialect.update(target, columns, row);
    if (affected === 0) yield* dialect.upsert(target, columns, [row]);
  }
}

/**
 * Two keys may turn into one id (a uuid in two spellings): the newest row wins. Rows of one key never meet here; the caller sees
 * to that.
 */
function oneRowAnId(batch: Batch): Batch {
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

function identity(row: Row): string {
  if (row.id.length === 1 && typeof row.id[0] === "string") return row.id[0];
  return row.id
    .map((value) => {
      if (value === null) {
        throw new RefusedValueError("A primary key cannot be NULL", { hint: "Map the key's columns to values." });
      }
      return typeof value === "string" ? `${value.length}:${value}` : `x${value.toString("latin1")}`;
    })
    .join("\u0000");
}
