/** `wbsync versions`: the versions of a recipe that are kept. */
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { colors, printJson, printTable } from "../output.js";

/** Declares the command. */
export function versionsCommand(): Command {
  return new Command("versions")
    .description("show the last ten versions of a recipe, newest first")
    .argument("<name>", "the recipe")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync versions PersonsWriteBehind")
    .action(action(versions));
}

async function versions(context: Context, name: string, options: { readonly json?: boolean }): Promise<void> {
  const registry = await context.registry();
  const kept = (await registry.versions(name)).map((version, at) => ({ ...version, active: at === 0 }));
  if (options.json) return printJson(kept);
  await printTable(
    ["version", "deployed", "bundle", "signed", ""],
    kept.map(({ version, deployedAt, sha256, signer, active }) => [
      version,
      deployedAt,
      sha256.slice(0, 12),
      signer === undefined ? "no" : "yes",
      active ? colors.green("active") : "",
    ]),
  );
}
