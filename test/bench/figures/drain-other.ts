/** Rows a second from Redis to a database without SQL, beside a bare loop of the same driver. */
import { STATUS } from "../../../src/redis/keys.js";
import type { Status } from "../../../src/registry/types.js";
import { project, wbsync } from "../../support/cli.js";
import type { OtherKind } from "../../support/lab-databases.js";
import { type RedisServer, startRedis } from "../../support/redis.js";
import { waitFor } from "../../support/wait.js";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import type { LoadJob, LoadResult } from "../load.js";
import { memoryOf, resetPeak } from "../memory.js";
import { OTHERS, type OtherBench } from "../others.js";
import { RunnerProcess } from "../runner-process.js";
import { clockMs, middleRatio, perSecond } from "../stats.js";
import { Worker } from "../worker.js";

const RECIPE = "Bench";
interface Round {
  readonly bare: number;
  readonly ours: number;
}

interface Place {
  readonly kind: OtherKind;
  readonly database: OtherBench;
  readonly redis: RedisServer;
  readonly runner: RunnerProcess;
  readonly load: Worker<LoadJob, LoadResult>;
}

export function drainOther(kind: OtherKind): Measurement {
  const { loop, missing, start } = OTHERS[kind];
  return {
    name: `drain-${kind}`,
    title: `Rows a second, beside a bare loop of ${loop} (${kind})`,
    async measure(options) {
      const reason = await missing();
      if (reason !== undefined) {
        options.say(`left out: ${reason}`);
        return [];
      }
      const [database, redis] = await Promise.all([start(), startRedis()]);
      try {
        return await withRunner({ kind, database, redis }, options);
      } finally {
        await Promise.all([database.stop(), redis.stop()]);
      }
    },
  };
}

async function withRunner(place: Omit<Place, "runner" | "load">, options: MeasureOptions): Promise<readonly Figure[]> {
  await deploy(place);
  const runner = new RunnerProcess(["--url", place.redis.url], options.profileDir);
  const load = new Worker<LoadJob, LoadResult>("load.ts");
  try {
    await untilRunning(place.redis);
    return await measure({ ...place, runner, load }, options);
  } finally {
    await runner.stop();
    await load.close();
  }
}

async function measure(place: Place, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  const rounds: Round[] = [];
  const { part, warmUps } = OTHERS[place.kind];
  const rows = Math.round(size.rows * part);
  resetPeak(place.runner.pid);
  for (let i = 0; i < size.rounds + warmUps; i++) {
    const firstId = 2 * i * rows;
    const bare = await bareLoop(place.database, firstId, rows);
    const ours = await catchUp(place, firstId + rows, rows);
    say(`bare ${thousands(bare)}, end to end ${thousands(ours)}`);
    if (i >= warmUps) rounds.push({ bare, ours });
  }
  return figures(rounds, memoryOf(place.runner.pid).peakMb);
}

function figures(rounds: readonly Round[], peakMb: number): readonly Figure[] {
  const { ratio, above, below } = middleRatio(
    rounds,
    ({ ours }) => ours,
    ({ bare }) => bare,
  );
  return [
    {
      ...{ what: "new keys, from the stream to the table after a standstill ÷ bare loop", unit: "ratio", atLeast: 0.8 },
      value: ratio,
      detail: `${thousands(above)} ÷ ${thousands(below)} rows/s`,
    },
    { what: "memory of the runner, at most", value: peakMb, unit: "MB", atMost: 400 },
  ];
}

async function bareLoop(database: OtherBench, firstId: number, rows: number): Promise<number> {
  await database.clear();
  const write = database.bareLoop(firstId, rows);
  const begin = clockMs();
  await write();
  return perSecond(rows, clockMs() - begin);
}

/** The runner stands still while new keys are written; then it carries them. */
async function catchUp({ database, redis, load, runner }: Place, firstId: number, rows: number): Promise<number> {
  await database.clear();
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
  const found = await database.count();
  if (found !== rows) throw new Error(`expected ${rows} rows, found ${found}`);
  return perSecond(rows, ms);
}

async function deploy({ kind, database, redis }: Omit<Place, "runner" | "load">): Promise<void> {
  const source = `import { ${kind}, writeBehind } from "wbsync";
export default writeBehind({
  name: ${JSON.stringify(RECIPE)}, version: "99.99.99", keysPrefix: "person",
  connector: ${database.connector},
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
