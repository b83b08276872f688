/** Which cores a process may use, and who goes first on them (Linux). */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** The cores that this process may use, by their numbers. */
export function cores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}

/** Keeps every thread of a process, and whatever they start, to these cores. */
export function keepTo(pid: number, allowed: readonly number[]): void {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", allowed.join(","), String(pid)], { stdio: "ignore" });
}

/** Gives every thread of a process the lowest priority, and with them those that they start. Who else wants a core has it first. */
export function lowerPriority(pid: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
}
