/** The bench: measures what was asked for, prints a table, writes JSON. */
import { parseArgs } from "node:util";
import { FULL, QUICK } from "./figure.js";
import { MEASUREMENTS } from "./measurements.js";
import { keepJson, type Report, printReport, writeJson, writeMarkdown } from "./report.js";
import { machine } from "./machine.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { write: { type: "boolean", default: false }, profile: { type: "string" } },
});
const size = positionals.includes("quick") ? QUICK : FULL;
const names = positionals.filter((name) => name !== "quick");
const chosen = MEASUREMENTS.filter(({ name }) => names.length === 0 || names.some((part) => name.includes(part)));
if (chosen.length === 0) {
  throw new Error(
    `No measurement is called ${names.join(" or ")}: there are ${MEASUREMENTS.map(({ name }) => name).join(", ")}.`,
  );
}

const sections: Report["sections"][number][] = [];
for (const measurement of chosen) {
  const { name, title } = measurement;
  console.error(`${name} …`);
  const say = (text: string) => console.error(`  ${text}`);
  try {
    sections.push({ title, figures: await measurement.measure({ size, profileDir: values.profile, say }) });
  } catch (error) {
    // What was measured before, and what can be measured after it, is not lost with it.
    console.error(`${name} could not be measured:`, error);
    process.exitCode = 1;
  }
}
const report: Report = { at: new Date().toISOString(), machine: machine(), quick: size === QUICK, sections };
printReport(report);
writeJson(report);
if (values.write) {
  const titles = MEASUREMENTS.map(({ title }) => title);
  keepJson(report, titles);
  writeMarkdown(report, titles);
}
process.exit();
