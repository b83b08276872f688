/** Waiting for Redis at the end: it may be the reason why we are told to end, and be away for good. */
import { setTimeout as sleep } from "node:timers/promises";

/** A server that is there answers in a fraction of this. */
const PATIENCE_MS = 1_000;

/** Waits for the work; once the signal is aborted, only so much longer. The work goes on by itself then, and must not throw. */
export async function lastWord(work: Promise<void>, signal: AbortSignal): Promise<void> {
  const settled = new AbortController();
  const done = work.finally(() => settled.abort());
  await Promise.race([done, patienceAfter(signal, settled.signal)]);
}

async function patienceAfter(signal: AbortSignal, settled: AbortSignal): Promise<void> {
  if (!signal.aborted) {
    const either = AbortSignal.any([signal, settled]);
    await new Promise((resolve) => either.addEventListener("abort", resolve, { once: true }));
  }
  await sleep(PATIENCE_MS, undefined, { signal: settled }).catch(() => undefined);
}
