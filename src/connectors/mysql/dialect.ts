/** The SQL of MySQL and MariaDB. Pure, but for the memory of which statement sizes are worth preparing. */
import { RefusedValueError } from "../../errors.js";
import type { Row, Value } from "../../model.js";
import type { Dialect, Statement, Steps, Target } from "../sql/database.js";
import { distinctEnd } from "./blanks.js";
import { isOutOfRange } from "./errors.js";
import { quote, whereKey } from "./names.js";
import { remove } from "./remove.js";
import { StatementSizes } from "./statement-sizes.js";
import type { MysqlColumn } from "./types.js";

/** Placeholders of one statement at most: the protocol allows 65,535, and each costs memory in driver and server. */
const MAX_PARAMS = 16_000;

/** Bytes of one statement at most, where more rows than one are in it. */
const MAX_STATEMENT_BYTES = 8 << 20;

export { quote };

/** Builds the dialect for a server that takes packets of so many bytes. */
export function mysqlDialect(maxPacketBytes: number): Dialect<MysqlColumn> {
  const sizes = new StatementSizes();

  function* execute(
    name: string,
    rows: readonly Row[],
    width: number,
    sqlFor: (count: number) => string,
    bind: (row: Row, params: Value[], at: number) => void,
  ): Steps {
    let from = 0;
    while (from < rows.length) {
      const fits = countThatFits(rows, from, Math.max(1, Math.floor(MAX_PARAMS / width)), maxPacketBytes);
      const statements: Statement[] = [];
      for (const count of sizes.split(name, fits)) {
        const params = new Array<Value>(count * width);
        for (let i = 0; i < count; i++) bind(rows[from + i]!, params, i * width);
        statements.push({ sql: sqlFor(count), params });
        from += count;
      }
      yield statements;
    }
  }

  return {
    quote,
    placeholder: () => "?",
    now: "UTC_TIMESTAMP(3)",
    exampleType: "TEXT",
    exampleKeyType: "VARCHAR(64)",
    caseInsensitiveColumns: true,
    createCheckpointTable: (table) =>
      `CREATE TABLE IF NOT EXISTS ${table} (\n` +
      "  `recipe` VARCHAR(200) NOT NULL,\n  `target` VARCHAR(200) NOT NULL,\n  `partition_no` INT NOT NULL,\n" +
      "  `token` VARCHAR(64) NOT NULL,\n  `replid` VARCHAR(64) NOT NULL,\n  `low_offset` BIGINT NOT NULL,\n" +
      "  `db` INT NOT NULL,\n  `high_offset` BIGINT NOT NULL,\n  `snapshot` VARCHAR(16) NOT NULL,\n" +
      "  `counters` TEXT,\n  `version` VARCHAR(255) NOT NULL,\n  `updated_at` DATETIME(3) NOT NULL,\n" +
      "  PRIMARY KEY (`recipe`, `target`, `partition_no`)\n" +
      ") ENGINE = InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",

    *upsert(target, columns, rows): Steps {
      const all = [...target.key, ...columns];
      const { head, tail } = upsertText(target, columns);
      const marks = `(${all.map(() => "?").join(",")})`;
      const bind = binderOf(target.key, columns);
      try {
        yield* execute(
          head,
          rows,
          all.length,
          (count) => `${head} VALUES ${`${marks},`.repeat(count - 1)}${marks} ${tail}`,
          bind,
        );
      } catch (error) {
        if (target.otherUniqueKeys.length > 0 && isOutOfRange(error)) throw taken(target, error);
        throw error;
      }
    },

    update(target, columns, row) {
      const sets = columns.map((column) => `${quote(column.name)} = ?`).join(", ");
      const values = columns.map((column, i) => bound(column, row.values[i] ?? null));
      const params = [...values, ...target.key.map((column, i) => distinctEnd(column, row.id[i] ?? null))];
      return { sql: `UPDATE ${target.table} SET ${sets} WHERE ${whereKey(target)}`, params };
    },

    *remove(target, rows): Steps {
      const bind = binderOf([], []);
      yield* remove(target, rows, (head, some, sqlFor) => execute(head, some, target.key.length, sqlFor, bind));
    },
  };
}

