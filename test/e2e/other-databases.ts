/** Databases without SQL, as the laboratory sees them: each a private server with an empty `persons`. */
import { MongoClient } from "mongodb";
import { startCassandra } from "../support/cassandra.js";
import type { LabDatabase, OtherKind } from "../support/lab-databases.js";
import { findMongodb, startMongodb } from "../support/mongodb.js";
import { startRedis } from "../support/redis.js";
import { PERSONS_TABLE, watchedDatabase, type Watched } from "./watched-database.js";

/** A started server, before anybody watches it. */
type Started = Omit<Watched, "kind">;

/** Starts one; its server has to be there. */
export async function startOther(kind: OtherKind): Promise<LabDatabase> {
  return watchedDatabase({ kind, ...(await STARTERS[kind]()) });
}

const STARTERS: Readonly<Record<OtherKind, () => Promise<Started>>> = { cassandra, mongodb, redis };

async function cassandra(): Promise<Started> {
  const server = await startCassandra();
  await server.query("CREATE TABLE persons (id text PRIMARY KEY, first text, last text, age int, v bigint)");
  const client = await server.client();
  const select = "SELECT id, first, last, age, v FROM persons";
  return {
    ...{ url: server.url, connector: PERSONS_TABLE },
    rows: async () =>
      (await client.execute(select, [], { prepare: true, fetchSize: 5000 })).rows.map((row) => ({ ...row })),
    stop: () => server.stop(),
  };
}

async function mongodb(): Promise<Started> {
  const server = await startMongodb(await findMongodb());
  const client = new MongoClient(server.url);
  const persons = client.db().collection("persons");
  return {
    ...{ url: server.url, connector: `db.collection("persons")` },
    rows: async () => (await persons.find().toArray()).map(({ _id, ...fields }) => ({ id: String(_id), ...fields })),
    async stop() {
      await client.close();
      await server.stop();
    },
  };
}

async function redis(): Promise<Started> {
  const server = await startRedis();
  const client = server.client();
  const hash = async (key: string) => ({ ...(await client.hgetall(key)), id: key.slice("persons:".length) });
  return {
    ...{ url: server.url, connector: `db.hashes("persons")` },
    async rows() {
      const rows = await Promise.all((await client.keys("persons:*")).map(hash));
      // A hash may go between the two commands.
      return rows.filter((row) => Object.keys(row).length > 1);
    },
    stop: () => server.stop(),
  };
}
