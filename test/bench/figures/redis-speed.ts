/** What a runner costs the Redis that it reads from, as redis-benchmark sees it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { cores, keepTo, onlyWhenIdle, whyNoPlacement } from "../cores.js";
import { inLab, type Lab } from "../lab.js";
import { cpuSecondsOf, memoryOf } from "../memory.js";
import type { ReplicaJob } from "../plain-replica.js";
import { clockMs, median, middleRatio } from "../stats.js";
import { Worker } from "../worker.js";

const run = promisify(execFile);
/** Enough for as long as redis-benchmark takes. */
const BARE_ROWS = 300_000;

export const redisSpeed: Measurement = {
  name: "redis",
  title: "Redis with the runner attached, beside without (redis-benchmark, 50 clients, HSET of three fields)",
  async measure(options) {
    return await inLab({ database: "mariadb", profileDir: options.profileDir }, (lab) => measure(lab, options));
  },
};

interface Run {
  readonly perSecond: number;
  /** Microseconds of Redis's CPU a write. */
  readonly cpuUs: number;
}

/**
 * `own`: Redis has a core of its own, as where nothing else runs on its machine; of the others the load, which would come from
 * elsewhere, has what it wants, and runner and database the rest. `shared`: all of them struggle for all cores.
 */
type Placement = "own" | "shared";

interface Load {
  readonly writes: number;
  readonly pipeline: number;
  readonly placement: Placement;
}

interface Round {
  readonly alone: Run;
  /** Beside a replica that throws the stream away. */
  readonly plain: Run;
  /** Beside a bare loop into the database, and no replica. */
  readonly busy: Run;
  readonly attached: Run;
  readonly peakMb: number;
  /** From the last answer of Redis until all of it was committed. */
  readonly behindMs: number;
}

async function measure(lab: Lab, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  await lab.deploy();
  // A new replica need not wait for others.
  await lab.client.config("SET", "repl-diskless-sync-delay", "0");
  const figures: Figure[] = [];
  const reason = whyNoPlacement();
  if (reason !== undefined) say(`not measured: Redis on a core of its own, for ${reason}`);
  for (const placement of reason === undefined ? (["shared", "own"] as const) : (["shared"] as const)) {
    if (placement === "own") giveRedisACore(lab);
    const ofPlacement: Figure[] = [];
    // These ratios are near to one another, and single runs are not.
    const count = placement === "own" ? 2 * size.rounds - 1 : size.rounds;
    for (const pipeline of [1, 16]) {
      const load = { writes: pipeline === 1 ? size.redisWrites / 8 : size.redisWrites / 2, pipeline, placement };
      const rounds: Round[] = [];
      for (let i = 0; i <= count; i++) {
        const round = await oneRound(lab, load);
        const all = [round.alone, round.plain, round.busy, round.attached].map((one) => thousands(one.perSecond));
        say(`pipeline ${pipeline}, ${placement}: alone, plain replica, bare loop, runner: ${all.join(", ")} writes/s`);
        if (i > 0) rounds.push(round);
      }
      ofPlacement.push(...figuresOf(rounds, load));
    }
    figures.unshift(...ofPlacement);
  }
  return figures;
}

function giveRedisACore(lab: Lab): void {
  keepTo(lab.redis.pid, cores().slice(-1));
  stepAside(lab.database.pid!);
}

/** Leaves Redis its core, and the others first to the load. */
function stepAside(pid: number): void {
  keepTo(pid, cores().slice(0, -1));
  onlyWhenIdle(pid);
}

async function oneRound(lab: Lab, load: Load): Promise<Round> {
  const alone = await benchmark(lab, load);
  const plain = await besidePlainReplica(lab, load);
  const busy = await besideBareLoop(lab, load);
  await lab.startRunner();
  if (load.placement === "own") stepAside(lab.runnerPid);
  const links = await lab.linksOfReplicas();
  const attached = await benchmark(lab, load);
  const loadedAt = clockMs();
  await lab.untilCommitted();
  const behindMs = clockMs() - loadedAt;
  if ((await lab.linksOfReplicas()) !== links)
    throw new Error("The runner lost its link to Redis: this measures nothing.");
  const { peakMb } = memoryOf(lab.runnerPid);
  await lab.stopRunner();
  return { alone, plain, busy, attached, peakMb, behindMs };
}

