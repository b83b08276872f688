/** Runs the commands of a guide as they stand there, and compares what they print with what the guide says they print. */
import { spawn } from "node:child_process";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { WBSYNC } from "../support/cli.js";
import { tellGuard } from "../support/guard.js";

const ROOT = new URL("../../", import.meta.url);

/** The text of a document of this repository. */
export function document(path: string): string {
  return readFileSync(new URL(path, ROOT), "utf8");
}

/** The absolute path of a file of this repository. */
export function inRepository(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}

/** The code blocks of a document with this info string ("sh", "ts"). */
export function blocks(text: string, info: string): string[] {
  return [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, found, code]) =>
    found === info ? [code!] : [],
  );
}

export interface Step {
  readonly command: string;
  readonly expected: string;
  printed: string;
}

const MARK = "@@step";

/**
 * Runs commands in bash, in one go, in a folder. A line's comment is what the line prints, or a part of it. `port` is where the
 * guide starts its Redis: it is shut down at the end, whatever happens.
 */
export async function runGuide(commands: string, cwd: string, port: number): Promise<Step[]> {
  const steps: Step[] = [];
  const lines = commands.split("\n").map((line) => {
    const [, command, expected] = /^(.*?\S) {2,}# (.*)$/.exec(line) ?? [];
    if (command === undefined || expected === undefined) return line;
    steps.push({ command, expected, printed: "" });
    return `echo ${MARK}; ${command}; echo ${MARK}`;
  });
  const env = { PATH: `${dirname(WBSYNC)}:${process.env.PATH}`, HOME: process.env.HOME, TMPDIR: process.env.TMPDIR };
  const bash = spawn("bash", ["-c", `exec 2>&1; set -e\n${lines.join("\n")}`], { cwd, env, detached: true });
  const pid = bash.pid!;
  tellGuard("pid", pid);
  let output = "";
  bash.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  try {
    const code = await new Promise<number | null>((resolve) => bash.once("exit", resolve));
    if (code !== 0) throw new Error(`the guide's commands failed with exit code ${code}:\n${output}`);
  } finally {
    tellGuard("gone", pid);
    end(pid, port);
  }
  const printed = output.split(`${MARK}\n`).filter((_, at) => at % 2 === 1);
  steps.forEach((step, at) => (step.printed = printed[at] ?? ""));
  return steps;
}

/** What a guide that failed half-way has left running. */
function end(pid: number, port: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
  try {
    execFileSync("redis-cli", ["-p", String(port), "SHUTDOWN", "NOSAVE"], { stdio: "ignore" });
  } catch {
    // It has ended.
  }
}
