/** `wbsync export`: a registered version as one file. */
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";

/** Declares the command. */
export function exportCommand(): Command {
  return new Command("export")
    .description("print the active version and its bundle as JSON, to carry them to another server")
    .argument("<name>", "the recipe")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync export PersonsWriteBehind > persons.json")
    .action(action(exportRecipe));
}

async function exportRecipe(context: Context, name: string): Promise<void> {
  const registry = await context.registry();
  // As it is, for the bundle's hash is part of it.
  process.stdout.write(await registry.export(name));
}
