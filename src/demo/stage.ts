/** What the demo prints: numbered scenes, what is typed, what is answered, and how long it took. Lines only: nothing flickers. */
import { colors } from "../cli/output.js";
import type { Row } from "./world.js";

const WIDTH = 96;
const INDENT = "     ";

/** A number of milliseconds as people read it: "0.8 ms", "12 ms", "1.35 s". */
export function duration(ms: number): string {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** A number with separators: "10,000". */
export function count(value: number): string {
  return value.toLocaleString("en");
}

/** Prints to stdout. */
export class Stage {
  #scene = 0;

  title(text: string, below: string): void {
    this.#line();
    this.#line(`  ${colors.bold.cyan(text)}`);
    this.#line(`  ${colors.dim(below)}`);
  }

  /** Begins a scene. */
  scene(text: string): void {
    this.#scene++;
    this.#line();
    this.#line(`  ${colors.cyan(String(this.#scene))}  ${colors.bold(text)}`);
  }

  /** What somebody types into a shell. */
  shell(command: string): void {
    this.#line(`${INDENT}${colors.dim("$")} ${command}`);
  }

  /** What a client sends to Redis. */
  redis(...commands: string[]): void {
    for (const command of commands) this.#line(`${INDENT}${colors.red.dim("redis>")} ${command}`);
  }

  /** What comes back; long lines are folded. */
  answer(text: string): void {
    for (const line of text.trimEnd().split("\n")) {
      for (const part of fold(line, WIDTH - INDENT.length)) this.#line(`${INDENT}${colors.dim(part)}`);
    }
  }

  note(text: string): void {
    for (const part of fold(text, WIDTH - INDENT.length)) this.#line(`${INDENT}${part}`);
  }

  /** Rows of a table, under their columns. */
  rows(rows: readonly Row[]): void {
    const [first = {}] = rows;
    const columns = Object.keys(first);
    const cells = rows.map((row) => columns.map((column) => String(row[column] ?? "NULL")));
    const widths = columns.map((column, at) => Math.max(column.length, ...cells.map((row) => (row[at] ?? "").length)));
    const line = (texts: readonly string[]) =>
      texts
        .map((text, at) => text.padEnd(widths[at] ?? 0))
        .join("   ")
        .trimEnd();
    this.#line(`${INDENT}${colors.dim("sqlite>")} ${colors.underline(line(columns))}`);
    for (const row of cells) this.#line(`${INDENT}${" ".repeat(8)}${colors.green(line(row))}`);
  }

  /** Something that was shown to be so. */
  ok(text: string, ms?: number): void {
    const time = ms === undefined ? "" : duration(ms);
    const gap = " ".repeat(Math.max(2, WIDTH - INDENT.length - text.length - time.length));
    this.#line(`  ${colors.green("✓")}  ${text}${gap}${colors.yellow(time)}`.trimEnd());
  }

  failed(text: string): void {
    this.#line();
    this.#line(`  ${colors.red("✗")}  ${text.replaceAll("\n", `\n${INDENT}`)}`);
  }

  end(text: string): void {
    this.#line();
    this.#line(`  ${text}`);
    this.#line();
  }

  #line(text = ""): void {
    process.stdout.write(`${text}\n`);
  }
}

/** Breaks a line between words. */
function fold(line: string, width: number): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const space = rest.lastIndexOf(" ", width);
    const at = space > 0 ? space : width;
    parts.push(rest.slice(0, at));
    rest = `  ${rest.slice(at).trimStart()}`;
  }
  return [...parts, rest];
}
