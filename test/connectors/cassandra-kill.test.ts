/** kill -9 of the runner at fifty random moments, over Cassandra: rows and checkpoint are not one transaction there. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { GONE, mulberry32, RandomLoad, stateOf } from "../e2e/random-load.js";
import { assertNoRowWentBack } from "../e2e/row-history.js";
import { missingForCassandra, startCassandra, type CassandraServer } from "../support/cassandra.js";
import { Lab } from "../support/lab.js";
import type { DatabaseKind, LabDatabase } from "../support/lab-databases.js";
import { startRedis } from "../support/redis.js";

const ROUNDS = 50;
/** A runner is killed so many ms after it was started: before it reads, while it catches up, while it writes. */
const [MIN_MS, MAX_MS] = [400, 2000];
const COLUMNS = ["first", "last", "age", "v"] as const;

const missing = await missingForCassandra();

test(
  "Cassandra: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back",
  { skip: missing ?? false },
  async (t) => {
    const seed = Number(process.env["WBSYNC_TEST_SEED"] ?? Date.now() % 2 ** 31);
    t.diagnostic(`WBSYNC_TEST_SEED=${seed}`);
    const random = mulberry32(seed + 1);
    const [server, redis] = await Promise.all([startCassandra(), startRedis()]);
    const lab = new Lab(redis, database(server), undefined);
    after(() => lab.stop());
    await server.query("CREATE TABLE persons (id text PRIMARY KEY, first text, last text, age int, v bigint)");
    await lab.deploy({ more: "batch: 200," });

    const watcher = new Watcher(server);
    const watching = watcher.run();
    const load = new RandomLoad({ redis: lab.client, seed });
    load.start();
    for (let round = 0; round < ROUNDS; round++) {
      const runner = lab.startRunner();
      await sleep(MIN_MS + random() * (MAX_MS - MIN_MS));
      await runner.kill();
    }
    const runner = await lab.running();
    await load.stop();

    const rows = await lab.compare();
    watcher.stop();
    await watching;
    const seen = await assertNoRowWentBack({ ...lab.db, query: async () => watcher.events }, load);
    t.diagnostic(`${load.size} writes, ${rows} rows at the end, ${seen} states seen on the way`);
    assert.ok(seen > ROUNDS * 10, `only ${seen} states were seen: the runner was killed too early to prove anything`);
    assert.equal((await runner.stop()).code, 0);
  },
);

/** What the laboratory asks of a database. */
function database(server: CassandraServer): LabDatabase {
  return {
    // The name of the function that a recipe imports.
    kind: "cassandra" as DatabaseKind,
    url: server.url,
    query: async (cql, params) => (await server.query(cql, params)).map((row) => ({ ...row })),
    server: undefined,
    stop: () => server.stop(),
  };
}

/** Cassandra has no triggers that write into a table: all rows are read again and again, and what has changed is written down. */
class Watcher {
  readonly events: { id: string; state: string }[] = [];
  readonly #server: CassandraServer;
  readonly #states = new Map<string, string>();
  #isStopped = false;

  constructor(server: CassandraServer) {
    this.#server = server;
  }

  async run(): Promise<void> {
    const client = await this.#server.client();
    do {
      const { rows } = await client.execute("SELECT * FROM persons", [], { prepare: true, fetchSize: 5000 });
      const found = new Map(rows.map((row) => [row["id"] as string, stateOf(COLUMNS.map((name) => text(row[name])))]));
      for (const id of new Set([...this.#states.keys(), ...found.keys()])) this.#saw(id, found.get(id) ?? GONE);
      await sleep(20);
    } while (!this.#isStopped);
  }

  stop(): void {
    this.#isStopped = true;
  }

  #saw(id: string, state: string): void {
    if (this.#states.get(id) === state) return;
    this.#states.set(id, state);
    this.events.push({ id, state });
  }
}

/** Numbers of 64 bits come as objects. */
const text = (value: unknown): string | undefined =>
  value === null || value === undefined ? undefined : (value as { toString(): string }).toString();