/** Whatever it is that writes rows, the database's work takes cores, caches and memory from Redis. */
async function besideBareLoop(lab: Lab, load: Load): Promise<Run> {
  if (load.placement === "own") stepAside(lab.bareLoopPid);
  const loop = lab.bareLoop(BARE_ROWS);
  try {
    return await benchmark(lab, load);
  } finally {
    await loop;
  }
}

async function besidePlainReplica(lab: Lab, load: Load): Promise<Run> {
  const replica = new Worker<ReplicaJob, void>("plain-replica.ts");
  try {
    if (load.placement === "own") stepAside(replica.pid);
    await replica.do({ port: lab.redis.port });
    await lab.untilReplicaOnline();
    return await benchmark(lab, load);
  } finally {
    await replica.close();
  }
}

type Who = "alone" | "plain" | "busy" | "attached";

function figuresOf(rounds: readonly Round[], { pipeline, placement }: Load): Figure[] {
  const speed = (who: Who, beside: Who) => {
    const of = (one: Who) => (round: Round) => round[one].perSecond;
    const { ratio, above, below } = middleRatio(rounds, of(who), of(beside));
    return { value: ratio, unit: "ratio", detail: `${thousands(above)} ÷ ${thousands(below)} writes/s` } as const;
  };
  const cpu = middleRatio(
    rounds,
    ({ alone }) => alone.cpuUs,
    ({ attached }) => attached.cpuUs,
  );
  const how = pipeline === 1 ? "no pipelining" : `pipelines of ${pipeline}`;
  const where = placement === "own" ? "Redis on a core of its own" : "all on the same cores";
  return [
    {
      what: `writes/s with ÷ without the runner, ${where}, ${how}`,
      ...speed("attached", "alone"),
      ...(placement === "own" && { atLeast: 0.95 }),
    },
    { what: "a replica that only reads ÷ none", ...speed("plain", "alone") },
    { what: "a bare loop of upserts into the same database, and no replica ÷ neither", ...speed("busy", "alone") },
    { what: "the runner ÷ that bare loop", ...speed("attached", "busy") },
    {
      what: "Redis's CPU a write, without ÷ with the runner",
      ...{ value: cpu.ratio, unit: "ratio", detail: `${cpu.above.toFixed(2)} ÷ ${cpu.below.toFixed(2)} µs` },
    },
    {
      what: "from the last write until all are committed",
      value: median(rounds.map(({ behindMs }) => behindMs)),
      unit: "ms",
    },
    {
      what: "memory of the runner, at most",
      value: Math.max(...rounds.map(({ peakMb }) => peakMb)),
      unit: "MB",
      atMost: 400,
    },
  ];
}

async function benchmark(lab: Lab, { writes, pipeline, placement }: Load): Promise<Run> {
  const place = placement === "own" ? ["taskset", "--cpu-list", cores().slice(0, -1).join(",")] : [];
  const [program = "", ...args] = [
    ...[...place, "redis-benchmark", "-p", String(lab.redis.port), "-c", "50", "-P", String(pipeline)],
    ...["-n", String(writes), "-r", "200000", "--csv"],
  ];
  const command = ["HSET", "person:__rand_int__", "first_name", "First__rand_int__", "last_name", "Last", "age", "37"];
  const before = cpuSecondsOf(lab.redis.pid);
  const { stdout } = await run(program, [...args, ...command]);
  const cpuUs = ((cpuSecondsOf(lab.redis.pid) - before) / writes) * 1e6;
  const perSecond = Number(/^"HSET[^"]*","([\d.]+)"/m.exec(stdout)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark says nothing of its speed:\n${stdout}`);
  return { perSecond, cpuUs };
}
