/** `wbsync rollback`: makes an earlier version the active one. */
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { colors, print, printJson } from "../output.js";

/** Declares the command. */
export function rollbackCommand(): Command {
  return new Command("rollback")
    .description("make the version before the active one active again, or the one that is named")
    .argument("<name>", "the recipe")
    .argument("[version]", "one of those that wbsync versions shows")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExamples:\n  wbsync rollback PersonsWriteBehind\n  wbsync rollback PersonsWriteBehind 1.2.0",
    )
    .action(action(rollback));
}

async function rollback(
  context: Context,
  name: string,
  version: string | undefined,
  options: { readonly json?: boolean },
): Promise<void> {
  const registry = await context.registry();
  const { version: from } = await registry.get(name);
  const active = await registry.rollback(name, version);
  if (options.json) return printJson({ name, version: active.version, from, revision: active.revision });
  print(`${colors.bold(name)} ${active.version} is active again (before: ${from})`);
}
