/** A recipe's own code is a guest in this process: it may not end it, and what it prints is no data of ours. */
import { UserError } from "../errors.js";

const EXITS = ["exit", "reallyExit", "abort"] as const;
const PRINTS = ["log", "info", "debug"] as const;

type Methods = Record<string, (...args: unknown[]) => unknown>;

/**
 * Runs a guest's code to its end and returns what it returns; `who` names it. Where it would end the process, a `UserError` BUNDLE is
 * thrown into it. Of an async function that is the part before its first `await`: later it is not alone.
 */
export function asGuest<T>(who: string, work: () => T): T {
  const process = globalThis.process as unknown as Methods;
  const console = globalThis.console as unknown as Methods;
  const before = [
    ...EXITS.map((name) => [process, name] as const),
    ...PRINTS.map((name) => [console, name] as const),
  ].map(([object, name]) => [object, name, object[name]] as const);
  for (const name of EXITS) {
    process[name] = () => {
      throw new UserError("BUNDLE", `${who} called process.${name}(): it would end every recipe of the runner.`, {
        hint: "Throw an error instead.",
      });
    };
  }
  for (const name of PRINTS) console[name] = (...args) => globalThis.console.error(...args);
  try {
    return work();
  } finally {
    for (const [object, name, original] of before) object[name] = original!;
  }
}
