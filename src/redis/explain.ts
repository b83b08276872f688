/** Says what is wrong with a connection to Redis, and what to do about it. Pure. */
import { messageOf, WbsyncError } from "../errors.js";
import { describeTarget, type RedisTarget } from "./target.js";

/** The message of the error that a time-out on our side raises. */
export const SILENT = "the server did not become ready in time";

/** Turns what ioredis or the server says into REDIS_UNREACHABLE with advice. A `WbsyncError` is returned as it is. */
export function explainRedisError(error: unknown, target: RedisTarget): WbsyncError {
  if (error instanceof WbsyncError) return error;
  // A transaction was refused because a command in it was: that one tells why.
  const [reason] = (error as { previousErrors?: readonly unknown[] } | null)?.previousErrors ?? [];
  if (reason !== undefined) return explainRedisError(reason, target);
  const server = describeTarget(target);
  const text = messageOf(error).replace(/^Ready check failed: /, "");
  const { what, hint } = explain(text, error, target);
  return new WbsyncError("REDIS_UNREACHABLE", `Redis at ${server} ${what}`, { hint, cause: error });
}

interface Explanation {
  readonly what: string;
  readonly hint: string;
}

function explain(text: string, error: unknown, target: RedisTarget): Explanation {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown };
  if (/^NOAUTH|Authentication required/.test(text)) {
    const hint = "Give one with --password, REDISCLI_AUTH, or in the URL: redis://user:password@host.";
    return { what: "asks for a password, and none was given.", hint };
  }
  if (/^WRONGPASS|invalid password|invalid username-password/.test(text)) {
    const user = target.username ? `user "${target.username}"` : "the default user";
    const hint = "Check --user and --password (or REDISCLI_AUTH, REDIS_URL); ACL LIST on the server shows its users.";
    return { what: `refuses the password of ${user}.`, hint };
  }
  if (/^NOPERM/.test(text)) {
    return { what: `does not permit this: ${text}`, hint: "Give the user the missing permission with ACL SETUSER." };
  }
  if (/^DENIED/.test(text)) {
    const hint = "Set a password on the server, or connect from the machine that it runs on.";
    return { what: "is in protected mode and accepts local connections only.", hint };
  }
  if (/DB index is out of range|SELECT is not allowed/i.test(text)) {
    return { what: `has no database ${target.db}: ${text}`, hint: "Choose another --db (a cluster has 0 only)." };
  }
  if (/max number of clients/.test(text)) {
    return { what: "accepts no more clients.", hint: "Raise maxclients, or close connections that are not needed." };
  }
  if (text === SILENT || /^LOADING/.test(text)) {
    const hint = "It may be loading its data, or be stopped: see its log, and try again.";
    return { what: "accepted the connection but did not become ready in time.", hint };
  }
  if (name === "ReplyError") return explainRefusal(text);
  return explainNetwork(text, code, target);
}

/** An error reply to a command: the connection itself is well. */
function explainRefusal(text: string): Explanation {
  const what = `refused a command: ${text}`;
  if (/^READONLY/.test(text)) return { what, hint: "It is a replica: give the address of its master." };
  if (/^OOM/.test(text)) return { what, hint: "Its memory is full: raise maxmemory, or give another --registry-url." };
  if (/^(CROSSSLOT|MOVED|CLUSTERDOWN)/.test(text))
    return { what, hint: "It is a cluster: give a single server as --registry-url." };
  return { what, hint: "See the server's log and its configuration." };
}

function explainNetwork(text: string, code: unknown, target: RedisTarget): Explanation {
  const place = target.path === undefined ? "--host and --port (or --url)" : "--socket";
  // A server that does not speak TLS waits in silence for the rest of what it takes for a command.
  const tlsHint = target.tls === undefined ? "" : ", that the port speaks TLS";
  switch (code) {
    case "ECONNREFUSED":
      return { what: "refuses the connection.", hint: `Is the server running there? Check ${place}.` };
    case "ENOENT":
      return { what: "does not exist.", hint: "Is the server running, with unixsocket set? Check --socket." };
    case "EACCES":
      return { what: "may not be opened by this user.", hint: "Check unixsocketperm and the socket's owner." };
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return { what: "cannot be found: there is no such host.", hint: "Check --host (or --url)." };
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return { what: "does not answer.", hint: `Check ${place}${tlsHint}, and that no firewall is in between.` };
    case "ERR_SSL_WRONG_VERSION_NUMBER":
      return { what: "does not speak TLS on this port.", hint: "Leave --tls out, or use the server's tls-port." };
    default:
  }
  if (target.tls !== undefined && /certificate|self.signed|altname/i.test(`${text} ${String(code)}`)) {
    const hint = "Give the authority's certificate with --cacert, and the name that is in the certificate as --host.";
    return { what: `shows a certificate that is not trusted: ${text}.`, hint };
  }
  const tls = target.tls === undefined ? "Does the port expect TLS (--tls)?" : "Does the port speak TLS?";
  return { what: `closed the connection or failed: ${text}.`, hint: `${tls} See the server's log.` };
}
