/** Looks at what hashes there are in Redis. */
import type { Redis } from "ioredis";

/** Hashes of one key prefix, and what a few of them hold. */
export interface PrefixSample {
  readonly prefix: string;
  /** How many keys were seen. */
  readonly keys: number;
  /** The number of parts that the ids have when split at colons; undefined where they differ. */
  readonly idParts: number | undefined;
  /** Fields and some of their values, the most frequent field first. */
  readonly fields: ReadonlyMap<string, readonly string[]>;
}

/** Keys that are looked at in all, and hashes that are read of each prefix. */
const MAX_KEYS = 100_000;
const MAX_HASHES = 50;
/** A hash with more fields than that is no record. */
const MAX_FIELDS = 500;

interface Seen {
  keys: number;
  readonly parts: Set<number>;
  readonly examples: string[];
}

/** Samples by SCAN: the server is not held up. */
export async function sampleHashes(redis: Redis): Promise<readonly PrefixSample[]> {
  const seen = await scan(redis);
  const samples: PrefixSample[] = [];
  for (const [prefix, { keys, parts, examples }] of seen) {
    const fields = await readFields(redis, examples);
    if (fields.size === 0) continue;
    samples.push({ prefix, keys, idParts: parts.size === 1 ? [...parts][0] : undefined, fields });
  }
  return samples.sort((a, b) => b.keys - a.keys);
}

async function scan(redis: Redis): Promise<ReadonlyMap<string, Seen>> {
  const prefixes = new Map<string, Seen>();
  let cursor = "0";
  let total = 0;
  do {
    const [next, keys] = await redis.scan(cursor, "COUNT", 1000, "TYPE", "hash");
    for (const key of keys) note(prefixes, key);
    total += keys.length;
    cursor = next;
  } while (cursor !== "0" && total < MAX_KEYS);
  return prefixes;
}

function note(prefixes: Map<string, Seen>, key: string): void {
  const at = key.indexOf(":");
  // wbsync's own keys, and those that are being written through.
  if (at < 1 || key.startsWith("wbsync:") || key.includes("{")) return;
  const prefix = key.slice(0, at);
  const seen = prefixes.get(prefix) ?? { keys: 0, parts: new Set(), examples: [] };
  prefixes.set(prefix, seen);
  seen.keys++;
  seen.parts.add(key.slice(at + 1).split(":").length);
  if (seen.examples.length < MAX_HASHES) seen.examples.push(key);
}

async function readFields(redis: Redis, keys: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const lengths = redis.pipeline();
  for (const key of keys) lengths.hlen(key);
  const counts = (await lengths.exec()) ?? [];
  const small = keys.filter((_, at) => Number(counts[at]?.[1] ?? 0) <= MAX_FIELDS);
  const hashes = redis.pipeline();
  for (const key of small) hashes.hgetall(key);
  const values = new Map<string, string[]>();
  for (const [, hash] of (await hashes.exec()) ?? []) {
    for (const [field, value] of Object.entries((hash ?? {}) as Record<string, string>)) {
      // "#" is an instruction to wbsync, not data.
      if (field === "#") continue;
      const known = values.get(field) ?? [];
      values.set(field, known);
      known.push(value);
    }
  }
  return new Map([...values].sort(([, a], [, b]) => b.length - a.length));
}
