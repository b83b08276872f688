/** Which way of writing a batch is the fastest: what wbsync does was chosen by this. */
import { MARIADB_WAYS, type NamedWay, POSTGRES_WAYS } from "../bulk-ways.js";
import { startDatabase, type BenchDatabase } from "../databases.js";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { inNoOrder, person } from "../person.js";
import { clockMs, median, perSecond } from "../stats.js";

const BATCH = 1000;
const CONNECTIONS = 4;

export function bulk(kind: "mariadb" | "postgres"): Measurement {
  const ways = kind === "mariadb" ? MARIADB_WAYS : POSTGRES_WAYS;
  return {
    name: `bulk-${kind}`,
    title: `Ways to write batches of ${thousands(BATCH)} rows over four connections (${kind})`,
    async measure(options) {
      const database = await startDatabase(kind);
      try {
        return await measure(database, ways, options);
      } finally {
        await database.stop();
      }
    },
  };
}

interface Speed {
  readonly inserted: number;
  readonly changed: number;
}

async function measure(
  database: BenchDatabase,
  ways: readonly NamedWay[],
  { size, say }: MeasureOptions,
): Promise<readonly Figure[]> {
  const rounds: Speed[][] = [];
  for (let i = 0; i <= size.rounds; i++) {
    const speeds: Speed[] = [];
    for (const way of ways) speeds.push(await tryOut(database, way, size.rows));
    say(speeds.map((speed) => `${thousands(speed.inserted)} / ${thousands(speed.changed)}`).join(", "));
    // The first one warms up.
    if (i > 0) rounds.push(speeds);
  }
  return ways.flatMap(({ name }, place) => figuresOf(name, rounds, place));
}

/** Beside the first way, which is wbsync's. */
function figuresOf(name: string, rounds: readonly Speed[][], place: number): Figure[] {
  return (["inserted", "changed"] as const).map((what) => {
    const of = (speeds: readonly Speed[], at: number) => (speeds[at] as Speed)[what];
    return {
      ...{ what: `${what === "inserted" ? "new" : "changed"} rows: ${name}`, unit: "ratio" as const },
      value: median(rounds.map((speeds) => of(speeds, place) / of(speeds, 0))),
      detail: `${thousands(median(rounds.map((speeds) => of(speeds, place))))} rows/s`,
    };
  });
}

async function tryOut(database: BenchDatabase, { open }: NamedWay, rows: number): Promise<Speed> {
  await database.clear();
  const ways = await Promise.all(Array.from({ length: CONNECTIONS }, () => open(database.bare.url)));
  const write = async (shift: number): Promise<number> => {
    const batches = batchesOf(rows, shift);
    const begin = clockMs();
    await Promise.all(
      ways.map(async (way) => {
        for (let batch = batches.pop(); batch; batch = batches.pop()) await way.write(batch);
      }),
    );
    return perSecond(rows, clockMs() - begin);
  };
  try {
    return { inserted: await write(0), changed: await write(1) };
  } finally {
    await Promise.all(ways.map((way) => way.close()));
  }
}

/** The same ids whatever the shift, with other values. */
function batchesOf(rows: number, shift: number): string[][] {
  const batches: string[][] = [];
  for (let from = 0; from < rows; from += BATCH) {
    const batch: string[] = [];
    for (let i = from; i < from + BATCH; i++) batch.push(...person(inNoOrder(i, rows), i + shift));
    batches.push(batch);
  }
  return batches;
}
