/** `wbsync show`: all that is known of one recipe. */
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { readHealth } from "../health.js";
import { printFields, printJson } from "../output.js";
import { remarks, summarize } from "../summary.js";

/** Declares the command. */
export function showCommand(): Command {
  return new Command("show")
    .description("show one recipe: what is registered, and how it does")
    .argument("<name>", "the recipe")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync show PersonsWriteBehind")
    .action(action(show));
}

async function show(context: Context, name: string, options: { readonly json?: boolean }): Promise<void> {
  const registry = await context.registry();
  const registration = await registry.get(name);
  const health = (await readHealth(registry, await context.registryRedis())).get(name);
  const summary = summarize({ name, registration }, health);
  const status = health?.status;
  if (options.json) return printJson({ ...registration, ...summary, status });
  const { version, mode, keysPrefix, connector, table, state, snapshot } = summary;
  const { sha256, deployedAt, signer, history } = registration;
  const earlier = history.map((past) => past.version).join(", ");
  printFields([
    ["name", name],
    ["version", version],
    ["earlier", earlier === "" ? undefined : earlier],
    ["deployed", deployedAt],
    ["bundle", sha256],
    ["signed by", signer],
    ["mode", mode],
    ["keys", mode === "write-through" ? `${keysPrefix}{…}` : `${keysPrefix}:…`],
    ["table", `${table} (${connector})`],
    ["state", state],
    ["remarks", remarks(summary) || undefined],
    ["runner", summary.runner],
    ["snapshot", snapshot && `${snapshot.scanned} keys found; the server holds ${snapshot.keys}`],
    ["rows", status && `${status.rows} written, ${status.deletes} deleted, ${status.deadLetters} dead`],
    ["buffered", status && `${status.buffered} keys`],
    ["position", status && `${status.committedOffset} committed, ${status.capturedOffset} captured`],
  ]);
}
