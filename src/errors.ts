/** The errors that wbsync raises itself. A message says what was expected, what was found; the hint says what to do. */
import type { Row } from "./model.js";

/** Stable codes, shown with `--json` and in logs. */
export type ErrorCode =
  /** The command line, a recipe or an option is wrong. */
  | "USAGE"
  /** A recipe does not say what it must, or says something that is not allowed. */
  | "RECIPE_INVALID"
  /** The recipe's TypeScript does not compile. */
  | "RECIPE_TYPES"
  /** The bundle could not be built, loaded, or is not the one that was registered. */
  | "BUNDLE"
  /** The version to deploy is not newer than the one that is active. */
  | "VERSION"
  /** There is no recipe, version or parameter of this name, or no such dead letter. */
  | "NOT_FOUND"
  /** Redis cannot be reached, or refuses us. */
  | "REDIS_UNREACHABLE"
  /** The database cannot be reached. */
  | "DATABASE_UNREACHABLE"
  /** The database is there, but table, column, key, permission or credentials are not as the recipe needs them. */
  | "DATABASE_MISCONFIGURED"
  /** A driver is not installed. */
  | "DRIVER_MISSING"
  /** A value cannot be stored exactly in its column. */
  | "VALUE_REFUSED"
  /** Another runner has taken this recipe over. */
  | "SUPERSEDED"
  /** A parameter (configGet) is set nowhere, or cannot be decrypted. */
  | "PARAMETER"
  /** A signature is missing or wrong. */
  | "UNTRUSTED"
  /** Something did not happen in the time given to it. */
  | "TIMEOUT"
  /** A recipe stopped on purpose: onError "halt", or the delete breaker. */
  | "HALTED";

/** An error with a stable code and advice. */
export class WbsyncError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

/** An error that a person can mend: shown as message and hint, without a stack. */
export class UserError extends WbsyncError {}

/** A recipe has stopped on purpose. */
export class HaltedError extends UserError {
  /** "try": it may go on by itself once it is mended; "ask": a person has to say so with `wbsync resume`. */
  readonly next: "try" | "ask";

  constructor(next: "try" | "ask", message: string, options: { hint?: string; cause?: unknown } = {}) {
    super("HALTED", message, options);
    this.next = next;
  }
}

/** A value that its column cannot hold exactly (invariant 6). Becomes a dead letter. */
export class RefusedValueError extends WbsyncError {
  constructor(message: string, options: { hint?: string; cause?: unknown } = {}) {
    super("VALUE_REFUSED", message, options);
  }
}

/** A row that the database refused, and what it said of it. */
export interface RefusedRow {
  readonly row: Row;
  readonly error: unknown;
}

/** The database refused these rows of a batch, and named them; nothing of the batch is in the table. */
export class RefusedRowsError extends WbsyncError {
  readonly rows: readonly RefusedRow[];

  constructor(rows: readonly RefusedRow[]) {
    const [first] = rows;
    const which = rows.length === 1 ? "A row was refused" : `${rows.length} rows were refused, the first of them`;
    super("VALUE_REFUSED", `${which}: ${messageOf(first?.error)}`, { cause: first?.error });
    this.rows = rows;
  }
}

/** The stored token is not ours: another writer is ahead (invariant 3). */
export class SupersededError extends WbsyncError {
  constructor(message = "another runner has written since: its checkpoint token is stored") {
    super("SUPERSEDED", message);
  }
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(messageOf).join("; ");
  return error instanceof Error ? error.message : String(error);
}

/** The stable code of anything that was thrown; undefined where it is no error of ours. */
export function codeOf(error: unknown): ErrorCode | undefined {
  return error instanceof WbsyncError ? error.code : undefined;
}

/** An error as a reason for people: with what to do, where that is known. */
export function explain(error: unknown): string {
  const text = messageOf(error);
  if (!(error instanceof WbsyncError) || !error.hint) return text;
  return `${text}${/[.!?:]$/.test(text) ? "" : "."} ${error.hint}`;
}
