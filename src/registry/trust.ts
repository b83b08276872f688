/** Reads the public keys that a runner trusts. */
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UserError } from "../errors.js";
import { parsePublicKey, type Trust } from "./signature.js";

/** A file may hold several keys, one after the other. */
const BLOCK = /-----BEGIN ([A-Z ]+)-----[\s\S]*?-----END \1-----/g;

/** The keys of a PEM file, or of every `.pem` and `.pub` file in a folder. Throws a `UserError` UNTRUSTED where there are none. */
export async function loadTrust(path: string): Promise<Trust> {
  const trust = new Map<string, string>();
  for (const file of await filesAt(path)) {
    const blocks = (await readFile(file, "utf8")).match(BLOCK) ?? [];
    if (blocks.length === 0) throw untrusted(`${file} holds no public key.`);
    for (const block of blocks) trust.set(parseIn(file, block), file);
  }
  if (trust.size === 0) throw untrusted(`${path} holds no .pem or .pub file.`);
  return trust;
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    const names = (await readdir(path)).filter((name) => /\.(pem|pub)$/.test(name));
    return names.sort().map((name) => join(path, name));
  } catch (error) {
    throw untrusted(`The keys to trust cannot be read: ${messageOf(error)}.`, error);
  }
}

function parseIn(file: string, block: string): string {
  try {
    return parsePublicKey(block);
  } catch (error) {
    throw untrusted(`${file}: ${messageOf(error)}`, error);
  }
}

function untrusted(message: string, cause?: unknown): UserError {
  const hint = 'Give --trust a public key in PEM (as "wbsync keys generate" writes it) or a folder of them.';
  return new UserError("UNTRUSTED", message, { hint, cause });
}
