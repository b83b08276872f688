/** Waiting for something to become true. No test asserts a time: the limit is there to end a test that has gone wrong. */
import { setTimeout as sleep } from "node:timers/promises";

export interface WaitOptions {
  /** What is waited for, in words: the message of the failure. */
  readonly what?: string;
  readonly timeoutMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks until the answer is neither undefined, null nor false, and returns it. A throw (a failed assertion, a server that is not
 * there yet) means "not yet"; the last one is the cause of the failure.
 */
export async function waitFor<T>(
  ask: () => T | PromiseLike<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false | void>> {
  const deadline = Date.now() + (options.timeoutMs ?? 60_000);
  let cause: unknown;
  do {
    try {
      const answer = await ask();
      if (answer !== undefined && answer !== null && answer !== false) {
        return answer as Exclude<T, undefined | null | false | void>;
      }
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    await sleep(options.everyMs ?? 20);
  } while (Date.now() < deadline);
  throw new Error(`waited in vain for ${options.what ?? "a condition"}`, cause === undefined ? undefined : { cause });
}
