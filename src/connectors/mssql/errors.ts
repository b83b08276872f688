/** What SQL Server's and its driver's errors mean for a write. By number and code, never by text. */
import type { ErrorClass } from "../connector.js";

/** Errors of a row. */
const REJECT = new Set([
  515, 547, 2601, 2627, // NULL, CHECK and foreign keys, duplicates
  2628, 8152, 511, 1946, // too long
  220, 232, 241, 242, 244, 245, 248, 295, 517, 8114, 8115, 8116, 8134, 8169, 8672, // conversion, overflow, row written twice
  3609, 3616, 3930, // a trigger ended the transaction
  13608, 13609, // JSON
]); // prettier-ignore

/** Errors that pass by themselves. */
const RETRY = new Set([
  -2, 20, 64, 121, 233, 10053, 10054, 10060, 11001, // network
  701, 802, 1105, 1101, 1204, 3967, 8645, 8651, 9002, // memory, disk, log
  1205, 1222, 3960, 3961, // deadlock, lock time-out, snapshot
  596, 601, 615, 617, 669, 671, 6002, 6005, 17142, 17187, 18401, // session killed, server stopping or starting
  921, 922, 923, 924, 927, 945, 976, 978, 983, 3906, 4221, // database not ready, secondary
  10928, 10929, 40197, 40501, 40540, 40544, 40549, 40550, 40551, 40552, 40553, 40613, 40143, 42108, 42109, 49918, 49919, 49920, // Azure
]); // prettier-ignore

/** Codes of the driver: time-out, socket, closed, transaction gone. */
const DRIVER_RETRY = new Set([
  ...["ETIMEOUT", "ESOCKET", "ECONNCLOSED", "ECLOSE", "ENOTOPEN", "ENOCONN", "EINSTLOOKUP"],
  // EINVALIDSTATE: the connection was lost while nobody used it.
  ...["EABORT", "ECANCEL", "ENOTBEGUN", "EINVALIDSTATE"],
]);

const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/;

interface MssqlError {
  readonly number?: unknown;
  readonly code?: unknown;
  readonly precedingErrors?: unknown;
}

/** What to do about an error of the driver. */
export function classifyMssql(error: unknown): ErrorClass {
  const { number, code, precedingErrors } = (error ?? {}) as MssqlError;
  // Of several errors the driver throws the last; what came before it is the cause.
  if (Array.isArray(precedingErrors)) {
    const cause = precedingErrors.find((one) => isServerError(one) && classifyMssql(one) !== "fatal") as unknown;
    if (cause !== undefined) return classifyMssql({ number: (cause as MssqlError).number });
  }
  if (typeof number === "number") {
    if (REJECT.has(number) || isMadeUp(number) || (number >= 9400 && number < 9500)) return "reject";
    return RETRY.has(number) ? "retry" : "fatal";
  }
  return typeof code === "string" && (DRIVER_RETRY.has(code) || CONNECTION.test(code)) ? "retry" : "fatal";
}

/** The server said it. */
export const isServerError = (error: unknown): boolean =>
  typeof (error as MssqlError | null | undefined)?.number === "number";

/** Violation of a PRIMARY KEY, a UNIQUE constraint or index. */
export const isDuplicate = (error: unknown): boolean => [2601, 2627].includes(Number((error as MssqlError).number));

/** Invalid object name. */
export const isMissingTable = (error: unknown): boolean => (error as MssqlError).number === 208;

/** THROW and RAISERROR of a trigger that refuses a row. */
const isMadeUp = (number: number): boolean => number >= 50_000;
