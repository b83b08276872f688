/** Which cores a process may use, and who goes first on them (Linux). */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** The cores that this process may use, by their numbers. */
export function cores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Why no process can be given a core of its own here; undefined: it can. */
export function whyNoPlacement(): string | undefined {
  if (cores().length === 1) return "there is only one core";
  const missing = ["taskset", "chrt"].filter((program) => spawnSync(program, ["--version"], { stdio: "ignore" }).error);
  return missing.length > 0 ? `${missing.join(" and ")} of util-linux cannot be found` : undefined;
}

/** Keeps every thread of a process, and whatever they start, to these cores. */
export function keepTo(pid: number, allowed: readonly number[]): void {
  run("taskset", ["--all-tasks", "--cpu-list", "--pid", allowed.join(","), String(pid)]);
}

/** Every thread of a process, and whatever they start, runs only while nobody else wants the core. */
export function onlyWhenIdle(pid: number): void {
  run("chrt", ["--all-tasks", "--idle", "--pid", "0", String(pid)]);
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { stdio: ["ignore", "ignore", "inherit"] });
}
