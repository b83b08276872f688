/** `wbsync init`: a new project. */
import { basename, resolve } from "node:path";
import { Command, Option } from "commander";
import { action, type Context } from "../context.js";
import type { InitFlags } from "../init/ask.js";
import { DATABASE_NAMES } from "../init/databases.js";
import type { Project, RecipePlan } from "../init/project.js";
import { jsonOption } from "../flags.js";
import { print, printJson, say } from "../output.js";

interface InitOptions extends InitFlags {
  readonly from?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  wbsync init shop
  wbsync init shop --template postgres
  wbsync init shop --from mysql://app:secret@db/shop
  wbsync init shop --template mysql --connection mysql://app@db/shop --prefix order --table orders \\
    --primary-key id:integer --mapping 'customer=customer_name, total=total:decimal'`;

/** Declares the command. */
export function initCommand(): Command {
  return new Command("init")
    .description("write a new project: recipe, schema, package.json; asks for what it needs to know")
    .argument("[dir]", "the folder", ".")
    .option("--from <url>", "ask nothing: read the tables of this database, and sample the hashes in Redis")
    .addOption(
      new Option("--template <database>", "the database; asks nothing, and takes the defaults")
        .choices(DATABASE_NAMES)
        .conflicts("from"),
    )
    .addOption(new Option("--connection <url>", "where it is: mysql://user@host/database, or a file").conflicts("from"))
    .option("--prefix <text>", "the prefix of the keys")
    .option("--table <name>", "the table; with --from also several with commas")
    .addOption(
      new Option("--primary-key <columns>", "its primary key: column or column:type, several with commas").conflicts(
        "from",
      ),
    )
    .addOption(new Option("--mapping <fields>", "field=column:type, several with commas").conflicts("from"))
    .option("--name <name>", "the recipe's name")
    .option("-y, --yes", "ask nothing, and take the defaults, MySQL among them")
    .option("-f, --force", "overwrite files that exist")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(action(init));
}

async function init(context: Context, dir: string, options: InitOptions): Promise<void> {
  const { writeProject } = await import("../init/write.js");
  const project = await planProject(context, projectName(dir), options);
  const { redisUrlOf } = await import("../init/redis-url.js");
  const redisUrl = redisUrlOf(context.redisTarget);
  const files = await writeProject(dir, project, { force: options.force ?? false, redisUrl });
  const recipes = project.recipes.map(({ name, prefix, table }) => ({ name, prefix, table }));
  if (options.json) return printJson({ dir: resolve(dir), files, recipes });
  for (const file of files) print(dir === "." ? file : `${dir.replace(/\/$/, "")}/${file}`);
  if (options.from !== undefined) for (const recipe of project.recipes) explain(recipe);
  if (files.includes(".env") && Object.keys(context.redisTarget.tls ?? {}).length > 0) {
    say(
      "REDIS_URL in .env says nothing of certificates: add --cacert, --cert and --key to the scripts in package.json.",
    );
  }
  say("Next: read README.md there.");
}

async function planProject(context: Context, project: string, options: InitOptions): Promise<Project> {
  if (options.from === undefined) {
    const { askForAnswers } = await import("../init/ask.js");
    return await askForAnswers(project, options);
  }
  const { projectFrom } = await import("../init/from.js");
  const { from, table, prefix, name } = options;
  return await projectFrom(project, {
    from,
    redis: () => context.redis(),
    ...(table !== undefined && { tables: table.split(",").map((one) => one.trim()) }),
    ...(prefix !== undefined && { prefix }),
    ...(name !== undefined && { name }),
  });
}

function explain({ prefix, table, fields, notes = [] }: RecipePlan): void {
  say(`${prefix}:… goes to ${table}, with ${fields.length} ${fields.length === 1 ? "field" : "fields"}.`);
  for (const note of notes) say(`  ${note}`);
}

/** As npm wants it. */
function projectName(dir: string): string {
  const name = basename(resolve(dir))
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "wbsync-project" : name;
}
