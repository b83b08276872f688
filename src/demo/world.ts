/** What the demo plays in: a private Redis, an SQLite file, and a runner as a process of its own, all in one temporary folder. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DatabaseSync } from "@photostructure/sqlite";
import { Redis } from "ioredis";
import { messageOf } from "../errors.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const WBSYNC = join(ROOT, "bin", "wbsync");
const PATIENCE_MS = 30_000;

export type Row = Readonly<Record<string, string | number | null>>;

export class World {
  readonly #dir = mkdtempSync(join(tmpdir(), "wbsync-demo-"));
  readonly #processes = new Set<ChildProcess>();
  #port = 0;
  #redis: Redis | undefined;
  #db: InstanceType<typeof DatabaseSync> | undefined;
  #runner: ChildProcess | undefined;
  #log = "";

  /** The application's connection. */
  get redis(): Redis {
    return this.#redis!;
  }

  /** Starts Redis, and creates the table. */
  async open(): Promise<void> {
    const file = join(this.#dir, "persons.sqlite");
    this.#db = new DatabaseSync(file);
    this.#db.exec(readFileSync(join(ROOT, "recipes", "persons.sql"), "utf8"));
    this.#port = await freePort();
    const args = ["--port", String(this.#port), "--bind", "127.0.0.1", "--dir", this.#dir, "--save", ""];
    const server = this.#spawn("redis-server", args);
    const client = new Redis({
      host: "127.0.0.1",
      port: this.#port,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    });
    client.on("error", () => undefined); // It may not be listening yet; the ping below waits.
    this.#redis = client;
    const ended = once(server, "exit").then(() => Promise.reject(new Error("redis-server ended at once")));
    await Promise.race([client.ping(), ended]);
    ended.catch(() => undefined);
  }

  /** Runs a command of wbsync's to its end, and returns what it printed. */
  async wbsync(...args: string[]): Promise<string> {
    const options = { cwd: ROOT, env: this.#environment() };
    try {
      return (await promisify(execFile)(process.execPath, [WBSYNC, ...args], options)).stdout;
    } catch (error) {
      throw new Error(`wbsync ${args.join(" ")}: ${(error as { stderr?: string }).stderr ?? messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Starts `wbsync run`, and returns once the recipe is running: the log line that says so. */
  async startRunner(): Promise<string> {
    this.#log = "";
    const runner = this.#spawn(process.execPath, [WBSYNC, "run"]);
    this.#runner = runner;
    for (const stream of [runner.stdout, runner.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
    }
    return await this.until("the runner is running", () => {
      if (runner.exitCode !== null) throw new Error(`wbsync run ended:\n${this.#log}`);
      return this.#log.split("\n").find((line) => /\brunning\b/.test(line));
    });
  }

  /** kill -9 */
  async killRunner(): Promise<void> {
    const runner = this.#runner!;
    const ended = once(runner, "exit");
    runner.kill("SIGKILL");
    await ended;
  }

  /** Ends the runner as an operator does, and returns its exit code. */
  async stopRunner(): Promise<number | null> {
    const runner = this.#runner!;
    const ended = once(runner, "exit");
    runner.kill("SIGTERM");
    const [code] = (await ended) as [number | null];
    return code;
  }

  /** What is in the database file now. */
  query(sql: string): Row[] {
    return this.#db!.prepare(sql).all() as Row[];
  }

  /** Asks again and again until there is an answer, and returns it. */
  async until<T>(what: string, ask: () => T | undefined | false | Promise<T | undefined | false>): Promise<T> {
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const answer = await ask();
      if (answer !== undefined && answer !== false) return answer;
      await sleep(1);
    }
    throw new Error(`It was expected that ${what}. It did not happen within ${PATIENCE_MS / 1000} s.\n${this.#log}`);
  }

  /** Leaves nothing behind: no process, no file. May be called at any time, and twice. */
  close(): void {
    this.#redis?.disconnect();
    for (const child of this.#processes) child.kill("SIGKILL");
    if (this.#db?.isOpen) this.#db.close();
    rmSync(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  #spawn(command: string, args: readonly string[]): ChildProcess {
    // A process group of its own: Ctrl-C reaches the demo, and the demo ends the others.
    const child = spawn(command, args, { cwd: this.#dir, env: this.#environment(), detached: true });
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
    return child;
  }

  /** None of the developer's own settings. */
  #environment(): NodeJS.ProcessEnv {
    const { PATH, HOME, TMPDIR } = process.env;
    const own = { REDIS_URL: `redis://127.0.0.1:${this.#port}`, PERSONS_DB: join(this.#dir, "persons.sqlite") };
    return { PATH, HOME, ...(TMPDIR !== undefined && { TMPDIR }), NO_COLOR: "1", ...own };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
