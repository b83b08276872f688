/** `wbsync run` as a user starts it, but for a profiler where one is asked for. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { WBSYNC } from "../support/cli.js";
import { tellGuard } from "../support/guard.js";

export class RunnerProcess {
  readonly #child: ChildProcess;
  #stderr = "";

  /** `args`: after `wbsync run`; `profileDir`: where it writes CPU profiles when it ends. */
  constructor(args: readonly string[], profileDir: string | undefined) {
    const flags = profileDir === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profileDir}`];
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR };
    const stdio = ["ignore", "ignore", "pipe"] as const;
    this.#child = spawn(process.execPath, [...flags, WBSYNC, "run", ...args], { env, stdio: [...stdio] });
    tellGuard("pid", this.pid);
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** What it has said so far. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Lets it write what is buffered, and end. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await ended;
    tellGuard("gone", this.pid);
  }
}
