/** How long `wbsync run` takes to be at work. */
import { type Figure, type Measurement, type MeasureOptions, thousands } from "../figure.js";
import { inLab, type Lab } from "../lab.js";
import { memoryOf } from "../memory.js";
import { clockMs, median } from "../stats.js";

export const start: Measurement = {
  name: "start",
  title: "Start of the runner (SQLite)",
  measure: (options) => inLab({ database: "sqlite", profileDir: options.profileDir }, (lab) => measure(lab, options)),
};

async function measure(lab: Lab, { size, say }: MeasureOptions): Promise<readonly Figure[]> {
  await lab.deploy();
  const times: number[] = [];
  let memory = 0;
  for (let i = 0; i <= size.rounds; i++) {
    const begin = clockMs();
    await lab.startRunner();
    times.push(clockMs() - begin);
    memory = memoryOf(lab.runnerPid).nowMb;
    await lab.stopRunner();
    say(`${thousands(times.at(-1) ?? 0)} ms`);
  }
  return [
    {
      what: 'from the start of the process to the state "running", its driver loaded',
      value: median(times.slice(1)),
      unit: "ms",
    },
    { what: "memory of an idle runner", value: memory, unit: "MB", atMost: 400 },
  ];
}
