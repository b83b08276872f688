/** Runs bin/wbsync as a user does: a process of its own, with nothing but what it is given. Needs dist (npm run build). */
import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tellGuard } from "./guard.js";
import { tempDir } from "./process.js";

export const WBSYNC = fileURLToPath(new URL("../../bin/wbsync", import.meta.url));

export interface CliOptions {
  /** Added to an environment that says nothing of Redis or wbsync. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Standard input; nothing where it is not given. */
  readonly input?: string;
}

export interface CliResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export async function wbsync(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const running = startWbsync(args, options);
  running.child.stdin?.end(options.input ?? "");
  return await running.ended;
}

/** A command that is still running. */
export interface RunningCli {
  readonly child: ChildProcess;
  readonly ended: Promise<CliResult>;
  /** What it has printed so far. */
  stdout(): string;
  stderr(): string;
  /** Sends SIGTERM, or another signal, and waits for the end. */
  stop(signal?: NodeJS.Signals): Promise<CliResult>;
}

/** Starts a command. It dies with this process. */
export function startWbsync(args: readonly string[], options: CliOptions = {}): RunningCli {
  const env = { PATH: process.env.PATH, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR, ...options.env };
  const child = spawn(process.execPath, [WBSYNC, ...args], { cwd: options.cwd, env, stdio: "pipe" });
  if (child.pid !== undefined) tellGuard("pid", child.pid);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  // Whoever ends before it has read its input is not in the wrong.
  child.stdin.on("error", () => undefined);
  const ended = new Promise<CliResult>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      if (child.pid !== undefined) tellGuard("gone", child.pid);
      resolve({ code, signal, ...output });
    });
  });
  return {
    child,
    ended,
    stdout: () => output.stdout,
    stderr: () => output.stderr,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      return await ended;
    },
  };
}

/** Writes files into a new temporary folder, and returns its path. */
export function project(files: Readonly<Record<string, string>>): string {
  const dir = tempDir("wbsync-project");
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
  return dir;
}

/** The source of a recipe on a database that need not exist, for tests of everything but the rows. */
export function recipeSource(
  options: { readonly name?: string; readonly version?: string; readonly more?: string } = {},
): string {
  const { name = "Persons", version = "1.0.0", more = "" } = options;
  return `import { mysql, writeBehind } from "wbsync";
const db = mysql({ host: "127.0.0.1", port: 1, user: "app", password: "secret", database: "test" });
export default writeBehind({
  name: ${JSON.stringify(name)},
  version: ${JSON.stringify(version)},
  keysPrefix: "person",
  connector: db.table("persons", { primaryKey: "id" }),
  mappings: { first_name: "first", age: "age" },
  ${more}
});
`;
}
