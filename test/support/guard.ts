/** The guard of this test process: see guard.sh. */
import { spawn } from "node:child_process";
import type { Writable } from "node:stream";
import { fileURLToPath } from "node:url";

let input: Writable | undefined;

/** Tells the guard what to clean up when this process is gone. The first call starts it. */
export function tellGuard(verb: "pid" | "gone" | "dir", value: string | number): void {
  input ??= startGuard();
  input.write(`${verb} ${value}\n`);
}

function startGuard(): Writable {
  const script = fileURLToPath(new URL("guard.sh", import.meta.url));
  // Detached, so that Ctrl-C in a terminal ends the tests and not the guard; unreferenced, so that it keeps nobody waiting.
  const guard = spawn("sh", [script], { stdio: ["pipe", "ignore", "ignore"], detached: true });
  guard.unref();
  (guard.stdin as Writable & { unref?: () => void }).unref?.();
  guard.stdin.on("error", () => undefined);
  return guard.stdin;
}
