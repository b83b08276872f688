/** Databases without SQL that are measured: each a private server with an empty `persons`, and a bare loop of its driver. */
import { concurrent } from "cassandra-driver";
import { Redis } from "ioredis";
import { MongoClient } from "mongodb";
import { missingForCassandra, startCassandra } from "../support/cassandra.js";
import type { OtherKind } from "../support/lab-databases.js";
import { findMongodb, startMongodb } from "../support/mongodb.js";
import { startRedis } from "../support/redis.js";
import { COLUMNS, person } from "./person.js";

export interface OtherBench {
  /** The connector of a recipe, as source text. */
  readonly connector: string;
  /** Makes so many new rows ready; what it returns writes them, as the driver does it best. */
  bareLoop(firstId: number, rows: number): () => Promise<void>;
  /** Removes all rows. */
  clear(): Promise<void>;
  count(): Promise<number>;
  stop(): Promise<void>;
}

interface Other {
  /** What the bare loop is, for the heading. */
  readonly loop: string;
  /** Of the rows of other databases' rounds, the part that takes about as long here. */
  readonly part: number;
  /** Rounds that do not count: server and runner compile their code while they work. */
  readonly warmUps: number;
  /** Why its server cannot run here. */
  readonly missing: () => Promise<string | undefined>;
  readonly start: () => Promise<OtherBench>;
}

/** Rows of a batch, and batches under way: as four partitions have them. */
const [BATCH, PARALLEL] = [1000, 4];
/** Requests to Cassandra under way, as four partitions have them. */
const CASSANDRA_REQUESTS = 512;

const cassandra: Other = {
  ...{ loop: "prepared statements", part: 0.5, warmUps: 8, missing: missingForCassandra },
  async start() {
    const server = await startCassandra({ fast: true, heapMb: 1536 });
    await server.query("CREATE TABLE persons (id text PRIMARY KEY, first text, last text, age int)");
    const client = await server.client();
    const cql = `INSERT INTO persons (${COLUMNS.join(", ")}) VALUES (?, ?, ?, ?)`;
    const options = { concurrencyLevel: CASSANDRA_REQUESTS, collectResults: false };
    return {
      connector: `cassandra(${JSON.stringify(server.url)}).table("persons", { primaryKey: "id" })`,
      bareLoop(firstId, rows) {
        const params = people(firstId, rows).map(([id, first, last, age]) => [id, first, last, Number(age)]);
        return async () => void (await concurrent.executeConcurrent(client, cql, params, options));
      },
      clear: async () => void (await client.execute("TRUNCATE persons")),
      count: async () => Number((await client.execute("SELECT COUNT(*) AS n FROM persons")).rows[0]?.["n"]),
      stop: () => server.stop(),
    };
  },
};

const mongodb: Other = {
  ...{ loop: "unordered bulk writes", part: 0.3, warmUps: 2, missing: async () => (await findMongodb()).missing },
  async start() {
    const server = await startMongodb(await findMongodb());
    const client = new MongoClient(server.url, {
      maxPoolSize: PARALLEL,
      writeConcern: { w: "majority", journal: true },
    });
    const persons = client.db().collection<{ _id: string }>("persons");
    const upsert = ([_id, first, last, age]: Person) => ({
      updateOne: { filter: { _id }, update: { $set: { first, last, age } }, upsert: true },
    });
    return {
      connector: `mongodb(${JSON.stringify(server.url)}).collection("persons")`,
      bareLoop: (firstId, rows) =>
        inBatches(firstId, rows, async (batch) => {
          await persons.bulkWrite(batch.map(upsert), { ordered: false });
        }),
      clear: async () => void (await persons.deleteMany({})),
      count: () => persons.countDocuments(),
      async stop() {
        await client.close();
        await server.stop();
      },
    };
  },
};

const redis: Other = {
  ...{ loop: "pipelined HSETs", part: 1, warmUps: 2, missing: () => Promise.resolve(undefined) },
  async start() {
    const server = await startRedis();
    const clients = Array.from({ length: PARALLEL }, () => server.client());
    return {
      connector: `redis(${JSON.stringify(server.url)}).hashes("persons")`,
      bareLoop: (firstId, rows) =>
        inBatches(firstId, rows, async (batch, i) => {
          const pipeline = (clients[i] as Redis).pipeline();
          for (const [id, first, last, age] of batch)
            pipeline.hset(`persons:${id}`, "first", first, "last", last, "age", age);
          await pipeline.exec();
        }),
      // Not FLUSHALL: the checkpoint is a key as well.
      async clear() {
        for await (const keys of clients[0]!.scanStream({ match: "persons:*", count: 1000 })) {
          if ((keys as string[]).length > 0) await clients[0]!.unlink(keys as string[]);
        }
      },
      count: async () => (await clients[0]!.dbsize()) - (await clients[0]!.keys("wbsync:*")).length,
      stop: () => server.stop(),
    };
  },
};

export const OTHERS: Readonly<Record<OtherKind, Other>> = { cassandra, mongodb, redis };

type Person = ReturnType<typeof person>;

const people = (firstId: number, rows: number): Person[] => Array.from({ length: rows }, (_, i) => person(firstId + i));

/** Several at a time; `write` is told which of them it is. */
function inBatches(
  firstId: number,
  rows: number,
  write: (batch: readonly Person[], writer: number) => Promise<void>,
): () => Promise<void> {
  const all = people(firstId, rows);
  const batches = Array.from({ length: Math.ceil(rows / BATCH) }, (_, i) => all.slice(i * BATCH, (i + 1) * BATCH));
  let next = 0;
  const writer = async (_: unknown, i: number) => {
    while (next < batches.length) await write(batches[next++] as Person[], i);
  };
  return async () => void (await Promise.all(Array.from({ length: PARALLEL }, writer)));
}
