/**
 * Deletes. An id that its column cannot hold has no row: its deletion must neither reach the row of another id, nor fail again and
 * again.
 */
import type { Row, Value } from "../../model.js";
import type { Steps, Target } from "../sql/database.js";
import { isPadded } from "./blanks.js";
import { isForeignText } from "./errors.js";
import { quote, whereKey } from "./names.js";
import type { MysqlColumn } from "./types.js";

type MysqlTarget = Target<MysqlColumn>;

/** Deletes these rows by statements that begin with `head` and go on with so many ids. */
type Execute = (head: string, rows: readonly Row[], sqlFor: (count: number) => string) => Steps;

/** The statements that delete these rows. */
export function* remove(target: MysqlTarget, rows: readonly Row[], execute: Execute): Steps {
  const padded = rows.filter((row) => isPadded(target.key, row));
  const others = padded.length === 0 ? rows : rows.filter((row) => !isPadded(target.key, row));
  try {
    yield* removeWhere(target, "", others, execute);
    // A row that does end in a blank was put there by somebody else.
    yield* removeWhere(target, endsInBlank(target), padded, execute);
  } catch (error) {
    // Of several ids one is to blame: the batch is taken apart until it is alone.
    if (rows.length !== 1 || !isForeignText(error)) throw error;
    if (yield* canHaveRow(target, rows[0] as Row)) throw error;
  }
}

function* removeWhere(target: MysqlTarget, condition: string, rows: readonly Row[], execute: Execute): Steps {
  const [first] = target.key;
  const head = `DELETE FROM ${target.table} WHERE ${condition}`;
  const single = target.key.length === 1 && first !== undefined;
  yield* execute(head, rows, (count) =>
    single
      ? `${head}${quote(first.name)} IN (${new Array<string>(count).fill(first.comparand).join(",")})`
      : `${head}(${new Array<string>(count).fill(`(${whereKey(target)})`).join(" OR ")})`,
  );
}

/** LIKE does not pad. */
function endsInBlank({ key }: MysqlTarget): string {
  const ends = key.filter(({ pads }) => pads).map(({ name }) => `${quote(name)} LIKE '% '`);
  return `(${ends.join(" OR ")}) AND `;
}

/**
 * The error of a comparison with characters that the column's character set lacks; only the server knows them all. But a trigger may
 * raise it as well, and that row must not be passed over: a SELECT fires none.
 */
function* canHaveRow(target: MysqlTarget, { id }: Row): Generator<{ sql: string; params: readonly Value[] }, boolean> {
  try {
    yield { sql: `SELECT 1 FROM ${target.table} WHERE ${whereKey(target)}`, params: id };
    return true;
  } catch (error) {
    if (isForeignText(error)) return false;
    throw error;
  }
}
