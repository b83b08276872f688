/** The checkpoint table: one row a recipe, table and partition, moved in the transaction of the rows it speaks for. */
import { SupersededError, UserError, WbsyncError } from "../../errors.js";
import type { Checkpoint, CheckpointMove, Counters } from "../../model.js";
import { textOf } from "./catalog-values.js";
import { quoteTable, type Dialect, type Session, type Statement, type Steps } from "./database.js";
import type { TableReference } from "./table.js";

const KEY = ["recipe", "target", "partition_no"] as const;
const FIELDS = ["token", "replid", "low_offset", "db", "high_offset", "snapshot", "counters", "version"] as const;

/** Whose checkpoints. */
export interface CheckpointOwner {
  readonly recipe: string;
  readonly reference: TableReference;
}

/** Pure statement builders for one owner's rows. */
export class CheckpointStatements {
  readonly #dialect: Dialect;
  readonly #owner: CheckpointOwner;
  readonly #quote: (name: string) => string;
  readonly table: string;

  constructor(dialect: Dialect, owner: CheckpointOwner) {
    this.#dialect = dialect;
    this.#owner = owner;
    this.#quote = dialect.quoteOwn ?? dialect.quote;
    this.table = quoteTable({ quote: this.#quote }, owner.reference.checkpointTable);
  }

  create(): Statement {
    return { sql: this.#dialect.createCheckpointTable(this.table), params: [] };
  }

  read(): Statement {
    const columns = [KEY[2], ...FIELDS].map(this.#quote).join(", ");
    const params = [this.#owner.recipe, this.#owner.reference.label];
    return { sql: `SELECT ${columns} FROM ${this.table} WHERE ${this.#where([KEY[0], KEY[1]], 1)}`, params };
  }

  insert(checkpoint: Checkpoint): Statement {
    const columns = [...KEY, ...FIELDS, "updated_at"].map(this.#quote);
    const params = [...this.#key(checkpoint.partition), ...fieldsOf(checkpoint)];
    const values = [...params.map((_, i) => this.#dialect.placeholder(i + 1)), this.#dialect.now];
    const sql =
      this.#dialect.insertCheckpoint?.({ table: this.table, columns, values, keyLength: KEY.length }) ??
      `INSERT INTO ${this.table} (${columns.join(", ")}) VALUES (${values.join(", ")})`;
    return { sql, params };
  }

  /** `first` is the number of its first parameter. */
  update(checkpoint: Checkpoint, from: string, first = 1): Statement {
    const { placeholder, now } = this.#dialect;
    const quote = this.#quote;
    const sets = FIELDS.map((name, i) => `${quote(name)} = ${placeholder(first + i)}`).join(", ");
    const where = this.#where([...KEY, "token"], first + FIELDS.length);
    return {
      sql: `UPDATE ${this.table} SET ${sets}, ${quote("updated_at")} = ${now} WHERE ${where}`,
      params: [...fieldsOf(checkpoint), ...this.#key(checkpoint.partition), from],
    };
  }

  remove(partition: number, from: string): Statement {
    return {
      sql: `DELETE FROM ${this.table} WHERE ${this.#where([...KEY, "token"], 1)}`,
      params: [...this.#key(partition), from],
    };
  }

  count(partition: number): Statement {
    return {
      sql: `SELECT COUNT(*) FROM ${this.table} WHERE ${this.#where(KEY, 1)}`,
      params: this.#key(partition),
    };
  }

  #key(partition: number): readonly unknown[] {
    return [this.#owner.recipe, this.#owner.reference.label, String(partition)];
  }

  #where(names: readonly string[], first: number): string {
    const { placeholder } = this.#dialect;
    return names.map((name, i) => `${this.#quote(name)} = ${placeholder(first + i)}`).join(" AND ");
  }
}

/** Moves the checkpoints, or throws SupersededError where a stored token is not the expected one (invariant 3). */
export function* moveCheckpoints(
  statements: CheckpointStatements,
  moves: readonly CheckpointMove[],
  isDuplicate: (error: unknown) => boolean,
): Steps {
  // In one order for everybody, so that two writers never wait for each other.
  for (const { partition, from, to } of [...moves].sort((a, b) => a.partition - b.partition)) {
    if (from === undefined) {
      if (to === undefined) {
        const { rows } = yield statements.count(partition);
        if (Number(rows[0]?.[0]) !== 0) throw new SupersededError();
        continue;
      }
      yield* insertCheckpoint(statements.insert(to), isDuplicate);
      continue;
    }
    const { affected } = yield to ? statements.update(to, from) : statements.remove(partition, from);
    if (affected !== 1) throw new SupersededError();
  }
}

function* insertCheckpoint(statement: Statement, isDuplicate: (error: unknown) => boolean): Steps {
  let affected: number;
  try {
    ({ affected } = yield statement);
  } catch (error) {
    throw isDuplicate(error) ? new SupersededError() : error;
  }
  if (affected === 0) throw new SupersededError();
}

/** Reads the checkpoints; creates the table where it is missing. Several partitions may do so at the same moment. */
export async function openCheckpoints(
  session: Session,
  owner: CheckpointOwner,
  isMissing: (error: unknown) => boolean,
): Promise<readonly Checkpoint[]> {
  const statements = new CheckpointStatements(session.dialect, owner);
  const read = async () => (await session.run(statements.read())).rows.map(checkpointOf);
  try {
    // Read before anything is created: a user without the right to create tables may have been given this one.
    return await read();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const create = statements.create();
  let failure: unknown;
  try {
    await session.run(create);
  } catch (error) {
    // Another partition may have created it a moment ago: whether it is there now is what counts.
    failure = error;
  }
  try {
    return await read();
  } catch (error) {
    if (!isMissing(error) || failure === undefined) throw error;
    throw new UserError(
      "DATABASE_MISCONFIGURED",
      `The checkpoint table ${statements.table} does not exist and could not be created`,
      { hint: `Let this user create tables, or create it yourself:\n${create.sql}`, cause: failure },
    );
  }
}

function fieldsOf(checkpoint: Checkpoint): readonly unknown[] {
  return [
    checkpoint.token,
    checkpoint.replid,
    String(checkpoint.low),
    String(checkpoint.db),
    String(checkpoint.high),
    checkpoint.snapshot,
    checkpoint.counters ? JSON.stringify(checkpoint.counters) : null,
    checkpoint.version,
  ];
}

function checkpointOf(row: readonly unknown[]): Checkpoint {
  const [partition, token, replid, low, db, high, snapshot, counters, version] = row.map((value) =>
    value === null || value === undefined ? undefined : textOf(value),
  );
  return {
    partition: integer(partition),
    token: token ?? "",
    replid: replid ?? "",
    low: integer(low),
    db: integer(db),
    high: integer(high),
    snapshot: snapshot === "pending" ? "pending" : "done",
    ...(counters ? { counters: JSON.parse(counters) as Counters } : {}),
    version: version ?? "",
  };
}

function integer(text: string | undefined): number {
  const number = Number(text);
  if (text !== undefined && Number.isSafeInteger(number)) return number;
  throw new WbsyncError("DATABASE_MISCONFIGURED", `The checkpoint table holds "${text}" where a number is expected`);
}
