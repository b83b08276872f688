/** What errors of a Redis server mean for a write. By the code that an error reply begins with. */
import { messageOf, SupersededError, UserError, WbsyncError } from "../../errors.js";
import type { ErrorClass } from "../connector.js";
import type { RedisServer } from "./options.js";

const RETRY = new Set([
  ...["LOADING", "BUSY", "READONLY", "MASTERDOWN", "NOREPLICAS", "MISCONF", "OOM"],
  ...["CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "UNBLOCKED", "EXECABORT"],
]);
const REJECT = new Set(["WRONGTYPE"]);

/** What to do about an error. */
export function classifyRedis(error: unknown): ErrorClass {
  if (error instanceof SupersededError) return "superseded";
  if (error instanceof WbsyncError) {
    if (error.code === "VALUE_REFUSED") return "reject";
    return error.code === "DATABASE_UNREACHABLE" || error.code === "TIMEOUT" ? "retry" : "fatal";
  }
  if (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError")) return "retry";
  const code = replyCode(error);
  if (code === undefined) return "fatal";
  if (RETRY.has(code)) return "retry";
  return REJECT.has(code) ? "reject" : "fatal";
}

/** The code of an error reply: "WRONGTYPE"; undefined: it is none. */
export function replyCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error.name !== "ReplyError") return undefined;
  const [code = ""] = error.message.split(" ", 1);
  // Before Redis 7 the error of a script wraps that of its command.
  return code === "ERR" ? (/-([A-Z]{2,}) /.exec(error.message)?.[1] ?? code) : code;
}

/** Moved to another node of the cluster: the command was not executed. */
export const isRedirect = (error: unknown): boolean => ["MOVED", "ASK", "TRYAGAIN"].includes(replyCode(error) ?? "");

/** Says why there is no connection: for a person to mend where the server says so, else to be tried again. */
export function explainConnect(error: unknown, server: RedisServer): WbsyncError {
  if (error instanceof WbsyncError) return error;
  const reason = messageOf(error);
  const { code } = error as { readonly code?: unknown };
  if (replyCode(error) !== undefined && classifyRedis(error) === "fatal") {
    return new UserError("DATABASE_MISCONFIGURED", `Redis at ${server.address} refuses: ${reason}`, {
      hint: "Correct user, password and db of the connector, or the rights of that user (ACL LIST shows them).",
      cause: error,
    });
  }
  if (typeof code === "string" && /^(ERR_TLS|ERR_SSL|CERT|UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME)/.test(code)) {
    return new UserError("DATABASE_MISCONFIGURED", `Redis at ${server.address} and TLS: ${reason} (${code})`, {
      hint: "Give the authority's certificate as tls: { ca }, and the name that is in the server's certificate as host.",
      cause: error,
    });
  }
  const suffix = typeof code === "string" && !reason.includes(code) ? ` (${code})` : "";
  return new UserError("DATABASE_UNREACHABLE", `Redis at ${server.address} cannot be reached: ${reason}${suffix}`, {
    hint: "Is the server running, and are host, port and tls right? A running recipe tries again until it answers.",
    cause: error,
  });
}

/** What a command's error means: the server refuses for good, or the connection is gone and nobody knows what took effect. */
export function explainCommand(error: unknown, server: RedisServer): unknown {
  if (error instanceof WbsyncError) return error;
  if (replyCode(error) === undefined) {
    return new WbsyncError("DATABASE_UNREACHABLE", `Redis at ${server.address}: ${messageOf(error)}`, { cause: error });
  }
  if (classifyRedis(error) !== "fatal") return error;
  return new UserError("DATABASE_MISCONFIGURED", `Redis at ${server.address} refuses: ${messageOf(error)}`, {
    hint: "On the hashes and on wbsync:checkpoint:* the user needs +hget +hgetall +hset +hdel +del +type +eval +evalsha +info.",
    cause: error,
  });
}
