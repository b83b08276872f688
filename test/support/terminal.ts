/** Runs bin/wbsync on a terminal of its own, where it asks what it would not ask a program. */
import { spawn, spawnSync } from "node:child_process";
import { type CliOptions, WBSYNC } from "./cli.js";
import { tellGuard } from "./guard.js";
import { waitFor } from "./wait.js";

/** Why a test that needs a terminal is skipped; false where it is not. */
export const noTerminal =
  !spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") &&
  "no script(1) from util-linux";

/** A command that a person could be talking to. */
export interface Terminal {
  /** The exit code. */
  readonly ended: Promise<number | null>;
  /** All that was to be seen so far. */
  screen(): string;
  /** Waits until this is to be seen behind what was waited for before. */
  shows(text: RegExp): Promise<void>;
  /** Presses keys: "\r" is Enter, `DOWN` an arrow. */
  type(keys: string): void;
  stop(): Promise<number | null>;
}

export const DOWN = "\u001b[B";

/** Starts a command. script(1) gives it the terminal, and repeats what is to be seen on it. */
export function startOnTerminal(args: readonly string[], options: Omit<CliOptions, "input"> = {}): Terminal {
  const command = [process.execPath, WBSYNC, ...args].map((word) => `'${word}'`).join(" ");
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TERM: "xterm", NO_COLOR: "1", ...options.env };
  const child = spawn("script", ["-qec", command, "/dev/null"], { cwd: options.cwd, env, stdio: "pipe" });
  if (child.pid !== undefined) tellGuard("pid", child.pid);
  let screen = "";
  let seen = 0;
  child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
  child.stdin.on("error", () => undefined);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      if (child.pid !== undefined) tellGuard("gone", child.pid);
      resolve(code);
    });
  });
  return {
    ended,
    screen: () => screen,
    async shows(text) {
      await waitFor(() => text.test(screen.slice(seen)), { what: `${text} to be seen`, timeoutMs: 20_000 });
      seen = screen.length;
    },
    type: (keys) => void child.stdin.write(keys),
    async stop() {
      child.kill();
      return await ended;
    },
  };
}
