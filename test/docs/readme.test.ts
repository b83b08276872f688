import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { type Command } from "commander";
import { createProgram } from "../../src/cli/program.js";
import { CONNECTION_FLAGS } from "../../src/config/options.js";
import { sqlite, writeBehind, writeThrough } from "../../src/index.js";
import { freePort, tempDir } from "../support/process.js";
import { blocks, document, inRepository, runGuide } from "./guide.js";

const README = document("README.md");

test("the five-minute guide does what it says, word for word", async () => {
  const dir = tempDir("wbsync-guide");
  const port = await freePort();
  const commands = blocks(README, "sh").join("\n").replaceAll("6390", String(port));
  const steps = await runGuide(commands, dir, port);
  assert.ok(steps.length >= 10, `the guide has ${steps.length} steps with an answer`);
  for (const { command, expected, printed } of steps) {
    assert.ok(printed.includes(expected), `${command}\nexpected: ${expected}\nprinted: ${printed}`);
  }
  assert.ok(
    blocks(README, "ts").includes(readFileSync(join(dir, "shop", "recipe.ts"), "utf8")),
    "shop/recipe.ts is shown",
  );
});

test("the README knows every command and every flag", () => {
  const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
  const connection = CONNECTION_FLAGS.flatMap(({ flags, aliases = [] }) => [flags, ...aliases]).map(longName);
  for (const command of all(createProgram()).slice(1)) {
    assert.match(README, new RegExp(`\\b${command.name()}\\b`), `command ${command.name()}`);
    for (const { long, hidden } of command.options) {
      if (!long || hidden || long === "--json") continue;
      assert.ok(README.includes(long), `${command.name()} ${long}`);
    }
  }
  for (const flag of connection) assert.ok(README.includes(flag) || flag === "--username", flag);
});

test("the README knows every option of a recipe, with its default", () => {
  const connector = sqlite("x.sqlite").table("persons", { primaryKey: "id" });
  const common = { name: "P", version: "1.0.0", connector, mappings: { age: "age" } };
  const { mode: _, ...behind } = writeBehind({ ...common, keysPrefix: "person" });
  for (const [option, value] of Object.entries(behind)) {
    const row = new RegExp(`^\\| \`${option}\` *\\|(.*)$`, "m").exec(README)?.[1];
    assert.ok(row !== undefined, `option ${option} is in the table`);
    if (option in common || option === "keysPrefix" || option === "transform") continue;
    assert.ok(row.includes(`\`${JSON.stringify(value)}\``), `${option}: ${JSON.stringify(value)}, found ${row}`);
  }
  const { timeout } = writeThrough({ ...common, keysPrefix: "__" });
  assert.match(README, new RegExp(`\`timeout\`\\s+\\(default ${timeout},`));
});

test("every link within the documents leads somewhere", () => {
  for (const path of [
    "README.md",
    "recipes/README.md",
    "src/README.md",
    "docs/from-rgsync.md",
    "docs/operations.md",
    "docs/errors.md",
  ]) {
    const text = document(path);
    for (const [, link] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https?:/.test(link!)) continue;
      const [file, anchor] = link!.split("#") as [string, string | undefined];
      const target = file === "" ? path : join(dirname(path), file);
      assert.ok(existsSync(inRepository(target)), `${path}: ${link}`);
      if (anchor === undefined || !target.endsWith(".md")) continue;
      const anchors = [...document(target).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading!));
      assert.ok(anchors.includes(anchor), `${path}: ${link}`);
    }
  }
});

function longName(flags: string): string {
  return flags.split(" ")[0]!;
}

/** As GitHub makes anchors of headings. */
function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replaceAll(" ", "-");
}
