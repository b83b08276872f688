/** The results, for people and for programs. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import Table from "cli-table3";
import { type Figure, isMet, thousands } from "./figure.js";
import type { Machine } from "./machine.js";

export interface Report {
  readonly at: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly sections: readonly { readonly title: string; readonly figures: readonly Figure[] }[];
}

const HEAD = ["what", "result", "goal", "", "from"];

export function printReport(report: Report): void {
  console.log(describeMachine(report));
  for (const { title, figures } of report.sections) {
    const table = new Table({ head: HEAD, style: { head: [], border: [] } });
    for (const figure of figures) table.push(cells(figure));
    console.log(`\n${title}\n${table.toString()}`);
  }
}

/** dist/bench.json: the folder that git ignores. */
export function writeJson(report: Report): void {
  const path = fileURLToPath(new URL("../../dist/bench.json", import.meta.url));
  mkdirSync(fileURLToPath(new URL("../../dist", import.meta.url)), { recursive: true });
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`);
  console.error("\nwritten to dist/bench.json");
}

const KEPT = new URL("../../docs/benchmarks.json", import.meta.url);

/** A measurement, and when and where it was made. */
type Kept = Omit<Report, "sections"> & Report["sections"][number];

/** Renews what was measured in docs/benchmarks.json; what was measured earlier stays. */
export function keepJson({ sections, ...made }: Report, titles: readonly string[]): void {
  const before = existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, "utf8")) as Kept[]) : [];
  const kept = new Map(before.map((section) => [section.title, section]));
  for (const section of sections) kept.set(section.title, { ...section, ...made });
  const inOrder = titles.flatMap((title) => kept.get(title) ?? []);
  writeFileSync(KEPT, `${JSON.stringify(inOrder, undefined, 2)}\n`);
}

const MARK = "<!-- results: written by npm run bench -- --write -->";

/** Renews what was measured in docs/benchmarks.md, behind the mark; other sections stay. `titles`: all there are, in their order. */
export function writeMarkdown(report: Report, titles: readonly string[]): void {
  const path = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
  const text = readFileSync(path, "utf8");
  const at = text.indexOf(MARK);
  if (at < 0) throw new Error(`docs/benchmarks.md: expected the line ${MARK}`);
  const sections = sectionsIn(text.slice(at + MARK.length));
  for (const { title, figures } of report.sections)
    sections.set(title, `${describeMachine(report)}\n\n${tableOf(figures)}`);
  const parts = titles.flatMap((title) => (sections.has(title) ? [`## ${title}`, sections.get(title)] : []));
  writeFileSync(path, `${text.slice(0, at)}${[MARK, ...parts].join("\n\n")}\n`);
}

/** What stands under each heading. */
function sectionsIn(text: string): Map<string, string> {
  const [, ...sections] = text.split(/^## /m);
  return new Map(
    sections.map((section) => {
      const end = section.indexOf("\n");
      return [section.slice(0, end), section.slice(end).trim()];
    }),
  );
}

function tableOf(figures: readonly Figure[]): string {
  const rows = [HEAD, HEAD.map(() => "---"), ...figures.map(cells)].map((row) => `| ${row.join(" | ")} |`);
  return rows.join("\n");
}

function describeMachine({ at, machine, quick }: Report): string {
  const { cpu, cores, memoryGb, system, node, redis } = machine;
  return (
    `${at.slice(0, 10)}${quick ? ", quick" : ""}: ${cores} cores of ${cpu}, ${memoryGb} GB, ${system}, ` +
    `Node ${node}, Redis ${redis}. All processes share these cores.`
  );
}

function cells(figure: Figure): string[] {
  const { what, atLeast, atMost, detail = "" } = figure;
  const goal =
    atLeast !== undefined ? `≥ ${show(figure, atLeast)}` : atMost !== undefined ? `≤ ${show(figure, atMost)}` : "";
  return [what, show(figure, figure.value), goal, goal && (isMet(figure) ? "✓" : "✗"), detail];
}

function show({ unit }: Figure, value: number): string {
  switch (unit) {
    case "ratio":
      return value.toFixed(2);
    case "ms":
      return `${value.toFixed(value < 10 ? 1 : 0)} ms`;
    case "/s":
      return `${thousands(value)}/s`;
    case "MB":
    case "bytes":
      return `${thousands(value)} ${unit}`;
  }
}
