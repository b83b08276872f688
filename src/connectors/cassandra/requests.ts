/** From a batch to requests: every row bound, rows for the same replicas together, none too large. Pure. */
import { RefusedValueError } from "../../errors.js";
import type { Batch, Row, Value } from "../../model.js";
import { quote } from "./cql.js";
import type { Load } from "./send.js";
import type { Statement } from "./session.js";
import type { Target, TargetColumn } from "./verify.js";

/**
 * Bytes and partitions of one unlogged batch at most: above 5 KiB and above ten partitions the server warns, above 50 KiB it
 * refuses, unless it is told otherwise. A row alone may be as large as it is, and rows of one partition as many as fit.
 */
const MAX_BATCH_BYTES = 4 * 1024;
const MAX_BATCH_PARTITIONS = 10;
/** Bytes that a value costs beside itself, on the wire and in the server's count. */
const VALUE_OVERHEAD = 16;

/** What is written in one request. */
export interface Request extends Load {
  /** Of its first row: the request goes to a node that holds it, and all the others. */
  readonly routingKey: Buffer;
  /** The statements, once the checkpoint has allowed the write and told its timestamp. */
  statements(timestamp: bigint): readonly Statement[];
}

/** Names the nodes that hold a partition; partitions of one name may share a request. undefined: nobody knows. */
export type ReplicasOf = (routingKey: Buffer) => string | undefined;

/** A row on its way. */
interface Bound {
  readonly cql: string;
  /** Without the timestamp, which is the last one of an upsert and the first one of a delete. */
  readonly params: readonly unknown[];
  readonly isDelete: boolean;
  readonly offset: number;
  readonly routingKey: Buffer;
  /** The routing key, and the whole key, as texts: rows with the same ones are in one partition, or are one row. */
  readonly partition: string;
  readonly key: string;
  readonly bytes: number;
  /** The how-manieth write of this row within the batch. */
  rank: number;
}

/** Binds every row: a value that cannot be stored is refused here, before any row is sent. */
export function requestsOf(target: Target, batch: Batch, replicasOf: ReplicasOf): readonly Request[] {
  const bound = bindAll(target, batch);
  rankAll(bound);
  return pack(bound, replicasOf);
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
  const isPlain = id.length === 1;
  const routingKey = isPlain ? id[0]! : compose(target.partitionKey.map((place) => id[place]!));
  const partition = routingKey.toString("latin1");
  let bytes = 0;
  for (const value of id) bytes += VALUE_OVERHEAD + value.length;
  for (const value of values) bytes += VALUE_OVERHEAD + sizeOf(value);
  return {
    ...{ cql, isDelete, bytes, routingKey, partition, offset: row.offset, rank: 0 },
    params: [...id, ...values],
    key: isPlain ? partition : compose([routingKey, ...id]).toString("latin1"),
  };
}

/** A partition key as Cassandra hashes it: of several columns each has its length before it and a zero behind. */
function compose(parts: readonly Buffer[]): Buffer {
  if (parts.length === 1) return parts[0]!;
  const all: Buffer[] = [];
  for (const part of parts) all.push(Buffer.of(part.length >> 8, part.length & 0xff), part, Buffer.of(0));
  return Buffer.concat(all);
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
 * keeps is decided by the timestamp alone, so each write of a row needs one of its own.
 */
function rankAll(bound: readonly Bound[]): void {
  const rows = groupBy(bound, ({ key }) => key);
  if (rows.size === bound.length) return;
  for (const same of rows.values()) {
    same.sort((a, b) => a.offset - b.offset).forEach((one, rank) => (one.rank = rank));
  }
}

/** A request that may still take rows. */
interface Open {
  readonly rows: Bound[];
  bytes: number;
  partitions: number;
}

/**
 * Rows of one partition share requests; and partitions that are on the same nodes do, so that a batch costs a tenth of the
 * requests. In a cluster of many nodes few partitions of a batch are, and most rows travel alone.
 */
function pack(bound: readonly Bound[], replicasOf: ReplicasOf): Request[] {
  const requests: Request[] = [];
  const open = new Map<string, Open>();
  for (const rows of groupBy(bound, ({ partition }) => partition).values()) {
    const { routingKey, partition } = rows[0]!;
    const group = replicasOf(routingKey) ?? partition;
    for (const chunk of chunks(rows)) {
      const bytes = chunk.reduce((sum, row) => sum + row.bytes, 0);
      const before = open.get(group);
      if (before && before.bytes + bytes <= MAX_BATCH_BYTES && before.partitions < MAX_BATCH_PARTITIONS) {
        before.rows.push(...chunk);
        before.bytes += bytes;
        before.partitions++;
        continue;
      }
      if (before) requests.push(requestOf(before));
      open.set(group, { rows: chunk, bytes, partitions: 1 });
    }
  }
  for (const rest of open.values()) requests.push(requestOf(rest));
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

function* chunks(rows: readonly Bound[]): Generator<Bound[]> {
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

function requestOf({ rows, bytes }: Open): Request {
  return {
    rows: rows.length,
    bytes,
    routingKey: rows[0]!.routingKey,
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
