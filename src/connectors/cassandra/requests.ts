/** From a batch to requests: every row bound, rows of one partition together, none too large. Pure. */
import { RefusedValueError } from "../../errors.js";
import type { Batch, Row, Value } from "../../model.js";
import { quote } from "./cql.js";
import type { Statement } from "./session.js";
import type { Target, TargetColumn } from "./verify.js";

/**
 * Bytes of one unlogged batch at most, where it holds more than one row: the server warns above 5 KiB and refuses above 50 KiB,
 * unless it is told otherwise.
 */
const MAX_BATCH_BYTES = 4 * 1024;
/** Bytes that a value costs beside itself, on the wire and in the server's count. */
const VALUE_OVERHEAD = 16;

/** What is written in one request. */
export interface Request {
  readonly bytes: number;
  /** The statements, once the checkpoint has allowed the write and told its timestamp. */
  statements(timestamp: bigint): readonly Statement[];
}

/** The requests of a batch. */
export interface Requests {
  readonly requests: readonly Request[];
  /** Timestamps that they take: one, or more where several keys of the batch mean the same row. */
  readonly timestamps: number;
}

/** A row on its way. */
interface Bound {
  readonly cql: string;
  /** Without the timestamp, which is the last one of an upsert and the first one of a delete. */
  readonly params: readonly unknown[];
  readonly isDelete: boolean;
  readonly offset: number;
  /** Bytes of the partition key, and of the whole key: rows with the same ones are in one partition, or are one row. */
  readonly partition: string;
  readonly key: string;
  readonly bytes: number;
  /** The how-manieth write of this row within the batch. */
  rank: number;
}

/** Binds every row: a value that cannot be stored is refused here, before anything is sent. */
export function requestsOf(target: Target, batch: Batch): Requests {
  const bound = bindAll(target, batch);
  const timestamps = rankAll(bound);
  return { requests: pack(bound), timestamps };
}

function bindAll(target: Target, { upserts, deletes }: Batch): Bound[] {
  const bound: Bound[] = [];
  for (const { columns, rows } of upserts) {
    if (rows.length === 0) continue;
    const named = columns.map((name) => target.columns.get(name)!);
    const cql = upsertCql(target, named);
    for (const row of rows) bound.push(bind(target, named, row, cql, false));
  }
  const cql = deleteCql(target);
  for (const row of deletes) bound.push(bind(target, [], row, cql, true));
  return bound;
}

/** An INSERT, and not an UPDATE: the row exists then, also where every column of it is NULL. */
function upsertCql({ table, key }: Target, columns: readonly TargetColumn[]): string {
  const all = [...key, ...columns];
  const marks = all.map(() => "?").join(", ");
  return `INSERT INTO ${table} (${all.map(({ name }) => quote(name)).join(", ")}) VALUES (${marks}) USING TIMESTAMP ?`;
}

function deleteCql({ table, key }: Target): string {
  return `DELETE FROM ${table} USING TIMESTAMP ? WHERE ${key.map(({ name }) => `${quote(name)} = ?`).join(" AND ")}`;
}

function bind(target: Target, columns: readonly TargetColumn[], row: Row, cql: string, isDelete: boolean): Bound {
  const id = target.key.map((column, i) => encodeKey(column, row.id[i] ?? null));
  if (target.partitionKey.length === 1 && id[target.partitionKey[0]!]!.length === 0) {
    throw new RefusedValueError(
      `primary key "${target.key[target.partitionKey[0]!]!.name}": must not be empty in Cassandra`,
    );
  }
  const values = columns.map((column, i) => encodeValue(column, row.values[i] ?? null));
  const hex = id.map((bytes) => bytes.toString("hex"));
  let bytes = 0;
  for (const value of [...id, ...values]) bytes += VALUE_OVERHEAD + sizeOf(value);
  return {
    ...{ cql, isDelete, bytes, offset: row.offset, rank: 0 },
    params: [...id, ...values],
    partition: target.partitionKey.map((place) => hex[place]).join(),
    key: hex.join(),
  };
}

function encodeKey(column: TargetColumn, value: Value): Buffer {
  const encoded = encodeValue(column, value);
  if (encoded === null) throw new RefusedValueError(`primary key "${column.name}": expected a value, got NULL`);
  return typeof encoded === "string" ? Buffer.from(encoded) : encoded;
}

/** Bytes, or a text that the driver sends as UTF-8. NULL removes what the column holds. */
function encodeValue(column: TargetColumn, value: Value): Buffer | string | null {
  if (typeof value !== "string" || !column.encode) return value;
  try {
    return column.encode(value);
  } catch (error) {
    if (!(error instanceof RefusedValueError)) throw error;
    throw new RefusedValueError(`column "${column.name}": ${error.message}`, { cause: error });
  }
}

const sizeOf = (value: Buffer | string | null): number =>
  value === null ? 0 : typeof value === "string" ? Buffer.byteLength(value) : value.length;

/**
 * Numbers the writes of each row by their offset. Two keys of Redis can mean one row (a uuid in two spellings): what Cassandra
 * keeps is decided by the timestamp alone, so each write of a row needs one of its own. Returns the highest number of writes.
 */
function rankAll(bound: readonly Bound[]): number {
  const rows = groupBy(bound, ({ key }) => key);
  if (rows.size === bound.length) return 1;
  let most = 1;
  for (const same of rows.values()) {
    same.sort((a, b) => a.offset - b.offset).forEach((one, rank) => (one.rank = rank));
    most = Math.max(most, same.length);
  }
  return most;
}

/** Rows of one partition share requests, so that its replicas write them in one go. */
function pack(bound: readonly Bound[]): Request[] {
  const requests: Request[] = [];
  for (const rows of groupBy(bound, ({ partition }) => partition).values()) {
    for (const chunk of chunks(rows)) requests.push(requestOf(chunk));
  }
  return requests;
}

function groupBy(bound: readonly Bound[], keyOf: (one: Bound) => string): Map<string, Bound[]> {
  const groups = new Map<string, Bound[]>();
  for (const one of bound) {
    const same = groups.get(keyOf(one));
    if (same) same.push(one);
    else groups.set(keyOf(one), [one]);
  }
  return groups;
}

function* chunks(rows: readonly Bound[]): Generator<readonly Bound[]> {
  let chunk: Bound[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (chunk.length > 0 && bytes + row.bytes > MAX_BATCH_BYTES) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(row);
    bytes += row.bytes;
  }
  if (chunk.length > 0) yield chunk;
}

function requestOf(rows: readonly Bound[]): Request {
  return {
    bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
    statements: (timestamp) =>
      rows.map(({ cql, params, isDelete, rank }) => {
        const at = timestampBytes(timestamp + BigInt(rank));
        return { cql, params: isDelete ? [at, ...params] : [...params, at] };
      }),
  };
}

/** A bigint as CQL sends it. */
export function timestampBytes(timestamp: bigint): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(timestamp);
  return bytes;
}
