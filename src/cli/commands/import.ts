/** `wbsync import`: registers what `wbsync export` wrote. */
import { text } from "node:stream/consumers";
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { reportOutcomes } from "../outcomes.js";
import { readUserFile } from "../read-file.js";

const HINT = 'Give the path of a file that "wbsync export" wrote.';

interface ImportOptions {
  readonly force?: boolean;
  readonly json?: boolean;
}

/** Declares the command. */
export function importCommand(): Command {
  return new Command("import")
    .description("register what wbsync export wrote")
    .argument("<file>", 'the file, or "-" for standard input')
    .option("-f, --force", "also replace a version that is newer or the same")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync import persons.json")
    .action(action(importRecipe));
}

async function importRecipe(context: Context, file: string, options: ImportOptions): Promise<void> {
  const exported = file === "-" ? await text(process.stdin) : await readUserFile(file, HINT);
  const registry = await context.registry();
  reportOutcomes(await registry.import(exported, { force: options.force ?? false }), "is", options.json);
}
