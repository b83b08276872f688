/** Why there is no connection, in words that help. */
import { messageOf, UserError, WbsyncError } from "../../errors.js";
import { classifyMssql } from "./errors.js";
import type { MssqlServer } from "./options.js";

/** `number` is the server's for what it refused; undefined: it has not said anything. */
export function connectError({ address }: MssqlServer, cause: unknown, number: number | undefined): Error {
  const kind = classifyMssql(number === undefined ? cause : { number });
  if (kind === "retry" || (cause instanceof WbsyncError && cause.code === "TIMEOUT")) {
    return new UserError("DATABASE_UNREACHABLE", `SQL Server at ${address} cannot be reached: ${reasonOf(cause)}`, {
      hint: "Is the server running, does it listen to TCP, and are server and port right? A running recipe tries again until it answers.",
      cause,
    });
  }
  return new UserError("DATABASE_MISCONFIGURED", `SQL Server at ${address} refuses: ${messageOf(cause)}`, {
    hint: "Correct user, password and database of the connector, or the rights of that user; trustServerCertificate where it made its own certificate.",
    cause,
  });
}

/** What the driver says, and below that what the network said: the driver keeps it to itself. */
function reasonOf(cause: unknown): string {
  let inner = cause;
  for (let next = innerError(cause); next !== undefined; next = innerError(next)) inner = next;
  const errors: unknown[] = inner instanceof AggregateError ? inner.errors : [inner];
  const words = [cause, ...errors].map(messageOf);
  return [...new Set(words)].join(": ");
}

const innerError = (error: unknown): unknown => {
  const { originalError, cause } = error as { originalError?: unknown; cause?: unknown };
  return originalError ?? cause;
};
