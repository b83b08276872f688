/** `wbsync run`: executes the registered recipes until it is told to stop. */
import { Command, Option } from "commander";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "../../observe/log-choices.js";
import { action, type Context } from "../context.js";
import { integer } from "../flags.js";
import { drainOnSignals } from "../interrupt.js";

interface RunOptions {
  readonly http?: number;
  readonly trust?: string;
  readonly secretKeyFile?: string;
  readonly serverSettings: boolean;
  readonly logFormat: LogFormat;
  readonly logLevel: LogLevel;
}

const EXAMPLES = `
Examples:
  wbsync run                                everything that is registered, also what will be
  wbsync run PersonsWriteBehind --http 8080`;

/** Declares the command. */
export function runCommand(): Command {
  return new Command("run")
    .description("carry changes to the database until SIGTERM or Ctrl-C; then write what is buffered, and end")
    .argument("[name...]", "recipes to run (default: all)")
    .option("--http <port>", "serve /healthz, /readyz and /metrics", integer(0, 65_535))
    .option("--trust <path>", "run only what is signed with this public key, or one in this folder")
    .option("--secret-key-file <file>", "the key that parameters are encrypted with (env: WBSYNC_SECRET_KEY)")
    .option(
      "--no-server-settings",
      "leave notify-keyspace-events and repl-backlog-size of the Redis server as they are",
    )
    .addOption(new Option("--log-format <format>", "how the log looks").choices(LOG_FORMATS).default("pretty"))
    .addOption(new Option("--log-level <level>", "how much is logged").choices(LOG_LEVELS).default("info"))
    .addHelpText("after", EXAMPLES)
    .action(action(run));
}

async function run(context: Context, names: readonly string[], options: RunOptions): Promise<void> {
  const { createLogger } = await import("../../observe/logger.js");
  const log = createLogger({ format: options.logFormat, level: options.logLevel });
  const { Runner } = await import("../../runner/runner.js");
  const { expectYouth, limitGarbage } = await import("../../runner/heap.js");
  const { loadTrust } = await import("../../registry/trust.js");
  limitGarbage();
  expectYouth();
  const trust = options.trust === undefined ? undefined : await loadTrust(options.trust);
  const { readSecretKey } = await import("../../config/parameters.js");
  const secretKey = await readSecretKey(options.secretKeyFile);
  const runner = new Runner({
    redis: context.redisTarget,
    registry: context.registryTarget,
    names,
    log,
    ...(trust !== undefined && { trust }),
    ...(secretKey !== undefined && { secretKey }),
    tuneServer: options.serverSettings,
    ...(options.http !== undefined && { http: options.http }),
  });
  const signal = drainOnSignals((name) => log.info(`${name}: writing what is buffered; once more ends at once`));
  await runner.run(signal).catch((error: unknown) => {
    // Told to end while it was still connecting: there is nothing to write.
    if (error !== signal.reason) throw error;
  });
}
