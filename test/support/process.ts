/** What every private server of the tests needs: a free port, a folder of its own, and an end that is certain. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { tellGuard } from "./guard.js";

const handedOut = new Set<number>();

/**
 * A port on 127.0.0.1 that nobody uses. Taken from below the range that the kernel gives to outgoing connections, so that it is
 * still free when the server starts, and below 30000, so that a Redis Cluster's bus (port + 10000) fits.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = 12_000 + Math.floor(Math.random() * 18_000);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error("no free port between 12000 and 30000 in 200 attempts");
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** A new folder in the system's temporary one, named after `prefix`. Removed when the test process has ended. */
export function tempDir(prefix: string): string {
  const dir = mkdtempSync(join(tmpdir(), `${prefix.replace(/-$/, "")}-`));
  tellGuard("dir", dir);
  return dir;
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  /** Where stdout and stderr go: a server must never wait for a test to read them. Shown when it does not come up. */
  readonly logFile: string;
  /** Resolves to true once the server answers. A throw means "not yet". */
  readonly ready: () => Promise<boolean>;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly uid?: number;
  readonly gid?: number;
}

/** A server process that this test process started. */
export interface ServerProcess {
  readonly pid: number;
  readonly running: boolean;
  /** Sends the signal (SIGTERM) and waits until the process has gone; SIGKILL where it takes more than 20 s. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  /** `stop("SIGKILL")`. */
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
}

/** Whether every thread of a process is stopped (Linux; elsewhere nobody can tell, and it counts as stopped). */
function areStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  if (!existsSync(tasks)) return true;
  return readdirSync(tasks).every((task) => {
    try {
      const stat = readFileSync(`${tasks}/${task}/stat`, "utf8");
      return /^[Tt]/.test(stat.slice(stat.lastIndexOf(")") + 2));
    } catch {
      // It has ended.
      return true;
    }
  });
}

/** Milliseconds in which a server has to answer: a busy machine is slow, and a dead server is noticed without it. */
const START_MS = 60_000;

/** Starts a server and waits until `ready` resolves to true; throws with the server's output when it ends before that. */
export async function spawnServer(options: ServerOptions): Promise<ServerProcess> {
  const server = new Child(options);
  const deadline = Date.now() + START_MS;
  while (!(await options.ready().catch(() => false))) {
    if (server.running && Date.now() < deadline) {
      await sleep(25);
      continue;
    }
    const what = server.running ? "was not ready in time" : "ended before it was ready";
    await server.kill();
    const words = readFileSync(options.logFile, "utf8").slice(-8000);
    throw new Error(`${options.command} ${what}: ${server.failure}\n${words}`);
  }
  return server;
}

class Child implements ServerProcess {
  /** Why the program could not be started at all. */
  failure = "";
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #running = true;

  constructor({ command, args, logFile, ready: _, ...rest }: ServerOptions) {
    const log = openSync(logFile, "a");
    // A process group of its own: Ctrl-C in a terminal must reach the tests first.
    this.#child = spawn(command, args, { ...rest, stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    // A forgotten server does not keep the test process alive; the guard ends it.
    this.#child.unref();
    const { pid } = this.#child;
    if (pid !== undefined) tellGuard("pid", pid);
    this.#gone = new Promise((resolve) => {
      const over = () => {
        this.#running = false;
        if (pid !== undefined) tellGuard("gone", pid);
        resolve();
      };
      this.#child.once("exit", over);
      this.#child.once("error", (error) => {
        this.failure = error.message;
        over();
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get running(): boolean {
    return this.#running;
  }

  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (!this.#running) return;
    this.#child.ref();
    this.#signal(signal);
    const force = setTimeout(() => this.#signal("SIGKILL"), 20_000);
    await this.#gone;
    clearTimeout(force);
  }

  async kill(): Promise<void> {
    await this.stop("SIGKILL");
  }

  /** Returns when none of its threads runs any more: a signal takes its time on a busy machine. */
  pause(): void {
    this.#signal("SIGSTOP");
    const deadline = Date.now() + 5000;
    while (!areStopped(this.pid) && Date.now() < deadline);
  }

  resume(): void {
    this.#signal("SIGCONT");
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#running) this.#child.kill(signal);
  }
}
