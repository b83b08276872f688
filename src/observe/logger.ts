/** The log: one line an event on stderr, for people or as JSON. */
import { createRequire } from "node:module";
import { type DestinationStream, type Logger as PinoLogger, destination, pino, stdTimeFunctions } from "pino";
import { redacting } from "../config/secret.js";
import { messageOf, WbsyncError } from "../errors.js";
import type { LogFormat, LogLevel } from "./log-choices.js";

/** A logger; `child({ recipe, partition, position })` says of whom its lines speak. An error goes under the name `err`. */
export type Logger = PinoLogger;

export interface LoggerOptions {
  readonly format: LogFormat;
  readonly level: LogLevel;
  /** Colours in the pretty format; where nothing is said: when stderr is a terminal and NO_COLOR is not set. */
  readonly colors?: boolean;
  /** Where lines go, newline included; stderr where nothing is said. */
  readonly write?: (line: string) => void;
}

/** Makes a logger. Lines are written at once, so that none is missing when the process dies. */
export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? stderr();
  const format = options.format === "json" ? (line: string) => line : pretty(options.colors ?? hasColors());
  const stream: DestinationStream = { write: (line) => write(format(redactLine(line))) };
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: serializeError },
    },
    stream,
  );
}

/** What makes a line what it is; a short secret may look like it. */
const STRUCTURE: ReadonlySet<string> = new Set(["level", "time", "recipe", "code"]);
const redactSaid = redacting((name) => !STRUCTURE.has(name));

/** Takes secrets out of what a line says. */
const redactLine = (line: string): string => `${JSON.stringify(JSON.parse(line), redactSaid)}\n`;

function stderr(): (line: string) => void {
  const stream = destination({ fd: 2, sync: true });
  return (line) => {
    try {
      stream.write(line);
    } catch {
      // A full disk: the rows are worth more than the log.
    }
  };
}

function hasColors(): boolean {
  return process.stderr.isTTY === true && !process.env.NO_COLOR;
}

/** What is known is its message and advice; what is not known is our bug, and shows where it comes from. */
function serializeError(error: unknown): unknown {
  if (error instanceof WbsyncError) {
    const cause = error.cause === undefined ? undefined : messageOf(error.cause);
    return { code: error.code, message: error.message, hint: error.hint, cause };
  }
  if (!(error instanceof Error)) return { message: messageOf(error) };
  const { code } = error as { code?: unknown };
  return { code, message: messageOf(error), stack: error.stack };
}

/** What stands in front of the message and behind it in the pretty format, instead of among the other fields. */
const TOLD = ["recipe", "partition", "position", "err"];

type Prettify = (line: string) => string;

/** Makes `[12:30:01] INFO: PersonsWriteBehind/2 @48123 message {"other":"fields"}` of a line of JSON. */
function pretty(colorize: boolean): Prettify {
  // Loaded here, for whoever wants JSON has no use for it.
  const { prettyFactory } = createRequire(import.meta.url)("pino-pretty") as typeof import("pino-pretty");
  return prettyFactory({
    colorize,
    singleLine: true,
    translateTime: "SYS:HH:MM:ss",
    ignore: TOLD.join(","),
    errorLikeObjectKeys: [],
    messageFormat: (line, key) => `${subject(line)}${text(line[key])}${failure(line.err)}`,
  }) as Prettify;
}

function subject({ recipe, partition, position }: Record<string, unknown>): string {
  if (typeof recipe !== "string") return "";
  const place = typeof partition === "number" ? `/${partition}` : "";
  const offset = typeof position === "number" ? ` @${position}` : "";
  return `${recipe}${place}${offset} `;
}

function failure(err: unknown): string {
  if (typeof err !== "object" || err === null) return "";
  const { message, hint, stack } = err as Record<string, unknown>;
  return `: ${typeof stack === "string" ? stack : text(message)}${typeof hint === "string" ? ` ${hint}` : ""}`;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
