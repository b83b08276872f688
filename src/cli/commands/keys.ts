/** `wbsync keys`: keys for signed recipes. */
import { writeFile } from "node:fs/promises";
import { Command } from "commander";
import { messageOf, UserError } from "../../errors.js";
import { jsonOption } from "../flags.js";
import { print, printJson, say } from "../output.js";

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
  await write(files.privateKey, keys.privateKey, 0o600, options);
  await write(files.publicKey, keys.publicKey, 0o644, options);
  const name = fingerprint(parsePublicKey(keys.publicKey));
  if (options.json) return printJson({ ...files, fingerprint: name });
  print(`${files.publicKey}  ${name}`);
  say(`Keep ${files.privateKey} where deploys are made (--sign), and give ${files.publicKey} to runners (--trust).`);
}

async function write(file: string, text: string, mode: number, { force }: Options): Promise<void> {
  try {
    await writeFile(file, text, { mode, flag: force ? "w" : "wx" });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const why = exists ? "exists already" : `cannot be written: ${messageOf(cause)}`;
    throw new UserError("USAGE", `${file} ${why}.`, {
      hint: exists ? "Name another path, or overwrite it with --force." : "Name another path.",
      cause,
    });
  }
}
