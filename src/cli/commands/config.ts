/** `wbsync config`: parameters that recipes read with configGet. */
import { text } from "node:stream/consumers";
import { Command } from "commander";
import type { Parameters } from "../../config/parameters.js";
import { UserError } from "../../errors.js";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { colors, print, printJson, printTable, say } from "../output.js";
import { askSecret, canPrompt } from "../prompt.js";
import { readUserFile } from "../read-file.js";

interface JsonOption {
  readonly json?: boolean;
}

interface KeyOption {
  readonly secretKeyFile?: string;
}

interface SetOptions extends KeyOption, JsonOption {
  readonly fromEnv?: string | true;
  readonly fromFile?: string;
  readonly reconnect?: boolean;
}

const KEY_FLAG = ["--secret-key-file <file>", "the secret key (env: WBSYNC_SECRET_KEY)"] as const;

/** Declares the command and its verbs. */
export function configCommand(): Command {
  return new Command("config")
    .description("parameters for recipes, encrypted in Redis: what configGet reads")
    .addCommand(setCommand())
    .addCommand(getCommand())
    .addCommand(listCommand())
    .addCommand(unsetCommand())
    .addCommand(keygenCommand());
}

function setCommand(): Command {
  return new Command("set")
    .description("set a parameter; asks for the value, or reads it from standard input")
    .argument("<name>", "the parameter")
    .option("--from-env [variable]", "take the value of an environment variable (default: the same name)")
    .option("--from-file <file>", "take the text of a file")
    .option("--reconnect", "make running recipes connect afresh now, and not when they next have to")
    .option(...KEY_FLAG)
    .addOption(jsonOption())
    .addHelpText("after", "\nExamples:\n  wbsync config set MySqlPassword\n  pass db | wbsync config set MySqlPassword")
    .action(action(set));
}

function getCommand(): Command {
  return new Command("get")
    .description("print a parameter's value")
    .argument("<name>", "the parameter")
    .option(...KEY_FLAG)
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync config get MySqlPassword")
    .action(action(get));
}

function listCommand(): Command {
  return new Command("list")
    .description("show the names of all parameters, never their values")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync config list")
    .action(action(list));
}

function unsetCommand(): Command {
  return new Command("unset")
    .description("remove a parameter")
    .argument("<name>", "the parameter")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync config unset MySqlPassword")
    .action(action(unset));
}

function keygenCommand(): Command {
  return new Command("keygen")
    .description("print a new secret key, for WBSYNC_SECRET_KEY or --secret-key-file")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  (umask 077; wbsync config keygen > wbsync.secret)")
    .action(keygen);
}

async function set(context: Context, name: string, options: SetOptions): Promise<void> {
  const parameters = await openParameters(context, options);
  await parameters.set(name, await valueOf(name, options));
  const names = options.reconnect ? await (await context.registry()).requestReconnect() : undefined;
  if (options.json) return printJson({ name, state: "set", ...(names !== undefined && { reconnects: names }) });
  print(`${colors.bold(name)} is set`);
  if (names === undefined) return;
  say(names.length === 0 ? "No recipe is registered." : `Asked to connect afresh: ${names.join(", ")}`);
}

/** Not by way of print or printJson: they would hide it. */
function printSecret(secret: string | object): void {
  process.stdout.write(`${typeof secret === "string" ? secret : JSON.stringify(secret, undefined, 2)}\n`);
}

async function get(context: Context, name: string, options: KeyOption & JsonOption): Promise<void> {
  const value = await (await openParameters(context, options)).get(name);
  if (value === undefined) {
    throw new UserError("NOT_FOUND", `There is no parameter "${name}".`, { hint: '"wbsync config list" shows all.' });
  }
  printSecret(options.json ? { name, value } : value);
}

async function list(context: Context, options: JsonOption): Promise<void> {
  const found = await (await openParameters(context, {})).list();
  if (options.json) return printJson(found);
  if (found.length === 0) return say("No parameter is set. Set one: wbsync config set <name>");
  await printTable(
    ["name", "set"],
    found.map(({ name, setAt }) => [name, setAt ?? "cannot be read"]),
  );
}

async function unset(context: Context, name: string, { json }: JsonOption): Promise<void> {
  await (await openParameters(context, {})).unset(name);
  if (json) return printJson({ name, state: "unset" });
  print(`${colors.bold(name)} is unset`);
}

async function keygen({ json }: JsonOption): Promise<void> {
  const { generateSecretKey } = await import("../../config/encryption.js");
  const secretKey = generateSecretKey();
  printSecret(json ? { secretKey } : secretKey);
  say("Give it to every runner and operator as WBSYNC_SECRET_KEY or --secret-key-file. Without it values are lost.");
}

async function openParameters(context: Context, { secretKeyFile }: KeyOption): Promise<Parameters> {
  const { Parameters, readSecretKey } = await import("../../config/parameters.js");
  const key = await readSecretKey(secretKeyFile);
  return new Parameters(await context.registryRedis(), key);
}

/** A value never comes as an argument: arguments are seen by everybody on the machine. */
async function valueOf(name: string, { fromEnv, fromFile }: SetOptions): Promise<string> {
  if (fromEnv !== undefined && fromFile !== undefined) {
    throw new UserError("USAGE", "--from-env and --from-file name two values.", { hint: "Give one of them." });
  }
  if (fromFile !== undefined) return withoutNewline(await readUserFile(fromFile, "Give the path of a text file."));
  if (fromEnv !== undefined) return fromEnvironment(fromEnv === true ? name : fromEnv);
  const value = canPrompt() ? await askSecret(`${name}:`) : withoutNewline(await text(process.stdin));
  if (value !== "") return value;
  throw new UserError("USAGE", `There was no value for ${name} on standard input.`, {
    hint: "Did the command before it fail? Or use --from-env, or --from-file.",
  });
}

function fromEnvironment(variable: string): string {
  const value = process.env[variable];
  if (value !== undefined) return value;
  throw new UserError("USAGE", `The environment variable ${variable} is not set.`, {
    hint: "Set it, or name another one: --from-env <variable>.",
  });
}

function withoutNewline(value: string): string {
  return value.replace(/\r?\n$/, "");
}
