/** What the errors of driver and server mean for a write. By codes and classes, never by text. */
import { messageOf, SupersededError, UserError, WbsyncError } from "../../errors.js";
import type { ErrorClass } from "../connector.js";
import type { Cluster } from "./options.js";

/** Error codes of the CQL protocol. */
const INVALID = 0x2200;
const RETRY: ReadonlySet<number> = new Set([
  0x0000, // server error
  0x1000, // unavailable: too few replicas are alive
  0x1001, // overloaded
  0x1002, // bootstrapping
  0x1003, // truncate error
  0x1100, // write timeout
  0x1200, // read timeout
  0x1300, // read failure
  0x1500, // write failure
  0x1600, // CDC write failure
  0x1700, // CAS write unknown
  0x2500, // unprepared
]);

/** Classes of the driver for what may pass. */
const TRANSIENT: ReadonlySet<string> = new Set([
  "OperationTimedOutError",
  "BusyConnectionError",
  "DriverInternalError",
]);
/** Codes of Node for a connection that could not be made or was lost. */
const CONNECTION = /^(ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_|EADDR|ERR_STREAM|ERR_SOCKET)/;

/** What to do about an error. */
export function classifyCassandra(error: unknown): ErrorClass {
  if (error instanceof SupersededError) return "superseded";
  if (error instanceof WbsyncError) return classifyOwn(error);
  if (nameOf(error) === "AbortError" || nameOf(error) === "TimeoutError") return "retry";
  const inner = innerErrors(error);
  // Nobody was there to ask, or each had a reason; one that only a person can mend decides.
  if (inner) return inner.some((one) => classifyCassandra(one) === "fatal") ? "fatal" : "retry";
  const code = codeOf(error);
  if (typeof code === "number") return RETRY.has(code) ? "retry" : "fatal";
  if ((typeof code === "string" && CONNECTION.test(code)) || isSocketError(error)) return "retry";
  return TRANSIENT.has(nameOf(error)) ? "retry" : "fatal";
}

function classifyOwn(error: WbsyncError): ErrorClass {
  switch (error.code) {
    case "VALUE_REFUSED":
      return "reject";
    case "DATABASE_UNREACHABLE":
    case "TIMEOUT":
      return "retry";
    default:
      return "fatal";
  }
}

/** The server says that a request is not valid: a value is not, or the table is no longer what it was. */
export const isInvalid = (error: unknown): boolean => codeOf(error) === INVALID;

/** The error of a connection attempt, in words for a person. */
export function connectError(cluster: Cluster, cause: unknown): unknown {
  if (cause instanceof WbsyncError || nameOf(cause) === "AbortError") return cause;
  const reason = reasonOf(cause);
  if (classifyCassandra(cause) === "retry") {
    return new UserError("DATABASE_UNREACHABLE", `Cassandra at ${cluster.address} cannot be reached: ${reason}`, {
      hint: "Is the cluster running, and are contactPoints and port right? A running recipe tries again until it answers.",
      cause,
    });
  }
  return new UserError("DATABASE_MISCONFIGURED", `Cassandra at ${cluster.address} refuses: ${reason}`, {
    hint: "Correct user, password, keyspace and localDataCenter of the connector, or the rights of that user.",
    cause,
  });
}

/** The error of a request, with what the driver keeps inside. */
export function requestError(cluster: Cluster, cause: unknown): unknown {
  if (innerErrors(cause) === undefined || classifyCassandra(cause) !== "retry") return cause;
  return new WbsyncError("DATABASE_UNREACHABLE", `Cassandra at ${cluster.address}: ${reasonOf(cause)}`, { cause });
}

/** "All hosts tried" says nothing; what each of them said does. */
function reasonOf(error: unknown): string {
  const inner = innerErrors(error);
  if (!inner || inner.length === 0) {
    const code = codeOf(error);
    const text = messageOf(error);
    return typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
  }
  return [...new Set(inner.map(reasonOf))].join("; ");
}

/** By host, what a request failed with there. */
function innerErrors(error: unknown): unknown[] | undefined {
  if (nameOf(error) !== "NoHostAvailableError") return undefined;
  const inner = (error as { innerErrors?: unknown }).innerErrors;
  return typeof inner === "object" && inner !== null ? Object.values(inner as Record<string, unknown>) : [];
}

/** What the driver says to those who wait on a connection that was closed. */
const isSocketError = (error: unknown): boolean =>
  (error as { isSocketError?: unknown } | null)?.isSocketError === true;

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : "";
}
