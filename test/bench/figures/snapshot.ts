/** Carrying the hashes that exist already, beside the bare loop. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { inLab, type Lab } from "../lab.js";
import { memoryOf } from "../memory.js";
import { clockMs, perSecond } from "../stats.js";

export const snapshot: Measurement = {
  name: "snapshot",
  title: "Snapshot of hashes that exist already (MariaDB)",
  measure: (options) => inLab({ database: "mariadb", profileDir: options.profileDir }, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { size }: MeasureOptions): Promise<readonly Figure[]> {
  const rows = size.snapshotRows;
  // The first one warms up.
  await lab.bareLoop(rows / 5);
  const bare = await lab.bareLoop(rows);
  await lab.load({ writes: rows, firstId: lab.newIds(rows), ids: rows, waits: false });
  await lab.database.clear();
  await lab.deploy();
  const begin = clockMs();
  await lab.startRunner();
  while ((await lab.database.count()) < rows) await sleep(20);
  const ms = clockMs() - begin;
  await lab.expectRows(rows);
  const carried = perSecond(rows, ms);
  return [
    {
      ...{
        what: `${thousands(rows)} hashes, from the start of the process to the last row ÷ bare loop`,
        unit: "ratio",
      },
      ...{ value: carried / bare, detail: `${thousands(carried)} ÷ ${thousands(bare)} rows/s` },
    },
    { what: "memory of the runner, at most", value: memoryOf(lab.runnerPid).peakMb, unit: "MB", atMost: 400 },
  ];
}
