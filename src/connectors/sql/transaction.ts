/** The rows of one write as statements. Pure: it yields statements and is given their results. */
import type { Batch, Upserts } from "../../model.js";
import { newestRows } from "../newest-rows.js";
import type { CatalogColumn, Dialect, Move, Statement, Steps, Target } from "./database.js";

/** The rows of a batch as statements. */
export function* writeBatch<C extends CatalogColumn>(dialect: Dialect<C>, target: Target<C>, batch: Batch): Steps {
  const { upserts, deletes } = newestRows(batch);
  // Deletes first: a unique value that a deleted row held may be taken by a new one in the same batch.
  if (deletes.length > 0) yield* dialect.remove(target, deletes);
  for (const group of upserts) {
    if (group.rows.length > 0) yield* upsert(dialect, target, group);
  }
}

/** The whole write as one statement, where the batch is as simple as most are, and the database knows such a statement. */
export function writeAtOnce<C extends CatalogColumn>(
  dialect: Dialect<C>,
  target: Target<C>,
  batch: Batch,
  move: Move,
): Statement | undefined {
  if (!dialect.upsertAndMove || batch.deletes.length > 0 || batch.upserts.length !== 1) return undefined;
  const [group] = newestRows(batch).upserts;
  if (!group || group.rows.length === 0 || !isComplete(target, group)) return undefined;
  return dialect.upsertAndMove(target, columnsOf(target, group), group.rows, move);
}

function* upsert<C extends CatalogColumn>(dialect: Dialect<C>, target: Target<C>, group: Upserts): Steps {
  const columns = columnsOf(target, group);
  if (isComplete(target, group)) return yield* dialect.upsert(target, columns, group.rows);
  // A new row would be refused for a column that this group does not have, and databases check that even where the row exists.
  for (const row of group.rows) {
    const { affected } = yield dialect.update(target, columns, row);
    if (affected === 0) yield* dialect.upsert(target, columns, [row]);
  }
}

const columnsOf = <C extends CatalogColumn>(target: Target<C>, group: Upserts): readonly C[] =>
  group.columns.map((name) => target.columns.get(name) as C);

/** Whether a new row could be made of it. A row of nothing but its key is inserted as it is: only the database can say. */
function isComplete(target: Target, group: Upserts): boolean {
  const named = new Set([...target.key.map((column) => column.name), ...group.columns]);
  return group.columns.length === 0 || target.required.every((name) => named.has(name));
}
