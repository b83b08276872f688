/** What MongoDB's errors mean for a write. By code, label and name, never by text. */
import { messageOf, SupersededError, UserError, WbsyncError } from "../../errors.js";
import type { ErrorClass } from "../connector.js";
import type { MongodbServer } from "./options.js";

/** Errors of the server that pass by themselves. */
const RETRY = new Set([
  6, 7, 89, 9001, 202, // network
  91, 11600, 11602, 279, // shutting down, interrupted
  10107, 13435, 13436, 10058, 189, 133, 134, 211, // no primary at the moment
  112, 24, 46, 225, 228, 244, 251, // write conflict, locks, a transaction that is gone
  50, 64, 262, 290, // time-outs, a write concern that was not met in time
  146, 14031, 16500, 12587, // out of memory, disk full, throttled
]); // prettier-ignore

/** Errors of a document. */
const REJECT = new Set([
  121, // the collection's validator refuses it
  11000, 11001, 12582, // a unique index holds the value
  10334, 17280, 17419, 17420, 15, // too large, or nested too deep
  2, 14, 28, 52, 54, 56, 57, 16410, 16837, // values and names of fields; a path through what is no document
  16755, 16756, 17261, // values that an index cannot hold
]); // prettier-ignore

const NETWORK =
  /^Mongo(Network|NetworkTimeout|ServerSelection|PoolCleared|PoolClosed|TopologyClosed|NotConnected|ServerClosed|ClientClosed|ClientBulkWriteCursor|ExpiredSession|OperationTimeout|WaitQueueTimeout|UnexpectedServerResponse)Error$/;

/** Codes of Node for a connection that could not be made or was lost: the driver does not wrap all of them. */
const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|ERR_STREAM|ERR_SOCKET)/;

interface MongoError extends Error {
  readonly code?: unknown;
  readonly writeErrors?: unknown;
  readonly hasErrorLabel?: (label: string) => boolean;
}

/** What to do about an error. */
export function classifyMongodb(error: unknown): ErrorClass {
  if (error instanceof SupersededError) return "superseded";
  if (error instanceof WbsyncError) {
    if (error.code === "VALUE_REFUSED") return "reject";
    return error.code === "DATABASE_UNREACHABLE" || error.code === "TIMEOUT" ? "retry" : "fatal";
  }
  if (!(error instanceof Error)) return "fatal";
  if (error.name === "AbortError" || error.name === "TimeoutError") return "retry";
  return classifyDriver(error);
}

function classifyDriver(error: MongoError): ErrorClass {
  const { name, code, writeErrors, cause } = error;
  if (isTransient(error) || NETWORK.test(name)) return "retry";
  if (typeof code === "string" && CONNECTION.test(code)) return "retry";
  if (Array.isArray(writeErrors) && writeErrors.length > 0) {
    // One that passes makes the whole batch worth another attempt; what is refused is refused then, too.
    const classes = writeErrors.map((each) => classOfCode((each as MongoError).code));
    return classes.find((one) => one === "retry") ?? classes.find((one) => one === "fatal") ?? "reject";
  }
  if (typeof code === "number") return classOfCode(code);
  if (name === "MongoBulkWriteError") return cause instanceof Error ? classifyDriver(cause) : "retry";
  return name === "BSONError" ? "reject" : "fatal";
}

function classOfCode(code: unknown): ErrorClass {
  if (RETRY.has(code as number)) return "retry";
  return REJECT.has(code as number) ? "reject" : "fatal";
}

/** The server says that the same may well succeed if it is done again. */
function isTransient(error: unknown): boolean {
  return ["TransientTransactionError", "UnknownTransactionCommitResult", "RetryableWriteError"].some((label) =>
    hasLabel(error, label),
  );
}

/** The transaction was aborted, which is certain: it may be done again. */
export const isAborted = (error: unknown): boolean =>
  hasLabel(error, "TransientTransactionError") && !hasLabel(error, "UnknownTransactionCommitResult");

function hasLabel(error: unknown, label: string): boolean {
  const { hasErrorLabel } = error as MongoError;
  return typeof hasErrorLabel === "function" && hasErrorLabel.call(error, label);
}

/** A unique index holds this already. */
export const isDuplicate = (error: unknown): boolean => (error as MongoError).code === 11000;

/** Says why there is no connection: for a person to mend where the server says so, else to be tried again. */
export function explainConnect(error: unknown, server: MongodbServer): WbsyncError {
  if (error instanceof WbsyncError) return error;
  if (classifyMongodb(error) === "fatal") {
    return new UserError("DATABASE_MISCONFIGURED", `MongoDB at ${server.address} refuses: ${messageOf(error)}`, {
      hint: "Correct user, password, database and tls of the connector, authSource in its URL, or the rights of that user.",
      cause: error,
    });
  }
  return new UserError("DATABASE_UNREACHABLE", `MongoDB at ${server.address} cannot be reached: ${messageOf(error)}`, {
    hint: "Is the server running, and are host, port and tls right? A running recipe tries again until it answers.",
    cause: error,
  });
}
