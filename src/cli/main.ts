/** The program's start: the only catch, and the only exit code. */
import { CommanderError } from "commander";
import { UserError } from "../errors.js";
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
    printError(known, args.includes("--json"));
    return exitCodeOf(known);
  }
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
