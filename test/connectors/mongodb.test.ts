/**
 * The MongoDB connector against the connector contract: on a private server (see test/support/mongodb.ts), or on the one that
 * WBSYNC_TEST_MONGODB_URL names; nobody kills that one.
 */
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type Binary, Long, MongoClient } from "mongodb";
import { mongodb } from "../../src/connectors/mongodb.js";
import type { Value } from "../../src/model.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, type Harness, type PortableType, type TableSpec } from "../contract/harness.js";
import { findMongodb, startMongodb, type MongodbServer } from "../support/mongodb.js";

const given = process.env.WBSYNC_TEST_MONGODB_URL;
const program = given === undefined ? await findMongodb() : undefined;

if (given !== undefined) {
  const isFull = await hasTransactions(given);
  connectorContract("the given MongoDB", {
    capabilities: capabilities(isFull, isFull),
    mayHarm: false,
    start: async () => harness(given, undefined, isFull),
  });
} else if (program?.product === undefined) {
  test("MongoDB: the connector contract", { skip: program?.missing }, () => undefined);
} else {
  const isFull = program.product === "MongoDB";
  connectorContract(program.product, {
    capabilities: { ...capabilities(isFull, isFull), credentials: !isFull },
    mayHarm: true,
    async start() {
      const server = await startMongodb(program);
      return harness(server.url, server, isFull);
    },
  });
}

function capabilities(transactional: boolean, refusesRows: boolean) {
  return { transactional, atomic: transactional, refusesRows, schema: false, credentials: false };
}

async function hasTransactions(url: string): Promise<boolean> {
  const client = new MongoClient(url);
  try {
    const hello = await client.db("admin").command({ hello: 1 });
    return hello.setName !== undefined || hello.msg === "isdbgrid";
  } finally {
    await client.close();
  }
}

function harness(url: string, server: MongodbServer | undefined, isFull: boolean): Harness & { stop(): Promise<void> } {
  const specs = new Map<string, TableSpec>();
  const withDb = async <T>(
    work: (db: ReturnType<MongoClient["db"]>, client: MongoClient) => Promise<T>,
  ): Promise<T> => {
    const client = new MongoClient(url, { promoteValues: false });
    try {
      return await work(client.db(), client);
    } finally {
      await client.close();
    }
  };

  return {
    capabilities: { ...capabilities(isFull, isFull), credentials: server?.user !== undefined },
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    ...(server?.user !== undefined && { user: server.user, password: server.password! }),
    odd: { table: "we ird\"t`a'b;l--e", columns: ['se"lect', "gr`oup", "UPPER lower ü", "?", "sel'ect"] },
    connector(name, { primaryKey, checkpointTable = "wbsync_checkpoint" }, { port, ...connection } = {}) {
      const at = port === undefined ? url : url.replace(/:\d+\//, `:${port as number}/`);
      return mongodb({ url: at, connectTimeoutMs: 2000, ...connection }).collection(name, {
        primaryKey,
        checkpointCollection: checkpointTable,
      });
    },
    async createTable(name, spec) {
      specs.set(name, spec);
      const required = spec.columns.filter(([, , constraint]) => constraint === "NOT NULL").map(([column]) => column);
      await withDb(async (db) => {
        await db.createCollection(name, required.length > 0 ? { validator: { $jsonSchema: { required } } } : {});
        const keys = Object.fromEntries(spec.primaryKey.map((column) => [column, 1 as const]));
        await db.collection(name).createIndex(keys, { unique: true });
        for (const [column, , constraint] of spec.columns) {
          if (constraint === "UNIQUE") await db.collection(name).createIndex(column, { unique: true, sparse: true });
        }
      });
    },
    async rows(name, spec) {
      const documents = await withDb((db) => db.collection(name).find().toArray());
      const rows = documents.map((document) =>
        Object.fromEntries(spec.columns.map(([column, type]) => [column, cell(type, document[column])])),
      );
      return rows.sort(
        (a, b) => spec.primaryKey.map((column) => order(a[column], b[column])).find((sign) => sign !== 0) ?? 0,
      );
    },
    async insert(name, row) {
      const types = new Map(specs.get(name)!.columns.map(([column, type]) => [column, type]));
      const fields = Object.entries(row)
        .filter(([, value]) => value !== null)
        .map(([column, value]) => [
          column,
          types.get(column)?.startsWith("int") ? Long.fromString(value as string) : value,
        ]);
      await withDb((db) => db.collection(name).insertOne(Object.fromEntries(fields) as object));
    },
    async drop(name) {
      await withDb((db) => db.dropCollection(name)).catch(() => undefined);
    },
    async hold(name) {
      if (!isFull) {
        server?.pause();
        return async () => server?.resume();
      }
      const client = new MongoClient(url);
      const session = client.startSession();
      session.startTransaction();
      await client
        .db()
        .collection(name)
        .updateMany({}, { $set: { held: true } }, { session });
      return async () => {
        await session.abortTransaction().catch(() => undefined);
        await client.close();
      };
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          // FerretDB has no command for it.
          if (isFull) await withDb((db) => db.admin().command({ killAllSessions: [] }));
          else await server.kill();
        },
      },
    }),
    stop: async () => server?.stop(),
  };
}

/** A field as the contract spells it. JSON's null is a value, a field that is not there is NULL. */
function cell(type: PortableType, value: unknown): Value {
  if (value === undefined) return null;
  switch (type) {
    case "json":
      return JSON.stringify(value);
    case "binary":
      return Buffer.from((value as Binary).buffer);
    case "uuid":
      return (value as Binary).toUUID().toString();
    case "date":
      return (value as Date).toISOString().slice(0, 10);
    case "datetime(3)":
    case "datetime(3) zoned":
      return canonical(type, (value as Date).toISOString().replace("T", " ").replace("Z", ""));
    default:
      return canonical(type, (value as { toString(): string }).toString());
  }
}

/** Numbers by their size, texts by their letters. */
function order(a: unknown, b: unknown): number {
  const [left, right] = [String(a), String(b)];
  if (left === right) return 0;
  if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) return BigInt(left) < BigInt(right) ? -1 : 1;
  return left < right ? -1 : 1;
}
