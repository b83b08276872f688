/** Runs the Lua scripts in `scripts/`. Each file is headed by its KEYS, ARGV and return. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";

/** What a script may be given. */
export type Argument = string | number | Buffer;

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

/** What runs a command, as ioredis has it. */
export interface Caller {
  callBuffer(command: string, args: Argument[]): Promise<unknown>;
}

/** Runs `scripts/<name>.lua`; the text travels only to a server that does not know it yet. A text that it returns is a string. */
export async function runScript(
  redis: Redis,
  name: string,
  keys: readonly (string | Buffer)[],
  args: readonly Argument[],
): Promise<unknown> {
  const reply = await runScriptBuffer(redis, name, keys, args);
  return Buffer.isBuffer(reply) ? reply.toString() : reply;
}

/** The same, with every text in the reply as bytes. */
export async function runScriptBuffer(
  redis: Caller,
  name: string,
  keys: readonly (string | Buffer)[],
  args: readonly Argument[],
): Promise<unknown> {
  const { text, sha1 } = load(name);
  const rest = [keys.length, ...keys, ...args];
  try {
    return await redis.callBuffer("EVALSHA", [sha1, ...rest]);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith("NOSCRIPT"))) throw error;
    return await redis.callBuffer("EVAL", [text, ...rest]);
  }
}
