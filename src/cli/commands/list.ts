/** `wbsync list`: every registered recipe, and how it does. */
import { Command } from "commander";
import { action, type Context } from "../context.js";
import { jsonOption } from "../flags.js";
import { readHealth } from "../health.js";
import { colors, printJson, printTable, say } from "../output.js";
import { remarks, summarize, type Summary } from "../summary.js";

/** Declares the command. */
export function listCommand(): Command {
  return new Command("list")
    .alias("ls")
    .description("show the registered recipes and how they do")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  wbsync list --json | jq '.[] | select(.state != \"running\")'")
    .action(action(list));
}

async function list(context: Context, options: { readonly json?: boolean }): Promise<void> {
  const registry = await context.registry();
  const entries = await registry.list();
  const health = await readHealth(registry, await context.registryRedis());
  const recipes = entries.map((entry) => summarize(entry, health.get(entry.name)));
  if (options.json) return printJson(recipes);
  if (recipes.length === 0) return say("No recipe is registered. Register one: wbsync deploy recipe.ts");
  const remarked = recipes.some((recipe) => remarks(recipe) !== "");
  const head = ["name", "version", "prefix", "connector", "table", "state", "rows", "buffered", "dead"];
  await printTable(
    remarked ? [...head, "remarks"] : head,
    recipes.map((recipe) => [...row(recipe), ...(remarked ? [remarks(recipe)] : [])]),
  );
}

function row(recipe: Summary): string[] {
  const { name, version, keysPrefix, connector, table, rows, buffered, deadLetters } = recipe;
  return [name, version, keysPrefix, connector, table, paint(recipe), ...[rows, buffered, deadLetters].map(String)];
}

function paint({ state }: Summary): string {
  switch (state) {
    case "running":
      return colors.green(state);
    case "failing":
    case "halted":
      return colors.red(state);
    case "stopped":
    case "paused":
      return colors.yellow(state);
    default:
      return state;
  }
}
