/** The commands, as commander sees them. */
import { createRequire } from "node:module";
import { Command } from "commander";
import { configCommand } from "./commands/config.js";
import { deployCommand } from "./commands/deploy.js";
import { dlqCommand } from "./commands/dlq.js";
import { exportCommand } from "./commands/export.js";
import { importCommand } from "./commands/import.js";
import { initCommand } from "./commands/init.js";
import { keysCommand } from "./commands/keys.js";
import { listCommand } from "./commands/list.js";
import { pauseCommand } from "./commands/pause.js";
import { resumeCommand } from "./commands/resume.js";
import { rollbackCommand } from "./commands/rollback.js";
import { runCommand } from "./commands/run.js";
import { showCommand } from "./commands/show.js";
import { undeployCommand } from "./commands/undeploy.js";
import { versionsCommand } from "./commands/versions.js";
import { withConnection } from "./flags.js";

const DESCRIPTION = "Carries changes of Redis hashes to the database behind the cache: in batches, with nothing lost.";

const EXAMPLES = `
Examples:
  wbsync init shop                          a new project
  wbsync deploy recipe.ts                   registers its recipes
  wbsync run                                carries changes until it is stopped
  wbsync list                               what is registered, and how it does

Every command takes the flags that say where Redis is: see wbsync list --help.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 Redis unreachable, 4 database unreachable, 130 interrupted.`;

/** A new program; parsing throws instead of ending the process. */
export function createProgram(): Command {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  const program = new Command("wbsync")
    .description(DESCRIPTION)
    .version(version, "-v, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .addHelpText("after", EXAMPLES)
    .configureHelp({ showGlobalOptions: false, sortOptions: false });
  withConnection(program);
  for (const option of program.options.filter(({ long }) => long !== "--version")) option.hideHelp();
  for (const command of commands()) program.addCommand(command);
  for (const command of leaves(program)) withConnection(command);
  for (const command of all(program)) command.exitOverride().configureOutput({ outputError: () => undefined });
  return program;
}

/** In the order of their help. */
function commands(): Command[] {
  return [
    ...[initCommand(), deployCommand(), runCommand(), listCommand(), showCommand(), undeployCommand()],
    ...[pauseCommand(), resumeCommand(), versionsCommand(), rollbackCommand()],
    ...[dlqCommand(), configCommand(), keysCommand(), exportCommand(), importCommand()],
  ];
}

function all(command: Command): Command[] {
  return [command, ...command.commands.flatMap(all)];
}

function leaves(program: Command): Command[] {
  return all(program).filter((command) => command !== program && command.commands.length === 0);
}
