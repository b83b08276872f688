/** The program's start: the only catch, and the only exit code. */
import { CommanderError } from "commander";
import { messageOf, UserError } from "../errors.js";
import { EXIT, exitCodeOf } from "./exit-codes.js";
import { exitOnInterrupt } from "./interrupt.js";
import { printError } from "./output.js";
import { createProgram } from "./program.js";

async function main(args: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
    // Who asked for no command was shown the help.
    if (error instanceof CommanderError && error.code === "commander.help") return EXIT.usage;
    // A prompt that was left with Ctrl-C.
    if (error instanceof Error && error.name === "ExitPromptError") return EXIT.interrupted;
    const known = error instanceof CommanderError ? usageError(error) : error;
    await tell(known, args);
    return exitCodeOf(known);
  }
}

/** What reads a runner's log as JSON finds its last words there too, also where it never came to make a log. */
async function tell(error: unknown, args: readonly string[]): Promise<void> {
  if (!logsAsJson(args)) return printError(error, args.includes("--json"));
  const { createLogger } = await import("../observe/logger.js");
  createLogger({ format: "json", level: "error" }).error({ err: error }, messageOf(error));
}

/** As the arguments stand there: they may be what is wrong. */
function logsAsJson(args: readonly string[]): boolean {
  const isJson = (arg: string, at: number) =>
    arg === "--log-format=json" || (arg === "--log-format" && args[at + 1] === "json");
  return args.includes("run") && args.some(isJson);
}

function usageError(error: CommanderError): UserError {
  const message = error.message.replace(/^error: /, "");
  return new UserError("USAGE", `${message.charAt(0).toUpperCase()}${message.slice(1)}`, {
    hint: "See wbsync --help, or --help after a command.",
  });
}

// Whoever reads our output may have seen enough: wbsync list | head -1.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
    process.exit(EXIT.failed);
  });
}
exitOnInterrupt();
const code = await main(process.argv.slice(2));
// What was written too late to fail above, on a full disk for example, is told by now.
await new Promise((resolve) => setImmediate(resolve));
// A recipe that was loaded may have left timers behind: nothing of ours waits for them.
process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
