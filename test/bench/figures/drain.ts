/** Rows a second from Redis to the table, beside the bare loop: after the load has stopped, and while it runs. */
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import type { DatabaseKind } from "../databases.js";
import { inLab, type Lab } from "../lab.js";
import { memoryOf, resetPeak } from "../memory.js";
import { clockMs, median, middleRatio, perSecond } from "../stats.js";

const TARGETS: Readonly<Record<DatabaseKind, number>> = { mariadb: 0.9, postgres: 0.9, sqlite: 0.7 };
const HOT_KEYS = 200_000;

/** All figures of one database that are measured in the same runner. */
export function drain(database: DatabaseKind): Measurement {
  return {
    name: `drain-${database}`,
    title: `Rows a second, beside a bare loop of multi-row upserts (${database})`,
    measure: (options) => inLab({ database, profileDir: options.profileDir }, (lab) => measure(lab, database, options)),
  };
}

async function measure(lab: Lab, database: DatabaseKind, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  await lab.deploy();
  await lab.startRunner();
  const rounds: Round[] = [];
  for (let i = 0; i <= size.rounds; i++) {
    const round = await oneRound(lab, size.rows);
    say(
      Object.entries(round)
        .map(([name, value]) => `${name} ${thousands(value as number)}`)
        .join(", "),
    );
    // The first one warms up: both processes compile their code, the database takes its memory.
    if (i > 0) rounds.push(round);
  }
  return figuresOf(rounds, database);
}

function figuresOf(rounds: readonly Round[], database: DatabaseKind): readonly Figure[] {
  const middle = (of: (round: Round) => number) => median(rounds.map(of));
  const ratio = (what: string, of: (round: Round) => number, goal: { atLeast?: number } = {}): Figure => {
    const { ratio: value, above, below } = middleRatio(rounds, of, ({ bare }) => bare);
    const detail = `${thousands(above)} ÷ ${thousands(below)} rows/s`;
    return { what: `${what} ÷ bare loop`, value, unit: "ratio", ...goal, detail };
  };
  const load = `${thousands(middle(({ loaded }) => loaded))} writes/s`;
  return [
    ratio("new keys, drained after the load has stopped", ({ drained }) => drained, { atLeast: TARGETS[database] }),
    ratio(`new keys, from the first write to the last commit, with a load of ${load}`, ({ whole }) => whole, {
      atLeast: 0.4,
    }),
    ratio("the same, as long as the load lasts", ({ underLoad }) => underLoad),
    ratio("new keys, from the stream to the table after a standstill", ({ caughtUp }) => caughtUp),
    {
      ...{ what: "600,000 HSETs on 200,000 hot keys, from the first write to the last commit", unit: "/s" },
      ...{ value: middle(({ hot }) => hot), ...(database === "mariadb" && { atLeast: 150_000 }) },
    },
    {
      what: "memory of the runner, at most",
      value: Math.max(...rounds.map(({ peakMb }) => peakMb)),
      unit: "MB",
      atMost: 400,
    },
  ];
}

interface Round {
  readonly bare: number;
  /** Writes a second that Redis took. */
  readonly loaded: number;
  readonly underLoad: number;
  readonly drained: number;
  readonly whole: number;
  readonly caughtUp: number;
  readonly hot: number;
  readonly peakMb: number;
}

async function oneRound(lab: Lab, rows: number): Promise<Round> {
  const bare = await lab.bareLoop(rows * 3);
  resetPeak(lab.runnerPid);
  const loaded = await loadAndDrain(lab, rows * 3);
  const caughtUp = await catchUp(lab, rows);
  const hot = await hotKeys(lab);
  return { bare, ...loaded, caughtUp, hot, peakMb: memoryOf(lab.runnerPid).peakMb };
}

/** New keys at full speed; then nothing more is written, and the rest is drained. */
async function loadAndDrain(
  lab: Lab,
  rows: number,
): Promise<Pick<Round, "loaded" | "underLoad" | "drained" | "whole">> {
  await lab.emptyBoth();
  const from = await lab.offset();
  const { startedAt, loadedAt } = await lab.load({ writes: rows, firstId: lab.newIds(rows), ids: rows, waits: false });
  const to = await lab.offset();
  const done = rows * (await lab.partCommitted(from, to));
  const beginAt = clockMs();
  await lab.untilCommitted();
  const endAt = clockMs();
  await lab.expectRows(rows);
  return {
    loaded: perSecond(rows, loadedAt - startedAt),
    underLoad: perSecond(done, beginAt - startedAt),
    drained: perSecond(rows - done, endAt - beginAt),
    whole: perSecond(rows, endAt - startedAt),
  };
}

/** The runner stands still while new keys are written; then it carries them from the stream to the table. */
async function catchUp(lab: Lab, rows: number): Promise<number> {
  await lab.emptyBoth();
  lab.freeze();
  await lab.load({ writes: rows, firstId: lab.newIds(rows), ids: rows, waits: false });
  const committed = lab.untilCommitted();
  const begin = clockMs();
  lab.thaw();
  await committed;
  const ms = clockMs() - begin;
  await lab.expectRows(rows);
  return perSecond(rows, ms);
}

async function hotKeys(lab: Lab): Promise<number> {
  await lab.emptyBoth();
  const writes = 3 * HOT_KEYS;
  const { startedAt, durableAt } = await lab.load({ writes, firstId: lab.newIds(writes), ids: HOT_KEYS, waits: true });
  await lab.expectRows(HOT_KEYS);
  return perSecond(writes, durableAt - startedAt);
}
