/** The checkpoint table's CQL, and its rows. Pure. */
import { WbsyncError } from "../../errors.js";
import type { Checkpoint, Counters } from "../../model.js";
import type { TableReference } from "../sql/table.js";
import { quote, quoteTable } from "./cql.js";
import { integerEncoder } from "./encode.js";
import type { Cells, Statement } from "./session.js";

/** Whose checkpoints. */
export interface CheckpointOwner {
  readonly recipe: string;
  readonly reference: TableReference;
}

/** A row of the checkpoint table. */
export interface Stored {
  /** undefined: rows have been announced, and the first checkpoint is still to come. */
  readonly token: string | undefined;
  /** The highest timestamp that a row of this partition may have. */
  readonly clock: bigint | undefined;
  /** The newest offset that a row may reflect. */
  readonly high: number;
  /** undefined where there is no token. */
  readonly checkpoint: Checkpoint | undefined;
}

const COLUMNS = {
  recipe: "text",
  target: "text",
  partition_no: "int",
  token: "text",
  replid: "text",
  low_offset: "bigint",
  db: "int",
  high_offset: "bigint",
  snapshot: "text",
  counters: "text",
  version: "text",
  clock: "bigint",
  updated_at: "timestamp",
} as const;

/** The columns that the checkpoint table must have. */
export const CHECKPOINT_COLUMNS: readonly string[] = Object.keys(COLUMNS);

const WHERE = `WHERE "recipe" = ? AND "target" = ? AND "partition_no" = ?`;
/** A row is changed only by whoever knows its last change: `token` differs after every move, `clock` after every announcement. */
const CONDITION = `IF "token" = ? AND "clock" = ?`;
const bigint = integerEncoder(8);

export class CheckpointStatements {
  readonly #owner: CheckpointOwner;
  readonly table: string;

  constructor(owner: CheckpointOwner) {
    this.#owner = owner;
    this.table = quoteTable(owner.reference.checkpointTable);
  }

  /** All checkpoints of a recipe and table are in one partition: so one conditional batch can move several. */
  create(): string {
    const columns = Object.entries(COLUMNS).map(([name, type]) => `  ${quote(name)} ${type},\n`);
    return `CREATE TABLE IF NOT EXISTS ${this.table} (\n${columns.join("")}  PRIMARY KEY (("recipe", "target"), "partition_no")\n)`;
  }

  read(): Statement {
    return {
      cql: `SELECT ${CHECKPOINT_COLUMNS.map(quote).join(", ")} FROM ${this.table} WHERE "recipe" = ? AND "target" = ?`,
      params: this.#partition(),
    };
  }

  /** Says which timestamps and offsets rows are about to have. */
  announce(partition: number, stored: Stored | undefined, next: { clock: bigint; high: number }): Statement {
    return {
      cql: `UPDATE ${this.table} SET "clock" = ?, "high_offset" = ? ${WHERE} ${CONDITION}`,
      params: [bigint(String(next.clock)), bigint(String(next.high)), ...this.#key(partition), ...condition(stored)],
    };
  }

  move(
    stored: Stored | undefined,
    next: { checkpoint: Checkpoint; clock: bigint | undefined; high: number },
  ): Statement {
    const { checkpoint, clock, high } = next;
    const values = {
      token: checkpoint.token,
      replid: checkpoint.replid,
      low_offset: bigint(String(checkpoint.low)),
      db: checkpoint.db,
      high_offset: bigint(String(high)),
      snapshot: checkpoint.snapshot,
      counters: checkpoint.counters ? JSON.stringify(checkpoint.counters) : null,
      version: checkpoint.version,
      clock: clock === undefined ? null : bigint(String(clock)),
      updated_at: new Date(),
    };
    const sets = Object.keys(values).map((name) => `${quote(name)} = ?`);
    return {
      cql: `UPDATE ${this.table} SET ${sets.join(", ")} ${WHERE} ${CONDITION}`,
      params: [...Object.values(values), ...this.#key(checkpoint.partition), ...condition(stored)],
    };
  }

  remove(partition: number, stored: Stored | undefined): Statement {
    return {
      cql: `DELETE FROM ${this.table} ${WHERE} ${CONDITION}`,
      params: [...this.#key(partition), ...condition(stored)],
    };
  }

  #partition(): readonly unknown[] {
    return [this.#owner.recipe, this.#owner.reference.label];
  }

  #key(partition: number): readonly unknown[] {
    return [...this.#partition(), partition];
  }
}

/** For a row that is not there both are NULL, and Cassandra compares NULL with NULL as equal here. */
function condition(stored: Stored | undefined): readonly unknown[] {
  const { token, clock } = stored ?? {};
  return [token ?? null, clock === undefined ? null : bigint(String(clock))];
}

/** The partition that a row is for, and the row. */
export function storedOf(row: Cells): readonly [number, Stored] {
  const text = (name: string): string | undefined => {
    const cell = row[name];
    return cell === null || cell === undefined ? undefined : `${cell as number}`;
  };
  const partition = integer(text("partition_no"));
  const [token, clock, counters] = [text("token"), text("clock"), text("counters")];
  const high = integer(text("high_offset") ?? "0");
  const checkpoint = (known: string): Checkpoint => ({
    partition,
    token: known,
    replid: text("replid") ?? "",
    low: integer(text("low_offset")),
    db: integer(text("db")),
    high,
    snapshot: text("snapshot") === "pending" ? "pending" : "done",
    ...(counters !== undefined && { counters: JSON.parse(counters) as Counters }),
    version: text("version") ?? "",
  });
  return [
    partition,
    {
      token,
      clock: clock === undefined ? undefined : BigInt(clock),
      high,
      checkpoint: token === undefined ? undefined : checkpoint(token),
    },
  ];
}

function integer(text: string | undefined): number {
  const number = Number(text);
  if (text !== undefined && Number.isSafeInteger(number)) return number;
  throw new WbsyncError("DATABASE_MISCONFIGURED", `The checkpoint table holds "${text}" where a number is expected`);
}
