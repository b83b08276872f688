/** Time from HSET to the committed row, at 100 writes a second. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Figure, Measurement, MeasureOptions } from "../figure.js";
import { inLab, type Lab } from "../lab.js";
import { memoryOf } from "../memory.js";
import { median, quantile } from "../stats.js";

/** Each has its own limits in ms; RGSync needs 103 ms with its defaults. */
const SETTINGS = [
  { recipe: "duration: 0", median: 3, p99: 10 },
  { recipe: "", median: 15, p99: undefined },
] as const;
const EVERY_MS = 10;

export const latency: Measurement = {
  name: "latency",
  title: "From HSET to the committed row in MariaDB, at 100 writes a second",
  async measure(options) {
    const figures: Figure[] = [];
    for (const setting of SETTINGS) {
      const lab = { database: "mariadb", recipe: setting.recipe, profileDir: options.profileDir } as const;
      figures.push(...(await inLab(lab, (open) => measure(open, setting, options))));
    }
    return figures;
  },
};

async function measure(
  lab: Lab,
  setting: (typeof SETTINGS)[number],
  { size }: MeasureOptions,
): Promise<readonly Figure[]> {
  await lab.deploy();
  await lab.startRunner();
  const how = setting.recipe === "" ? "defaults (duration: 10)" : setting.recipe;
  // The first ones warm up.
  await paced(100, () => waited(lab));
  const seen = await polled(lab, size.latencies);
  const waits = await paced(size.latencies, () => waited(lab));
  const figures = (by: string, times: readonly number[]): Figure[] => [
    { what: `${how}, ${by}: median`, value: median(times), unit: "ms", atMost: setting.median },
    {
      ...{ what: `${how}, ${by}: p99`, value: quantile(times, 0.99), unit: "ms" },
      ...(setting.p99 !== undefined && { atMost: setting.p99 }),
    },
  ];
  return [
    ...figures("until another connection sees the row", seen),
    ...figures("until WAIT 1 returns", waits),
    { what: `${how}: memory of the runner, at most`, value: memoryOf(lab.runnerPid).peakMb, unit: "MB", atMost: 400 },
  ];
}

/** Does something so many times, a hundred times a second, one after the other; returns how long each took, in ms. */
async function paced(count: number, act: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  let next = performance.now();
  for (let i = 0; i < count; i++) {
    await sleep(Math.max(0, next - performance.now()));
    const begin = performance.now();
    await act();
    times.push(performance.now() - begin);
    next = Math.max(next + EVERY_MS, performance.now() - EVERY_MS);
  }
  return times;
}

/** One connection, one round trip: HSET and WAIT travel together. */
async function waited(lab: Lab): Promise<void> {
  const id = lab.newIds(1);
  const replies = await lab.client.pipeline().hset(`person:${id}`, hashOf(id)).call("WAIT", "1", "60000").exec();
  if (replies?.[1]?.[1] !== 1) throw new Error("WAIT timed out");
}

async function polled(lab: Lab, count: number): Promise<number[]> {
  const poller = await lab.database.poller();
  try {
    return await paced(count, async () => {
      const id = lab.newIds(1);
      await lab.client.hset(`person:${id}`, hashOf(id));
      while ((await poller.first(String(id))) === undefined);
    });
  } finally {
    await poller.close();
  }
}

const hashOf = (id: number) => ({ first_name: `First${id}`, last_name: "Last", age: "37" });
