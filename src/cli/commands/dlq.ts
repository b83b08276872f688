/** `wbsync dlq`: the rows that a database refused. */
import { Command } from "commander";
import { UserError } from "../../errors.js";
import type { StoredLetter } from "../../registry/letter.js";
import { action, type Context } from "../context.js";
import { integer, jsonOption } from "../flags.js";
import { colors, print, printable, printJson, printTable, say, warn } from "../output.js";
import { hasRunner } from "../health.js";

interface Choice {
  readonly id?: readonly string[];
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Declares the command and its three verbs. */
export function dlqCommand(): Command {
  return new Command("dlq")
    .description("dead letters: rows that the database refused")
    .addCommand(listLetters())
    .addCommand(retryLetters())
    .addCommand(dropLetters());
}

function listLetters(): Command {
  return new Command("list")
    .description("show what was refused, and why; from the oldest on")
    .argument("<name>", "the recipe")
    .option("--limit <number>", "how many", integer(1, 1_000_000), 100)
    .option("--after <id>", "those after this one")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync dlq list PersonsWriteBehind")
    .action(action(list));
}

function retryLetters(): Command {
  return choosing(new Command("retry"), "try to write rows again, as their hashes are now")
    .addHelpText("after", "\nExample:\n  wbsync dlq retry PersonsWriteBehind person:7")
    .action(action(retry));
}

function dropLetters(): Command {
  return choosing(new Command("drop"), "forget rows for good")
    .addHelpText("after", "\nExample:\n  wbsync dlq drop PersonsWriteBehind --all")
    .action(action(drop));
}

function choosing(command: Command, description: string): Command {
  return command
    .description(description)
    .argument("<name>", "the recipe")
    .argument("[key...]", "the letters of these keys")
    .option("--id <id...>", "the letters with these ids")
    .option("--all", "all of them")
    .addOption(jsonOption());
}

async function list(
  context: Context,
  name: string,
  options: { readonly limit: number; readonly after?: string; readonly json?: boolean },
): Promise<void> {
  const letters = await openLetters(context, name);
  // One more, to see whether there is more.
  const page = await letters.list({
    count: options.limit + 1,
    ...(options.after !== undefined && { after: options.after }),
  });
  const found = page.slice(0, options.limit);
  if (options.json) return printJson(found.map(plain));
  if (found.length === 0) return say(`There are no ${options.after === undefined ? "" : "more "}dead letters.`);
  await printTable(
    ["id", "time", "key", "operation", "error"],
    found.map(({ id, time, key, operation, error }) => [id, time, printable(asText(key)), operation, printable(error)]),
  );
  if (page.length > found.length) say(`There are more: --limit, or --after ${found.at(-1)!.id}`);
}

async function retry(context: Context, name: string, keys: readonly string[], options: Choice): Promise<void> {
  const chosen = selection(keys, options);
  const letters = await openLetters(context, name);
  const retried = await letters.requestRetry(chosen);
  if (retried === 0 && chosen !== "all") throw noLetter(name);
  if (options.json) printJson({ name, retried });
  else print(`${colors.bold(name)}: ${retried} ${retried === 1 ? "key" : "keys"} will be tried again`);
  if ((await hasRunner(await context.registryRedis())) === false) warn("no runner is alive: it happens once one is.");
}

async function drop(context: Context, name: string, keys: readonly string[], options: Choice): Promise<void> {
  const chosen = selection(keys, options);
  const letters = await openLetters(context, name);
  const ids = chosen === "all" ? "all" : "ids" in chosen ? chosen.ids : await idsOf(letters, new Set(chosen.keys));
  const dropped = await letters.drop(ids);
  if (dropped === 0 && chosen !== "all") throw noLetter(name);
  if (options.json) return printJson({ name, dropped });
  print(`${colors.bold(name)}: ${dropped} ${dropped === 1 ? "dead letter" : "dead letters"} dropped`);
}

type Letters = Awaited<ReturnType<typeof openLetters>>;

/** The recipe may be gone from the registry, and its letters still there. */
async function openLetters(context: Context, name: string) {
  const { DeadLetters } = await import("../../registry/dead-letters.js");
  const letters = new DeadLetters(await context.registryRedis(), name);
  if ((await letters.count()) === 0) await (await context.registry()).get(name);
  return letters;
}

async function idsOf(letters: Letters, keys: ReadonlySet<string>): Promise<readonly string[]> {
  const open = await letters.open();
  return [...keys].flatMap((key) => open.get(key) ?? []);
}

function noLetter(name: string): UserError {
  return new UserError("NOT_FOUND", `Recipe "${name}" has no dead letter of that key or id.`, {
    hint: `See wbsync dlq list ${name}.`,
  });
}

function selection(keys: readonly string[], { id, all }: Choice) {
  const given = [keys.length > 0, id !== undefined, all === true].filter(Boolean).length;
  if (given !== 1) {
    throw new UserError(
      "USAGE",
      given === 0 ? "Which dead letters are meant?" : "Dead letters are chosen in one way.",
      {
        hint: "Name keys, or say --id <id…>, or --all.",
      },
    );
  }
  if (id !== undefined) return { ids: id };
  return all ? ("all" as const) : { keys: keys.map((key) => Buffer.from(key, "utf8").toString("latin1")) };
}

function asText(key: string): string {
  return Buffer.from(key, "latin1").toString("utf8");
}

/** Bytes that are not text are shown in base64. */
function plain(letter: StoredLetter): unknown {
  const values = Object.entries(letter.values).map(([name, value]) => [
    name,
    Buffer.isBuffer(value) ? { base64: value.toString("base64") } : value,
  ]);
  return { ...letter, key: asText(letter.key), values: Object.fromEntries(values) as unknown };
}
