/** A statement that is executed once a row, in one round trip: what oracledb calls executeMany. */
import type { Row } from "../../model.js";
import type { Statement } from "../sql/database.js";
import type { BindType, Bound, OracleColumn } from "./types.js";

/** The type of one bind, for all rows. */
export interface BindDef {
  readonly type: BindType;
  /** Bytes at most, where the type needs it said. */
  readonly maxSize: number | undefined;
}

/** A statement with its rows. `params` is empty. */
export interface Many extends Statement {
  readonly rows: readonly (readonly Bound[])[];
  readonly defs: readonly BindDef[];
  /** Where the rows come from, in their order: for errors. */
  readonly sources: readonly Row[];
}

export const isMany = (statement: Statement): statement is Many => "defs" in statement;

/** Binds the values that `valuesOf` takes from the rows; a part wherever the rows become too many. */
export function* executeMany(
  sql: string,
  columns: readonly OracleColumn[],
  rows: readonly Row[],
  valuesOf: (row: Row) => readonly (string | Buffer | null)[],
): Generator<Many> {
  for (const part of parts(rows)) {
    const bound = part.map((row) => valuesOf(row).map((value, i) => columns[i]!.bind(value)));
    const defs = columns.map(({ bindType }, i) => ({ type: bindType, maxSize: maxSize(bindType, bound, i) }));
    yield { sql, params: [], rows: bound, defs, sources: part };
  }
}

/** The driver takes the longest value's length from here, not from the values. */
function maxSize(type: BindType, rows: readonly (readonly Bound[])[], column: number): number | undefined {
  if (!["VARCHAR", "NVARCHAR", "RAW"].includes(type)) return undefined;
  let size = 1;
  for (const row of rows) {
    const value = row[column];
    if (typeof value === "string" || Buffer.isBuffer(value)) size = Math.max(size, Buffer.byteLength(value));
  }
  return size;
}

/** Characters and bytes of one round trip at most: the driver builds it whole in memory, and makes a LOB of each long value. */
const MAX_SIZE = 8 << 20;

function* parts(rows: readonly Row[]): Generator<readonly Row[]> {
  let from = 0;
  let size = 0;
  for (let i = 0; i < rows.length; i++) {
    const { id, values } = rows[i]!;
    const added = [...id, ...values].reduce((sum, value) => sum + (value?.length ?? 0) + 4, 0);
    if (size + added > MAX_SIZE && i > from) {
      yield rows.slice(from, i);
      from = i;
      size = 0;
    }
    size += added;
  }
  if (from < rows.length) yield from === 0 ? rows : rows.slice(from);
}
