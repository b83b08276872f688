/** What Snowflake's and its driver's errors mean for a write. By number and SQLSTATE, never by text. */
import type { ErrorClass } from "../connector.js";

/** Server: cancelled, lock or statement time-out, too many waiters, internal error, session or token gone. */
const RETRY = new Set([
  603, 604, 605, 610, 612, 625, 628, 629, 630, // internal error, cancelled, time-outs, locks
  390104, 390110, 390111, 390112, 390113, 390114, 390115, 390195, // session gone, token expired
  390189, 390201, // role, warehouse or session not ready
]); // prettier-ignore

/** Credentials, roles, objects: only a person can mend it, though the SQLSTATE looks like a lost connection. */
const FATAL = new Set([390100, 390101, 390102, 390103, 390106, 390107, 390144, 394300, 394304, 394306]);

/** The driver could not reach the service, lost it, or was answered by something else; the connection was ended. */
const DRIVER_RETRY = /^(401001|401002|401003|402001|402002|405503|407001|407002|408\d{3})$/;

const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ERR_CANCELED|ERR_NETWORK|ERR_STREAM|ERR_SOCKET)/;

interface SnowflakeError {
  readonly code?: unknown;
  readonly sqlState?: unknown;
}

/** What to do about an error of the driver. */
export function classifySnowflake(error: unknown): ErrorClass {
  const { code, sqlState } = (error ?? {}) as SnowflakeError;
  const text = codeText(code);
  if (CONNECTION.test(text) || DRIVER_RETRY.test(text)) return "retry";
  const number = Number(text);
  if (FATAL.has(number)) return "fatal";
  if (RETRY.has(number)) return "retry";
  // 100xxx: data that cannot be converted, NULL in a NOT NULL column, a text too long, a row twice in a MERGE.
  if (/^10\d{4}$/.test(text)) return "reject";
  if (typeof sqlState !== "string") return "fatal";
  if (/^(08|40|53|57014|XX)/.test(sqlState)) return "retry";
  return /^(22|23|44)/.test(sqlState) ? "reject" : "fatal";
}

/** The server answered the statement: the session is as good as before. */
export function isServerError(error: unknown): boolean {
  const { code, sqlState } = (error ?? {}) as SnowflakeError;
  return typeof sqlState === "string" && sqlState !== "" && !/^(39|40)/.test(codeText(code));
}

/** A primary key of a hybrid table: the only ones that are enforced. */
export const isDuplicate = (error: unknown): boolean => codeText((error as SnowflakeError | null)?.code) === "200001";

/** Object does not exist or not authorized. */
export const isMissingTable = (error: unknown): boolean =>
  codeText((error as SnowflakeError | null)?.code) === "002003";

const codeText = (code: unknown): string => (typeof code === "string" || typeof code === "number" ? String(code) : "");
