/** `wbsync keys`: keys for signed recipes. */
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { messageOf, UserError } from "../../errors.js";
import { jsonOption } from "../flags.js";
import { print, printJson, say } from "../output.js";
import { writePrivate } from "../write-private.js";

interface Options {
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES = `
Example:
  wbsync keys generate release              writes release.key and release.pub
  wbsync deploy recipe.ts --sign release.key
  wbsync run --trust release.pub`;

/** Declares the command. */
export function keysCommand(): Command {
  const generateCommand = new Command("generate")
    .description("make a pair of Ed25519 keys: one to sign deploys with, one for runners to trust")
    .argument("[path]", "where to write them: <path>.key and <path>.pub", "wbsync")
    .option("-f, --force", "overwrite files that exist")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(generate);
  return new Command("keys").description("keys for signed recipes").addCommand(generateCommand);
}

async function generate(path: string, options: Options): Promise<void> {
  const { fingerprint, generateKeys, parsePublicKey } = await import("../../registry/signature.js");
  const keys = generateKeys();
  const files = { privateKey: `${path}.key`, publicKey: `${path}.pub` };
  // Half a pair is of no use to anybody.
  const present = options.force ? undefined : Object.values(files).find((file) => existsSync(file));
  if (present !== undefined) throw exists(present);
  const flag = options.force ? "w" : "wx";
  await write(files.privateKey, (file) => writePrivate(file, keys.privateKey, flag));
  await write(files.publicKey, (file) => writeFile(file, keys.publicKey, { mode: 0o644, flag }));
  const name = fingerprint(parsePublicKey(keys.publicKey));
  if (options.json) return printJson({ ...files, fingerprint: name });
  print(`${files.publicKey}  ${name}`);
  say(`Keep ${files.privateKey} where deploys are made (--sign), and give ${files.publicKey} to runners (--trust).`);
}

async function write(file: string, writeTo: (file: string) => Promise<void>): Promise<void> {
  try {
    await writeTo(file);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") throw exists(file);
    throw new UserError("USAGE", `${file} cannot be written: ${messageOf(cause)}.`, {
      hint: "Name another path.",
      cause,
    });
  }
}

function exists(file: string): UserError {
  return new UserError("USAGE", `${file} exists already.`, {
    hint: "Name another path, or overwrite it with --force.",
  });
}
