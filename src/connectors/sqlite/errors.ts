/** What SQLite's errors mean for a write. By result code, never by text. */
import type { ErrorClass } from "../connector.js";

// ABORT, BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, FULL, PROTOCOL, SCHEMA
const RETRY = new Set([4, 5, 6, 7, 9, 10, 13, 15, 17]);
// TOOBIG, CONSTRAINT, MISMATCH
const REJECT = new Set([18, 19, 20]);

/** What to do about an error of the driver. */
export function classifySqlite(error: unknown): ErrorClass {
  const code = codeOf(error);
  if (RETRY.has(code)) return "retry";
  return REJECT.has(code) ? "reject" : "fatal";
}

/** SQLITE_BUSY: another process is writing. */
export const isBusy = (error: unknown): boolean => codeOf(error) === 5;

/** SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE */
export const isDuplicate = (error: unknown): boolean => [1555, 2067].includes(extendedCodeOf(error));

/** SQLITE_ERROR: what a missing table gives, among other faults of a statement. */
export const isStatementError = (error: unknown): boolean => codeOf(error) === 1;

/** The primary result code, without its extension. */
const codeOf = (error: unknown): number => extendedCodeOf(error) & 0xff;

function extendedCodeOf(error: unknown): number {
  const code = (error as { errcode?: unknown } | null)?.errcode;
  return typeof code === "number" ? code : 0;
}
