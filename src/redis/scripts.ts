/** Runs the Lua scripts in `scripts/`. Each file is headed by its KEYS, ARGV and return. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";

/** A script that is known by its SHA-1, as EVALSHA wants it. */
interface Script {
  readonly text: string;
  readonly sha1: string;
}

// The scripts stay in src/, which is part of the package: dist/redis/ and src/redis/ reach them by the same path.
const FOLDER = new URL("../../src/redis/scripts/", import.meta.url);

const loaded = new Map<string, Script>();

function load(name: string): Script {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const text = readFileSync(new URL(`${name}.lua`, FOLDER), "utf8");
  const script = { text, sha1: createHash("sha1").update(text).digest("hex") };
  loaded.set(name, script);
  return script;
}

/** Runs `scripts/<name>.lua`; the text travels only to a server that does not know it yet. */
export async function runScript(
  redis: Redis,
  name: string,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
): Promise<unknown> {
  const { text, sha1 } = load(name);
  try {
    return await redis.evalsha(sha1, keys.length, ...keys, ...args);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return await redis.eval(text, keys.length, ...keys, ...args);
  }
}
