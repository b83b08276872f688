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
