/** The results, for people and for programs. */
import { mkdirSync, writeFileSync } from "node:fs";
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

const MARK = "<!-- results: written by npm run bench -- --write -->";

/** Replaces what stands after the mark in docs/benchmarks.md. */
export async function writeMarkdown(report: Report): Promise<void> {
  const { readFileSync } = await import("node:fs");
  const path = fileURLToPath(new URL("../../docs/benchmarks.md", import.meta.url));
  const text = readFileSync(path, "utf8");
  const at = text.indexOf(MARK);
  if (at < 0) throw new Error(`docs/benchmarks.md: expected the line ${MARK}`);
  writeFileSync(path, `${text.slice(0, at)}${MARK}\n\n${markdown(report)}`);
}

function markdown(report: Report): string {
  const parts = [describeMachine(report)];
  for (const { title, figures } of report.sections) {
    const rows = [HEAD, HEAD.map(() => "---"), ...figures.map(cells)].map((row) => `| ${row.join(" | ")} |`);
    parts.push(`## ${title}`, rows.join("\n"));
  }
  return `${parts.join("\n\n")}\n`;
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
