/** `wbsync init`: a new project. */
import { basename, resolve } from "node:path";
import { Command, Option } from "commander";
import { DATABASE_NAMES } from "../init/databases.js";
import type { InitFlags } from "../init/ask.js";
import { jsonOption } from "../flags.js";
import { print, printJson, say } from "../output.js";

interface InitOptions extends InitFlags {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly url?: string;
}

const EXAMPLES = `
Examples:
  wbsync init shop
  wbsync init shop --yes --template postgres
  wbsync init shop --template mysql --connection mysql://app@db/shop --prefix order --table orders \\
    --primary-key id:integer --mapping 'customer=customer_name, total=total:decimal' --yes`;

/** Declares the command. */
export function initCommand(): Command {
  return new Command("init")
    .description("write a new project: recipe, schema, package.json; asks for what no flag says")
    .argument("[dir]", "the folder", ".")
    .addOption(new Option("--template <database>", "the database").choices(DATABASE_NAMES))
    .option("--connection <url>", "where it is: mysql://user@host/database, or a file")
    .option("--prefix <text>", "the prefix of the keys")
    .option("--table <name>", "the table")
    .option("--primary-key <columns>", "its primary key: column or column:type, several with commas")
    .option("--mapping <fields>", "field=column:type, several with commas")
    .option("--name <name>", "the recipe's name")
    .option("-y, --yes", "ask nothing, and take the defaults")
    .option("-f, --force", "overwrite files that exist")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(init);
}

async function init(dir: string, _options: InitOptions, command: Command): Promise<void> {
  const options = command.optsWithGlobals<InitOptions>();
  const { askForAnswers } = await import("../init/ask.js");
  const { writeProject } = await import("../init/write.js");
  const answers = await askForAnswers(projectName(dir), options);
  const redisUrl = options.url ?? (process.env.REDIS_URL || "redis://127.0.0.1:6379");
  const files = await writeProject(dir, answers, { force: options.force ?? false, redisUrl });
  if (options.json) return printJson({ dir: resolve(dir), files });
  for (const file of files) print(dir === "." ? file : `${dir.replace(/\/$/, "")}/${file}`);
  say("Next: read README.md there.");
}

/** As npm wants it. */
function projectName(dir: string): string {
  const name = basename(resolve(dir))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "wbsync-project" : name;
}
