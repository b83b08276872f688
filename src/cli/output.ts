/** What a command prints: data on stdout, messages on stderr, colours where a person looks. */
import { Chalk, chalkStderr, default as chalkStdout } from "chalk";
import { redact, redacting } from "../config/secret.js";
import { messageOf, WbsyncError } from "../errors.js";

// Chalk looks at terminals and FORCE_COLOR, but not at NO_COLOR (https://no-color.org).
const plain = Boolean(process.env.NO_COLOR);

/** Colours for stdout. */
export const colors = new Chalk({ level: plain ? 0 : chalkStdout.level });
/** Colours for stderr. */
export const messageColors = new Chalk({ level: plain ? 0 : chalkStderr.level });

/** Where a driver's own words may stand. What a short password looks like may be part of all other data. */
const SENTENCES: ReadonlySet<string> = new Set(["reason", "error", "message", "hint", "remarks"]);
const redactSentence = redacting((name) => SENTENCES.has(name));

/** One line of data. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Data for programs. */
export function printJson(data: unknown): void {
  print(JSON.stringify(data, redactSentence, 2));
}

/** A word to the user that is not data. */
export function say(text: string): void {
  process.stderr.write(`${redact(text)}\n`);
}

/** Something that works now and may not for long. */
export function warn(text: string): void {
  say(`${messageColors.yellow("Warning:")} ${text}`);
}

/** Rows under a head, without lines: easy to read, to grep and to cut. */
export async function printTable(head: readonly string[], rows: readonly (readonly string[])[]): Promise<void> {
  const { default: Table } = await import("cli-table3");
  const none = Object.fromEntries(BORDERS.map((name) => [name, ""]));
  const table = new Table({
    head: head.map((name) => colors.bold(name.toUpperCase())),
    chars: { ...none, middle: "  " },
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
  });
  table.push(...rows.map((row) => row.map((cell, i) => redactSentence(head[i] ?? "", cell) as string)));
  const lines = table.toString().split("\n");
  print(lines.map((line) => line.trimEnd()).join("\n"));
}

/** A text from outside, as a line shows it: nothing that a stranger wrote is to move the cursor. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, (sign) => JSON.stringify(sign).slice(1, -1));
}

const BORDERS = [
  ...["top", "top-mid", "top-left", "top-right", "bottom", "bottom-mid", "bottom-left", "bottom-right"],
  ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
];

/** Names and values, one a line. */
export function printFields(fields: readonly (readonly [name: string, value: string | undefined])[]): void {
  const shown = fields.filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  for (const [name, value] of shown)
    print(`${colors.bold(name.padEnd(width))}  ${redactSentence(name, value) as string}`);
}

/**
 * Says what went wrong: message and advice where we know it; a stack, and the request to report it, where we do not. With `json`
 * as one object, on stderr all the same.
 */
export function printError(error: unknown, json: boolean): void {
  if (json) {
    const { code, hint } = error instanceof WbsyncError ? error : { code: undefined, hint: undefined };
    say(JSON.stringify({ error: { code: code ?? "UNEXPECTED", message: messageOf(error), hint } }));
    return;
  }
  if (error instanceof WbsyncError) {
    say(`${messageColors.red("Error:")} ${error.message}`);
    if (error.hint !== undefined) say(error.hint);
    return;
  }
  say(`${messageColors.red("Unexpected error:")} ${stackOf(error)}`);
  say("This is a mistake in wbsync. Please report it, with these lines and the output of wbsync --version.");
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return messageOf(error);
  const cause = error.cause === undefined ? "" : `\nCaused by: ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
