/** Ctrl-C: ends a command at once, unless it has something to bring to an end first. */
import { EXIT } from "./exit-codes.js";

function exit(): void {
  process.exit(EXIT.interrupted);
}

/** From now on SIGINT ends the process with exit code 130. */
export function exitOnInterrupt(): void {
  process.on("SIGINT", exit);
}

/** A signal that aborts at the first SIGINT or SIGTERM; a second one ends the process at once. */
export function drainOnSignals(onFirst: (name: string) => void): AbortSignal {
  const controller = new AbortController();
  const received = (name: string): void => {
    if (controller.signal.aborted) exit();
    controller.abort();
    onFirst(name);
  };
  process.off("SIGINT", exit);
  process.on("SIGINT", received);
  process.on("SIGTERM", received);
  return controller.signal;
}
