/**
 * A command with thousands of arguments as one text. ioredis copies the list, and asks and copies every argument by itself, which costs
 * more than all else that happens to a row here.
 */
import type { Command, Redis } from "ioredis";
import type { Argument } from "../../redis/scripts.js";

type CommandClass = typeof Command;

/** Sends it over the connection of the driver, and resolves to the reply with every text as bytes. */
export async function sendEncoded(
  client: Redis,
  CommandOf: CommandClass,
  name: string,
  args: readonly Argument[],
): Promise<unknown> {
  const command = new CommandOf(name, [], { replyEncoding: null });
  command.toWritable = () => encodeCommand(name, args);
  return await client.sendCommand(command);
}

/** The command as Redis's protocol has it. */
export function encodeCommand(name: string, args: readonly Argument[]): Buffer {
  let text = `*${args.length + 1}\r\n$${name.length}\r\n${name}\r\n`;
  for (const argument of args) {
    const bytes = bytesOf(argument);
    text += `$${bytes.length}\r\n${bytes}\r\n`;
  }
  return Buffer.from(text, "latin1");
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** Bytes as a text of as many characters. */
function bytesOf(argument: Argument): string {
  if (Buffer.isBuffer(argument)) return argument.toString("latin1");
  const text = typeof argument === "string" ? argument : String(argument);
  return BEYOND_ASCII.test(text) ? Buffer.from(text).toString("latin1") : text;
}
