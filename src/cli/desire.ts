/** Pause and resume: says what is wanted, and waits until it is so. */
import { Command } from "commander";
import type { Registration, Status } from "../registry/types.js";
import { action, type Context } from "./context.js";
import { integer, jsonOption } from "./flags.js";
import { readHealth, waitForStatus } from "./health.js";
import { colors, print, printJson, warn } from "./output.js";

interface Desire {
  readonly verb: "pause" | "resume";
  readonly description: string;
  readonly desired: Registration["desired"];
  /** Whether a runner that has carried the revision out has done it. */
  isDone(status: Status): boolean;
}

interface Options {
  readonly json?: boolean;
  readonly timeout: number;
}

/** Declares `wbsync pause` or `wbsync resume`. */
export function desireCommand(desire: Desire): Command {
  return new Command(desire.verb)
    .description(desire.description)
    .argument("<name>", "the recipe")
    .option("--timeout <seconds>", "how long to wait for the runner", integer(1, 86_400), 60)
    .addOption(jsonOption())
    .addHelpText("after", `\nExample:\n  wbsync ${desire.verb} PersonsWriteBehind`)
    .action(action((context, name: string, options: Options) => carryOut(desire, context, name, options)));
}

async function carryOut(desire: Desire, context: Context, name: string, options: Options): Promise<void> {
  const registry = await context.registry();
  const { revision } = await registry.setDesired(name, desire.desired);
  const health = (await readHealth(registry, await context.registryRedis())).get(name);
  if (health?.alive) {
    const wait = { name, what: desire.verb, timeoutMs: options.timeout * 1000 };
    const status = await waitForStatus(registry, wait, (found) =>
      found !== undefined && found.revision >= revision && desire.isDone(found) ? found : undefined,
    );
    report(name, status.state, options);
    if (status.state === "failing") warn(`${name} is failing: ${status.reason ?? "no reason was given"}`);
    return;
  }
  warn("no runner executes this recipe now: it is so as soon as one does.");
  report(name, desire.desired, options);
}

function report(name: string, state: string, options: Options): void {
  if (options.json) return printJson({ name, state });
  print(`${colors.bold(name)} is ${state}`);
}
