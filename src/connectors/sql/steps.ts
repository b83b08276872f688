/** Runs the steps of a transaction over a driver. */
import type { Result, Statement, Steps } from "./database.js";

type Step = Statement | readonly Statement[];

/** What one step sends. */
export const statementsOf = (step: Step): readonly Statement[] => ("sql" in step ? [step] : step);

const together = (results: readonly Result[]): Result => ({
  rows: results.flatMap(({ rows }) => rows),
  affected: results.reduce((sum, { affected }) => sum + affected, 0),
});

/** Over an asynchronous driver: an error of a statement is thrown into the steps, which may let it pass or explain it. */
export async function runSteps(steps: Steps, execute: (statement: Statement) => Promise<Result>): Promise<void> {
  let next = steps.next();
  while (!next.done) {
    let result: Result;
    try {
      result = together(await allOf(statementsOf(next.value).map(execute)));
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
      result = together(statementsOf(next.value).map(execute));
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(result);
  }
}

/**
 * Several at once, over a driver that sends a statement without waiting for the answer to the one before: the first statements go out
 * in the order given. Once one has failed nothing more is sent; throws its error when what was on its way is answered.
 */
export async function runTogether(
  all: readonly Steps[],
  execute: (statement: Statement) => Promise<Result>,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const executeUnlessFailed = async (statement: Statement) => {
    if (failure) throw failure.error;
    return await execute(statement);
  };
  const run = async (steps: Steps) => {
    try {
      await runSteps(steps, executeUnlessFailed);
    } catch (error) {
      failure ??= { error };
    }
  };
  await Promise.all(all.map(run));
  if (failure) throw failure.error;
}

/** One after the other. */
export function* inTurn(all: readonly Steps[]): Steps {
  for (const steps of all) yield* steps;
}

/** Waits for all, whatever becomes of them, so that nothing is under way any more when it throws: the first error in their order. */
async function allOf<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(promises);
  return ended.map((end) => {
    if (end.status === "rejected") throw end.reason;
    return end.value;
  });
}
