/** The arrows between folders: data flows one way, and so do imports. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

/** What each folder may import besides itself; files directly in src/ may be imported by all. */
const ARROWS: Readonly<Record<string, readonly string[]>> = {
  "": ["recipe", "connectors", "config"],
  capture: ["redis", "observe"],
  buffer: [],
  connectors: ["recipe", "config", "redis"],
  pipeline: ["capture", "buffer", "connectors", "recipe", "redis", "registry", "observe"],
  recipe: ["connectors", "config"],
  registry: ["recipe", "redis"],
  redis: ["config"],
  config: ["recipe", "redis"],
  observe: ["config", "registry"],
  runner: ["capture", "pipeline", "connectors", "recipe", "redis", "registry", "config", "observe"],
  cli: ["runner", "connectors", "recipe", "redis", "registry", "config", "observe"],
  demo: ["cli", "connectors", "recipe", "redis", "registry", "config", "observe"],
};

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

function imports(): Import[] {
  const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return files.flatMap((file) => {
    const text = readFileSync(join(SRC, file), "utf8");
    const specifiers = [...text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map(
      ([, specifier]) => specifier as string,
    );
    return specifiers.map((specifier) => ({
      file,
      from: folderOf(file),
      to: folderOf(relative(SRC, join(SRC, dirname(file), specifier))),
    }));
  });
}

function folderOf(file: string): string {
  const parts = file.split(sep);
  return parts.length > 1 ? (parts[0] as string) : "";
}

test("imports follow the arrows of the data path", () => {
  const all = imports();
  assert.ok(all.length > 200, `only ${all.length} imports were found`);
  const wrong = all.filter(({ from, to }) => to !== "" && from !== to && !ARROWS[from]?.includes(to));
  assert.deepEqual([...new Set(wrong.map(({ file, to }) => `${file} imports from ${to}/`))], []);
});

test("the nouns import nothing", () => {
  assert.deepEqual(
    imports().filter(({ file }) => file === "model.ts"),
    [],
  );
});