/**
 * The text around the rows of an upsert. ON DUPLICATE KEY UPDATE fires on every unique index, and would then overwrite a row of
 * another key. Where there are several, the guard compares the key of the row found with the one that is written, and where they
 * differ adds one to the greatest integer there is: an error, so the row is refused.
 */
export function upsertText(
  target: Target<MysqlColumn>,
  columns: readonly MysqlColumn[],
): { head: string; tail: string } {
  const all = [...target.key, ...columns].map((column) => quote(column.name));
  const [first = ""] = all;
  const keys = all.slice(0, target.key.length);
  const sets = all.slice(target.key.length).map((name) => `${name} = VALUES(${name})`);
  if (target.otherUniqueKeys.length > 0) {
    const differs = keys.map((name) => `NOT (${target.table}.${name} <=> VALUES(${name}))`).join(" OR ");
    sets.unshift(
      `${first} = IF(18446744073709551615 + (${differs}) > 0, ${target.table}.${first}, ${target.table}.${first})`,
    );
  }
  if (sets.length === 0) sets.push(`${first} = ${target.table}.${first}`);
  return {
    head: `INSERT INTO ${target.table} (${all.join(", ")})`,
    tail: `ON DUPLICATE KEY UPDATE ${sets.join(", ")}`,
  };
}

function taken(target: Target<MysqlColumn>, cause: unknown): RefusedValueError {
  const indexes = target.otherUniqueKeys.map((key) => `"${key.name}" (${key.columns.join(", ")})`).join(", ");
  return new RefusedValueError(`Another row already holds these values in a unique index of the table: ${indexes}`, {
    hint: "Free the value in the other row, or correct this one.",
    cause,
  });
}

const bound = (column: MysqlColumn, value: Value): Value => (column.bind ? column.bind(value) : value);

/** Puts a row's id and values among the parameters; the common case is little more than a copy. */
function binderOf(
  key: readonly MysqlColumn[],
  columns: readonly MysqlColumn[],
): (row: Row, params: Value[], at: number) => void {
  const binds = [...key.map(keyBind), ...columns.map(({ bind }) => bind)];
  const special = binds.flatMap((bind, i) => (bind ? [{ i, bind }] : []));
  return ({ id, values }, params, at) => {
    for (let i = 0; i < id.length; i++) params[at + i] = id[i] as Value;
    for (let i = 0; i < values.length; i++) params[at + id.length + i] = values[i] as Value;
    for (const { i, bind } of special) params[at + i] = bind(params[at + i] as Value);
  };
}

/** A new row's id has to be one that no other key has. */
function keyBind(column: MysqlColumn): MysqlColumn["bind"] {
  return column.pads ? (value) => bound(column, distinctEnd(column, value)) : column.bind;
}

/** How many rows from `from` on fit into one packet. */
function countThatFits(rows: readonly Row[], from: number, maxRows: number, maxBytes: number): number {
  const end = Math.min(rows.length, from + maxRows);
  // Half of it is left to names, lengths and types.
  const room = Math.min(MAX_STATEMENT_BYTES, maxBytes / 2);
  let bytes = 0;
  for (let i = from; i < end; i++) {
    bytes += upperBound(rows[i]!);
    if (bytes > room && i > from) return i - from;
    if (bytes > room) refuseTooLarge(rows[i]!, maxBytes);
  }
  return end - from;
}

/** Bytes of a row in the protocol at most: a UTF-16 unit becomes three bytes of UTF-8 at most. */
function upperBound(row: Row): number {
  let bytes = 0;
  for (const value of row.id) if (value !== null) bytes += typeof value === "string" ? value.length * 3 : value.length;
  for (const value of row.values)
    if (value !== null) bytes += typeof value === "string" ? value.length * 3 : value.length;
  return bytes + (row.id.length + row.values.length) * 12;
}

function refuseTooLarge(row: Row, maxBytes: number): void {
  let bytes = 4096;
  for (const value of [...row.id, ...row.values]) if (value !== null) bytes += Buffer.byteLength(value) + 12;
  if (bytes <= maxBytes) return;
  throw new RefusedValueError(
    `The row has ${bytes.toLocaleString("en")} bytes, and the server takes packets of ${maxBytes.toLocaleString("en")}`,
    { hint: "Raise max_allowed_packet of the server." },
  );
}
