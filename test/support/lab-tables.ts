/** Compares hashes with rows. */
import assert from "node:assert/strict";
import type { Redis } from "ioredis";
import type { LabDatabase } from "./lab-databases.js";

export interface TableOptions {
  readonly table?: string;
  readonly prefix?: string;
  /** Field → column. */
  readonly mappings?: Readonly<Record<string, string>>;
  readonly primaryKey?: string;
}

export const MAPPINGS = { first_name: "first", last_name: "last", age: "age", v: "v" } as const;

type Rows = Map<string, string>;

/** Every hash as the row that it should be, by id. */
export async function readHashes(redis: Redis, options: TableOptions = {}): Promise<Rows> {
  const { prefix = "person", mappings = MAPPINGS } = options;
  const rows: Rows = new Map();
  let cursor = "0";
  do {
    const [next, keys] = await redis.scan(cursor, "MATCH", `${prefix}:*`, "COUNT", 5000);
    cursor = next;
    const pipeline = redis.pipeline();
    for (const key of keys) pipeline.hmget(key, ...Object.keys(mappings));
    const replies = (await pipeline.exec()) as [Error | null, (string | null)[]][];
    keys.forEach((key, i) => {
      const [error, values] = replies[i]!;
      if (!error) rows.set(key.slice(prefix.length + 1), show(values));
    });
  } while (cursor !== "0");
  return rows;
}

/** Every row of the table, by id. */
export async function readTable(db: LabDatabase, options: TableOptions = {}): Promise<Rows> {
  const { table = "persons", mappings = MAPPINGS, primaryKey = "id" } = options;
  const columns = Object.values(mappings);
  const sql = `SELECT ${[primaryKey, ...columns].join(", ")} FROM ${table}`;
  const rows = db.other ? await db.other.rows() : await db.query(sql);
  return new Map(
    rows.map((row) => [`${row[primaryKey] as string}`, show(columns.map((column) => row[column] ?? null))]),
  );
}

/** Asserts that table and hashes are equal, row for row. Returns how many there are. */
export async function compareTable(redis: Redis, db: LabDatabase, options: TableOptions = {}): Promise<number> {
  const [hashes, rows] = await Promise.all([readHashes(redis, options), readTable(db, options)]);
  const wrong: string[] = [];
  for (const [id, hash] of hashes) if (rows.get(id) !== hash) wrong.push(`${id}: hash ${hash}, row ${rows.get(id)}`);
  for (const [id, row] of rows) if (!hashes.has(id)) wrong.push(`${id}: no hash, row ${row}`);
  const heads = wrong.slice(0, 10).join("\n");
  assert.equal(wrong.length, 0, `${wrong.length} of ${hashes.size} hashes and ${rows.size} rows differ:\n${heads}`);
  return hashes.size;
}

const show = (values: readonly unknown[]): string =>
  JSON.stringify(values.map((value) => (value === null ? null : `${value as string}`)));
