/** The steps of one write: move the checkpoints, delete, upsert. Pure: it yields statements and is given their results. */
import type { Batch, Upserts } from "../../model.js";
import { newestRows } from "../newest-rows.js";
import type { CatalogColumn, Dialect, Steps, Target } from "./database.js";

/** The rows of a batch as statements. */
export function* writeBatch<C extends CatalogColumn>(dialect: Dialect<C>, target: Target<C>, batch: Batch): Steps {
  const { upserts, deletes } = newestRows(batch);
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
