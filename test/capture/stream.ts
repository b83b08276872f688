/** Bytes of a replication stream, and what is read of them. */
import type { Change } from "../../src/model.js";
import { Interpreter } from "../../src/capture/commands.js";
import { CommandReader } from "../../src/capture/resp.js";

/** Commands as the server sends them. */
export function encode(...commands: readonly (readonly (string | Buffer)[])[]): Buffer {
  return Buffer.concat(
    commands.flatMap((command) => [
      Buffer.from(`*${command.length}\r\n`),
      ...command.flatMap((arg) => {
        const raw = Buffer.from(arg as string);
        return [Buffer.from(`$${raw.length}\r\n`), raw, Buffer.from("\r\n")];
      }),
    ]),
  );
}

/** What commands mean for keys that begin with "k:" in database 0, which is the one that is selected. */
export function interpret(...commands: string[]): Change[] {
  return run(commands).changes;
}

export function run(commands: readonly string[], options: { isOwn?: (marker: string) => boolean } = {}) {
  const heads = [Buffer.from("k:"), Buffer.from("other:")];
  const interpreter = new Interpreter({ heads, db: 0, offset: 1000, selected: 0, ...options });
  const reader = new CommandReader(1000);
  const ends: number[] = [];
  for (const command of commands) {
    reader.push(encode(command.split(" ")), (one) => interpreter.handle(one));
    ends.push(reader.end);
  }
  return { interpreter, changes: interpreter.take(), ends };
}
