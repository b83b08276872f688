/** The database is down: how much memory a changed key takes, and how the runner catches up. */
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { inLab, type Lab } from "../lab.js";
import { memoryOf, resetPeak } from "../memory.js";
import { clockMs, perSecond } from "../stats.js";

const KEYS = 200_000;

export const outage: Measurement = {
  name: "outage",
  title: "While MariaDB is down",
  measure: (options) => inLab({ database: "mariadb", profileDir: options.profileDir }, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  await lab.deploy();
  await lab.startRunner();
  // Its code is compiled, and its heap has grown as far as it does under load.
  await lab.load({ writes: KEYS, firstId: lab.newIds(KEYS), ids: KEYS, waits: true });
  await lab.emptyBoth();
  const before = memoryOf(lab.runnerPid).nowMb;
  resetPeak(lab.runnerPid);
  await lab.database.outage?.begin();
  const firstId = lab.newIds(KEYS);
  for (let left = size.outageWrites; left > 0; left -= 1_000_000) {
    await lab.load({ writes: Math.min(left, 1_000_000), firstId, ids: KEYS, waits: false });
  }
  await lab.untilBuffered(KEYS);
  const { peakMb, nowMb } = memoryOf(lab.runnerPid);
  say(`memory before ${thousands(before)} MB, at most ${thousands(peakMb)} MB, now ${thousands(nowMb)} MB`);
  await lab.database.outage?.end();
  const begin = clockMs();
  await lab.untilCommitted();
  const ms = clockMs() - begin;
  await lab.expectRows(KEYS);
  return [
    {
      ...{
        what: `memory of the runner after ${thousands(size.outageWrites)} writes on ${thousands(KEYS)} keys, at most`,
      },
      ...{ value: peakMb, unit: "MB", atMost: 400 },
    },
    {
      ...{ what: "memory that a changed key takes, the runner's garbage included", unit: "bytes" },
      ...{
        value: ((nowMb - before) * 2 ** 20) / KEYS,
        detail: `${thousands(before)} MB before, ${thousands(nowMb)} MB with all of them`,
      },
    },
    { what: "caught up after the database was back, its back-off included", value: perSecond(KEYS, ms), unit: "/s" },
  ];
}
