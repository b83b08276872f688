/** What PostgreSQL's errors mean for a write. By SQLSTATE, never by text. */
import type { Kind } from "../../model.js";
import type { ErrorClass } from "../connector.js";

/** Codes of Node for a connection that could not be made or was lost. */
const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ENOENT|EACCES|EADDR|ERR_STREAM|ERR_SOCKET)/;

/**
 * Classes and codes, the longest match first. 08 connection, 40 rolled back (deadlock, serialization), 53 out of resources (disk,
 * memory, connections), 55P03 lock not available, 57 operator (shutdown, cancel, starting), 58 system error, 25006 read-only
 * standby, 26000 and 0A000 "cached plan must not change" (the table was altered: a new connection plans afresh).
 */
const RETRY = /^(08|40|53|57|58|55P03|55006|25006|25P03|26000|72|XX)/;
/**
 * 21000 a row twice, 22 data, 23 constraints, 44 view's check, 54 too large, or too deep for a parser; 27, 38, 39, P0: a trigger's
 * refusal.
 */
const REJECT = /^(21|22|23|27|38|39|44|54|P0)/;
/** The classes that PostgreSQL defines. Any other was made up by a trigger that refuses a row. */
const KNOWN = /^(0[0-389ABFLPZ]|2[0-8BDF]|3[489BDF]|4[024]|5[34578]|72|F0|HV|P0|XX)/;
/** 57P04: the database was dropped. */
const FATAL = /^57P04/;

/** What to do about an error of the driver; `kinds`: what the columns hold that were written. */
export function classifyPostgres(error: unknown, kinds: readonly Kind["kind"][] = []): ErrorClass {
  const code = codeOf(error);
  if (code === undefined) return "fatal";
  // A type of an extension (PostGIS) says so of a text that it cannot read.
  if (code === "XX000" && isServerError(error) && kinds.includes("other")) return "reject";
  if (!isSqlState(code)) return CONNECTION.test(code) ? "retry" : "fatal";
  if (FATAL.test(code)) return "fatal";
  if (RETRY.test(code)) return "retry";
  return REJECT.test(code) || !KNOWN.test(code) ? "reject" : "fatal";
}

/** The server sent it, so the connection is as good as before (a FATAL one is about to end). */
export function isServerError(error: unknown): boolean {
  const code = codeOf(error);
  const { severity } = error as { severity?: unknown };
  return code !== undefined && isSqlState(code) && severity !== "FATAL" && severity !== "PANIC";
}

/** unique_violation */
export const isDuplicate = (error: unknown): boolean => codeOf(error) === "23505";

/** undefined_table; invalid_schema_name */
export const isMissingTable = (error: unknown): boolean => ["42P01", "3F000"].includes(codeOf(error) ?? "");

/** A prepared statement whose result or parameters changed with the table. */
export const isStalePlan = (error: unknown): boolean => ["0A000", "26000"].includes(codeOf(error) ?? "");

const isSqlState = (code: string): boolean => /^[0-9A-Z]{5}$/.test(code) && !CONNECTION.test(code);

function codeOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === "string" ? code : undefined;
}
