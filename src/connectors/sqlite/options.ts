/** The options of `sqlite`, validated when the recipe is loaded, and resolved at every connection attempt. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.js";
import type { Option } from "../connector.js";
import { refuse } from "../option-refusal.js";
import { wholeNumber, type OptionRule } from "../option-rules.js";
import { checkOptions, resolveOptions, type OptionSet } from "../option-set.js";

/** Options of `sqlite`. Each may be a value, or a function that is called again at every connection attempt. */
export interface SqliteOptions {
  /** The database file, which has to exist; relative to the folder in which the runner was started. */
  readonly file: Option<string>;
  /** Milliseconds to wait while another process writes; 5,000 where nothing is said. */
  readonly busyTimeoutMs?: Option<number>;
}

/** The options, resolved. */
export interface SqliteFile {
  /** An absolute path. */
  readonly file: string;
  readonly busyTimeoutMs: number;
}

const path: OptionRule<string> = { expected: "the path of a file", read: pathOf };

const RULES = { file: path, busyTimeoutMs: wholeNumber(0) } as const;

const SQLITE: OptionSet<typeof RULES> = {
  ...{ kind: "sqlite", rules: RULES, alone: "file" },
  example: 'Write sqlite("data/app.db") or sqlite({ file: "data/app.db" }).',
};

/** Checks what a recipe gives. */
export function sqliteOptions(given: SqliteOptions | Option<string>): SqliteOptions {
  const options = checkOptions<SqliteOptions>(SQLITE, given);
  return (options.file ?? undefined) === undefined ? refuse(SQLITE, `expected ${path.expected}`) : options;
}

/** Asks for every option's value now. */
export async function resolveSqlite(options: SqliteOptions): Promise<SqliteFile> {
  const { file, busyTimeoutMs = 5_000 } = await resolveOptions(SQLITE, options);
  return { file: file ?? refuse(SQLITE, `file: expected ${path.expected}, got nothing`), busyTimeoutMs };
}

/** The absolute path that an option's value means. */
function pathOf(given: unknown): string | undefined {
  if (typeof given !== "string" || given === "") return undefined;
  if (given === ":memory:") refuse(SQLITE, "a database in memory is gone with its connection");
  if (!given.startsWith("file:")) return resolve(given);
  try {
    return resolve(fileURLToPath(given));
  } catch {
    return undefined;
  }
}

/** A file that is not there is not made: a misspelt path would leave an empty database somewhere. */
export function checkFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isFile()) return;
  throw new UserError("DATABASE_MISCONFIGURED", `SQLite: ${file} ${found ? "is not a file" : "does not exist"}`, {
    hint: found
      ? "Name the database file, not its folder."
      : "Create it with the table in it. A path is relative to the folder in which the runner was started.",
  });
}
