/** Runs the steps of a transaction over a driver. */
import type { Result, Statement, Steps } from "./database.js";

/** Over an asynchronous driver: an error of a statement is thrown into the steps, which may let it pass or explain it. */
export async function runSteps(steps: Steps, execute: (statement: Statement) => Promise<Result>): Promise<void> {
  let next = steps.next();
  while (!next.done) {
    let result: Result;
    try {
      result = await execute(next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(result);
  }
}

/** The same over a synchronous driver, within one tick. */
export function runStepsSync(steps: Steps, execute: (statement: Statement) => Result): void {
  let next = steps.next();
  while (!next.done) {
    let result: Result;
    try {
      result = execute(next.value);
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(result);
  }
}

/**
 * Several at once, over a driver that sends a statement without waiting for the answer to the one before: the first statements go out
 * in the order given. Throws when all have ended, with the first error in that order.
 */
export async function runTogether(
  all: readonly Steps[],
  execute: (statement: Statement) => Promise<Result>,
): Promise<void> {
  const ended = await Promise.allSettled(all.map((steps) => runSteps(steps, execute)));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
}

/** One after the other. */
export function* inTurn(all: readonly Steps[]): Steps {
  for (const steps of all) yield* steps;
}
