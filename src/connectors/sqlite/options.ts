/** The options of `sqlite`, validated when the recipe is loaded, and resolved at every connection attempt. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "../../errors.js";
import type { Option } from "../connector.js";

/** Options of `sqlite`. Each may be a value, or a function that is called again at every connection attempt. */
export interface SqliteOptions {
  /** The database file, which has to exist; relative to the folder in which the runner was started. */
  readonly file: Option<string>;
  /** Milliseconds to wait while another process writes; 5,000 where nothing is said. */
  readonly busyTimeoutMs?: Option<number>;
}

const HINT = 'Write sqlite("data/app.db") or sqlite({ file: "data/app.db" }).';

/** Checks what a recipe gives. */
export function sqliteOptions(given: SqliteOptions | Option<string>): SqliteOptions {
  if (typeof given === "string") pathOf(given);
  if (typeof given === "string" || typeof given === "function" || isThenable(given)) return { file: given };
  const names = typeof given === "object" && given !== null ? Object.keys(given) : [];
  const unknown = names.filter((name) => !["file", "busyTimeoutMs"].includes(name));
  if (unknown.length > 0) {
    throw new UserError("RECIPE_INVALID", `sqlite: unknown option "${unknown.join('", "')}"`, {
      hint: "Options are file and busyTimeoutMs.",
    });
  }
  if (typeof given !== "object" || given === null || given.file === undefined) {
    throw new UserError("RECIPE_INVALID", "sqlite: expected the path of a file", { hint: HINT });
  }
  return given;
}

/** The absolute path that an option's value means. */
export function pathOf(text: unknown): string {
  if (typeof text !== "string" || text === "") {
    throw new UserError("RECIPE_INVALID", "sqlite: file: expected the path of a file", { hint: HINT });
  }
  if (text === ":memory:") {
    throw new UserError("RECIPE_INVALID", "sqlite: a database in memory is gone with its connection", { hint: HINT });
  }
  return resolve(text.startsWith("file:") ? fileURLToPath(text) : text);
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

const isThenable = (value: unknown): value is PromiseLike<string> =>
  typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
