/** Which runner executes a recipe, and whether it is still there. */
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { orAbort } from "../or-abort.js";
import type { Status } from "../registry/types.js";

/** The name of a runner: where it lives, and a part that is never given twice. */
export const runnerId = (unique: string): string => `${hostname()}-${process.pid}-${unique}`;

/** A runner that lives rewrites its status every second; one that has not for this long is taken for dead at a start. */
const SILENT_AT_START_MS = 2500;
/** While another stands by there is no hurry: a runner may be slow for a while. */
const SILENT_MS = 10_000;
const LOOK_EVERY_MS = 250;

export interface HolderOptions {
  /** Who asks. */
  readonly runner: string;
  /** What was reported last, by whichever runner. */
  readonly lastReport: () => Promise<Status | undefined>;
}

/** Whether another runner executes the recipe now: found out by looking for a sign of life. */
export async function isHeld(options: HolderOptions, signal: AbortSignal): Promise<boolean> {
  const first = await ask(options, undefined, signal);
  if (!first || isOver(first, options.runner)) return false;
  return !(await isSilent(options, first, SILENT_AT_START_MS, signal));
}

/** Resolves when the runner that executes the recipe has ended, or has been silent for ten seconds. */
export async function untilReleased(options: HolderOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const last = await ask(options, undefined, signal);
    if (last && isOver(last, options.runner)) return;
    if (await isSilent(options, last, SILENT_MS, signal)) return;
  }
}

/** Waits for another beat than this one. */
async function isSilent(
  options: HolderOptions,
  before: Status | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<boolean> {
  const end = performance.now() + ms;
  while (performance.now() < end) {
    await sleep(LOOK_EVERY_MS, undefined, { signal });
    const now = await ask(options, before, signal);
    if (now && isOver(now, options.runner)) return true;
    if (now?.beat !== before?.beat || now?.runner !== before?.runner) return false;
  }
  return true;
}

/** What was reported last, or the fallback where Redis refuses to say. Where it does not answer at all, the signal ends the wait. */
async function ask(
  { lastReport }: HolderOptions,
  fallback: Status | undefined,
  signal: AbortSignal,
): Promise<Status | undefined> {
  return await orAbort(
    lastReport().catch(() => fallback),
    signal,
  );
}

/** It says itself that it has ended, it is ourselves, or its process on this machine is no more. */
function isOver({ runner, state }: Status, self: string): boolean {
  if (state === "stopped" || runner === self) return true;
  const [, host, pid] = /^(.*)-(\d+)-[^-]*$/.exec(runner) ?? [];
  if (host !== hostname()) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
