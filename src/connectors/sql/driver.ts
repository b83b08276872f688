/** What every driver of a database server needs around it: loaded only when used, and no wait without an end. */
import { messageOf, UserError, WbsyncError } from "../../errors.js";
import type { Server } from "./server-options.js";

/** Loads a driver; where it is not installed the error says which command installs it. */
export async function loadDriver<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new UserError("DRIVER_MISSING", `The driver "${name}" is not installed`, {
      hint: `Run: npm install ${name}`,
      cause,
    });
  }
}

/** What may end a wait before its time. */
export interface Limits {
  readonly ms: number;
  /** Completes "… after 60 s". */
  readonly what: string;
  /** Ends what is waited for, where the time is over. */
  readonly cut: () => void;
  /** Somebody else has cut the connection: drivers do not always tell those who wait. */
  readonly signal: AbortSignal;
}

/** Waits for `work`, but not for ever: a silent network would otherwise hold it. */
export async function within<T>(work: Promise<T>, { ms, what, cut, signal }: Limits): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onCut: (() => void) | undefined;
  const ended = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new WbsyncError("TIMEOUT", `${what} after ${ms / 1000} s`));
      cut();
    }, ms);
    onCut = () => reject(new WbsyncError("DATABASE_UNREACHABLE", "The connection was cut"));
    if (signal.aborted) onCut();
    else signal.addEventListener("abort", onCut, { once: true });
  });
  try {
    return await Promise.race([work, ended]);
  } finally {
    clearTimeout(timer);
    if (onCut) signal.removeEventListener("abort", onCut);
    // The loser of the race may still fail, and nobody listens any more.
    work.catch(() => undefined);
  }
}

/** The connection could not be made, and trying again may help. */
export function unreachable(product: string, server: Server, cause: unknown): WbsyncError {
  return new UserError("DATABASE_UNREACHABLE", `${product} at ${server.address} cannot be reached: ${reason(cause)}`, {
    hint: "Is the server running, and are host and port right? A running recipe tries again until it answers.",
    cause,
  });
}

/** A connection that was there is gone: whether a COMMIT under way took effect is not known. */
export function lost(product: string, server: Server, cause: unknown): WbsyncError {
  return new WbsyncError("DATABASE_UNREACHABLE", `${product} at ${server.address}: ${reason(cause)}`, { cause });
}

/** The server answers, and only a person can mend what it says. */
export function refused(product: string, server: Server, cause: unknown): WbsyncError {
  return new UserError("DATABASE_MISCONFIGURED", `${product} at ${server.address} refuses: ${messageOf(cause)}`, {
    hint: "Correct user, password and database of the connector, or the rights of that user.",
    cause,
  });
}

function reason(cause: unknown): string {
  const code = (cause as { code?: unknown }).code;
  const text = messageOf(cause);
  return typeof code === "string" && !text.includes(code) ? `${text} (${code})` : text;
}
