/** A process beside this one that is given jobs and answers each: so that what it does costs this process nothing. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** What a worker's process is told, and what it answers. */
type Answer = { readonly result: unknown } | { readonly error: string };

export class Worker<Job, Result> {
  readonly #child: ChildProcess;

  /** `file` is a module of this folder that calls `serve`. */
  constructor(file: string, args: readonly string[] = []) {
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = fork(path, args, { execArgv: ["--import", "tsx"], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One at a time. */
  async do(job: Job): Promise<Result> {
    const ended = new AbortController();
    this.#child.send(job as object);
    try {
      const answer = await Promise.race([
        once(this.#child, "message", { signal: ended.signal }).then(([message]) => message as Answer),
        once(this.#child, "exit", { signal: ended.signal }).then(() => ({ error: "the worker has ended" })),
      ]);
      if ("error" in answer) throw new Error(answer.error);
      return answer.result as Result;
    } finally {
      ended.abort();
    }
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, "exit");
  }
}

/** Called in the worker's process: answers jobs until nobody gives any more. */
export function serve<Job, Result>(handle: (job: Job) => Promise<Result>): void {
  process.on("message", (job: Job) => {
    handle(job).then(
      (result) => process.send?.({ result }),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on("disconnect", () => process.exit(0));
}
