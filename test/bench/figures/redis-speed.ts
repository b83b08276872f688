/** What a runner costs the Redis that it reads from, as redis-benchmark sees it. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { inLab, type Lab } from "../lab.js";
import { cpuSecondsOf, memoryOf } from "../memory.js";
import { lowerPriority } from "../priority.js";
import { median } from "../stats.js";

const run = promisify(execFile);

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

/** Whether runner and database compete with Redis for the cores, or take what it leaves. */
type Priority = "same" | "lowest";

interface Round {
  readonly alone: Run;
  readonly attached: Run;
  readonly peakMb: number;
}

async function measure(lab: Lab, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  await lab.deploy();
  const figures: Figure[] = [];
  for (const priority of ["same", "lowest"] as const) {
    if (priority === "lowest") lowerPriority(lab.database.pid!);
    for (const pipeline of [1, 16]) {
      const writes = pipeline === 1 ? size.redisWrites / 4 : size.redisWrites;
      const rounds: Round[] = [];
      for (let i = 0; i <= size.rounds; i++) {
        const round = await oneRound(lab, { writes, pipeline, priority });
        const [alone, attached] = [round.alone, round.attached].map(({ perSecond }) => thousands(perSecond));
        say(`pipeline ${pipeline}, ${priority} priority: alone ${alone}/s, attached ${attached}/s`);
        if (i > 0) rounds.push(round);
      }
      figures.push(...figuresOf(rounds, pipeline, priority));
    }
  }
  return figures;
}

async function oneRound(
  lab: Lab,
  { writes, pipeline, priority }: { writes: number; pipeline: number; priority: Priority },
): Promise<Round> {
  const alone = await benchmark(lab, writes, pipeline);
  await lab.startRunner();
  if (priority === "lowest") lowerPriority(lab.runnerPid);
  const attached = await benchmark(lab, writes, pipeline);
  const { peakMb } = memoryOf(lab.runnerPid);
  await lab.untilCommitted();
  await lab.stopRunner();
  return { alone, attached, peakMb };
}

function figuresOf(rounds: readonly Round[], pipeline: number, priority: Priority): Figure[] {
  const of = (who: "alone" | "attached", what: keyof Run) => median(rounds.map((round) => round[who][what]));
  const how = pipeline === 1 ? "no pipelining" : `pipelines of ${pipeline}`;
  const speed: Omit<Figure, "what"> = {
    value: median(rounds.map(({ alone, attached }) => attached.perSecond / alone.perSecond)),
    unit: "ratio",
    detail: `${thousands(of("attached", "perSecond"))} ÷ ${thousands(of("alone", "perSecond"))} writes/s`,
  };
  if (priority === "lowest")
    return [{ what: `the same, runner and database at the lowest priority, ${how}`, ...speed }];
  return [
    { what: `writes/s with ÷ without the runner, ${how}`, ...speed, atLeast: 0.95 },
    {
      what: `Redis's CPU a write, without ÷ with the runner, ${how}`,
      value: median(rounds.map(({ alone, attached }) => alone.cpuUs / attached.cpuUs)),
      unit: "ratio",
      detail: `${of("alone", "cpuUs").toFixed(2)} ÷ ${of("attached", "cpuUs").toFixed(2)} µs`,
    },
    {
      what: `memory of the runner, at most, ${how}`,
      value: Math.max(...rounds.map(({ peakMb }) => peakMb)),
      unit: "MB",
      atMost: 400,
    },
  ];
}

async function benchmark(lab: Lab, writes: number, pipeline: number): Promise<Run> {
  const args = [
    "-p",
    String(lab.redis.port),
    "-c",
    "50",
    "-P",
    String(pipeline),
    "-n",
    String(writes),
    "-r",
    "200000",
    "--csv",
  ];
  const command = ["HSET", "person:__rand_int__", "first_name", "First__rand_int__", "last_name", "Last", "age", "37"];
  const before = cpuSecondsOf(lab.redis.pid);
  const { stdout } = await run("redis-benchmark", [...args, ...command]);
  const cpuUs = ((cpuSecondsOf(lab.redis.pid) - before) / writes) * 1e6;
  const perSecond = Number(/^"HSET[^"]*","([\d.]+)"/m.exec(stdout)?.[1]);
  if (!(perSecond > 0)) throw new Error(`redis-benchmark says nothing of its speed:\n${stdout}`);
  return { perSecond, cpuUs };
}
