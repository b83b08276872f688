/** `wbsync undeploy`: takes a recipe out of the registry. */
import { Command } from "commander";
import type { Registry } from "../../registry/registry.js";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { type Health, readHealth, waitForStatus } from "../health.js";
import { colors, print, printJson, say, warn } from "../output.js";

const TIMEOUT_MS = 30_000;

/** Declares the command. */
export function undeployCommand(): Command {
  return new Command("undeploy")
    .description("stop carrying changes for a recipe, and forget it; the table stays as it is")
    .argument("<name>", "the recipe")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync undeploy PersonsWriteBehind")
    .action(action(undeploy));
}

async function undeploy(context: Context, name: string, options: { readonly json?: boolean }): Promise<void> {
  const registry = await context.registry();
  const health = (await readHealth(registry, await context.registryRedis())).get(name);
  // Asked before: once a recipe has stopped, its runner has forgotten what it held.
  const buffered = (await registry.statuses()).get(name)?.buffered ?? 0;
  const removed = await registry.undeploy(name);
  const stopped = health?.alive ? await whenStopped(registry, name) : true;
  if (!stopped) warn(`the runner has not said that it stopped ${name}.`);
  if (options.json) return printJson({ name, version: removed?.version, buffered });
  print(`${colors.bold(name)} ${removed?.version ?? ""} is undeployed`);
  if (buffered > 0) say(describe(buffered, health));
}

/** The runner takes a recipe's status away, or calls it stopped, once it has let go of it. */
async function whenStopped(registry: Registry, name: string): Promise<boolean> {
  const options = { name, what: "stop", timeoutMs: TIMEOUT_MS };
  const isGone = waitForStatus(registry, options, (status) =>
    status === undefined || status.state === "stopped" ? true : undefined,
  );
  return await isGone.catch(() => false);
}

function describe(buffered: number, health: Health | undefined): string {
  const keys = buffered === 1 ? "1 key with changes was" : `${buffered} keys with changes were`;
  const when = health?.alive ? "still buffered" : "still buffered when its runner ended";
  return `${keys} ${when}. Deploy it again to carry what has not been written.`;
}
