/** Rows a second from Redis to Cassandra, beside a bare loop of the same driver. */
import { type Client, concurrent } from "cassandra-driver";
import { STATUS } from "../../../src/redis/keys.js";
import type { Status } from "../../../src/registry/types.js";
import { type CassandraServer, missingForCassandra, startCassandra } from "../../support/cassandra.js";
import { project, wbsync } from "../../support/cli.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { waitFor } from "../../support/wait.js";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import type { LoadJob, LoadResult } from "../load.js";
import { memoryOf, resetPeak } from "../memory.js";
import { COLUMNS, person } from "../person.js";
import { RunnerProcess } from "../runner-process.js";
import { clockMs, median, perSecond } from "../stats.js";
import { Worker } from "../worker.js";

/** Requests of the bare loop under way at a time: as many as four partitions have. */
const CONCURRENCY = 512;
const RECIPE = "Bench";
/** The server and the runner share two cores here: a round takes its time. */
const rowsOf = (rows: number): number => Math.round(rows / 2);

export const cassandra: Measurement = {
  name: "drain-cassandra",
  title: "Rows a second, beside a bare loop of prepared statements (cassandra)",
  async measure(options) {
    const missing = await missingForCassandra();
    if (missing !== undefined) {
      options.say(`left out: ${missing}`);
      return [];
    }
    const server = await startCassandra({ fast: true, heapMb: 1536 });
    const redis = await startRedis();
    try {
      return await measure({ server, redis }, options);
    } finally {
      await Promise.all([server.stop(), redis.stop()]);
    }
  },
};

interface Place {
  readonly server: CassandraServer;
  readonly redis: RedisServer;
}

async function measure(
  { server, redis }: Place,
  { size, say, profileDir }: MeasureOptions,
): Promise<readonly Figure[]> {
  await server.query("CREATE TABLE persons (id text PRIMARY KEY, first text, last text, age int)");
  const client = await server.client();
  await deploy(server, redis);
  const runner = new RunnerProcess(["--url", redis.url], profileDir);
  const load = new Worker<LoadJob, LoadResult>("load.ts");
  const rounds: { bare: number; ours: number }[] = [];
  try {
    await untilRunning(redis);
    resetPeak(runner.pid);
    const rows = rowsOf(size.rows);
    let firstId = 0;
    // The first two warm up: the server compiles its code while it works.
    for (let i = -1; i <= size.rounds; i++) {
      const bare = await bareLoop(client, firstId, rows);
      const ours = await endToEnd({ redis, load, runner }, (firstId += rows), rows);
      firstId += rows;
      say(`bare ${thousands(bare)}, end to end ${thousands(ours)}`);
      if (i > 0) rounds.push({ bare, ours });
    }
    return figures(rounds, memoryOf(runner.pid).peakMb);
  } finally {
    await runner.stop();
    await load.close();
  }
}

function figures(rounds: readonly { bare: number; ours: number }[], peakMb: number): readonly Figure[] {
  const [ours, bare] = [median(rounds.map((round) => round.ours)), median(rounds.map((round) => round.bare))];
  return [
    {
      ...{ what: "new keys, from the stream to the table after a standstill ÷ bare loop", unit: "ratio", atLeast: 0.8 },
      value: median(rounds.map((round) => round.ours / round.bare)),
      detail: `${thousands(ours)} ÷ ${thousands(bare)} rows/s`,
    },
    { what: "memory of the runner, at most", value: peakMb, unit: "MB", atMost: 400 },
  ];
}

/** One prepared statement a row, as the driver's documentation recommends. */
async function bareLoop(client: Client, firstId: number, rows: number): Promise<number> {
  const cql = `INSERT INTO persons (${COLUMNS.join(", ")}) VALUES (?, ?, ?, ?)`;
  const params = Array.from({ length: rows }, (_, i) => {
    const [id, first, last, age] = person(firstId + i);
    return [id, first, last, Number(age)];
  });
  const begin = clockMs();
  await concurrent.executeConcurrent(client, cql, params, { concurrencyLevel: CONCURRENCY, collectResults: false });
  return perSecond(rows, clockMs() - begin);
}

/** The runner stands still while new keys are written; then it carries them. */
async function endToEnd(
  { redis, load, runner }: { redis: RedisServer; load: Worker<LoadJob, LoadResult>; runner: RunnerProcess },
  firstId: number,
  rows: number,
): Promise<number> {
  process.kill(runner.pid, "SIGSTOP");
  const client = redis.client();
  await load.do({ port: redis.port, writes: rows, firstId, ids: rows, waits: false });
  await client.hset("bench:mark", "at", Date.now());
  const committed = client.call("WAIT", "1", "300000");
  const begin = clockMs();
  process.kill(runner.pid, "SIGCONT");
  if ((await committed) !== 1) throw new Error("WAIT timed out: the writes are not in the table");
  const ms = clockMs() - begin;
  client.disconnect();
  return perSecond(rows, ms);
}

async function deploy(server: CassandraServer, redis: RedisServer): Promise<void> {
  const source = `import { cassandra, writeBehind } from "wbsync";
export default writeBehind({
  name: ${JSON.stringify(RECIPE)}, version: "99.99.99", keysPrefix: "person",
  connector: cassandra(${JSON.stringify(server.url)}).table("persons", { primaryKey: "id" }),
  mappings: { first_name: "first", last_name: "last", age: "age" },
});`;
  const cwd = project({ "recipe.ts": source });
  const { code, stderr } = await wbsync(["deploy", "recipe.ts", "--no-check", "--url", redis.url], { cwd });
  if (code !== 0) throw new Error(`wbsync deploy failed:\n${stderr}`);
}

async function untilRunning(redis: RedisServer): Promise<void> {
  const client = redis.client();
  const isRunning = async () => {
    const text = await client.hget(STATUS, RECIPE);
    return text !== null && (JSON.parse(text) as Status).state === "running";
  };
  await waitFor(isRunning, { what: "the runner to run" });
  client.disconnect();
}
