/** Which of the processes that share the cores goes first (Linux). */
import { readdirSync } from "node:fs";
import { constants, setPriority } from "node:os";

/** Gives every thread of a process the lowest priority, and with them those that they start. Who else wants a core has it first. */
export function lowerPriority(pid: number): void {
  for (const thread of readdirSync(`/proc/${pid}/task`)) setPriority(Number(thread), constants.priority.PRIORITY_LOW);
}
