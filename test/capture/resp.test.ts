import assert from "node:assert/strict";
import { test } from "node:test";
import { CommandReader, ProtocolError } from "../../src/capture/resp.js";
import { encode } from "./stream.js";

interface Read {
  readonly args: string[];
  readonly start: number;
  readonly end: number;
}

function read(reader: CommandReader, chunk: Buffer): Read[] {
  const commands: Read[] = [];
  reader.push(chunk, (command) => {
    const args = Array.from({ length: command.argc }, (_, i) => command.arg(i));
    commands.push({ args, start: command.start, end: command.end });
  });
  return commands;
}

const STREAM = Buffer.concat([
  encode(["SELECT", "0"], ["HSET", "k:1", "a", "", "ü", Buffer.from([0, 13, 10, 255])]),
  Buffer.from("\n\n"),
  encode(["PING"], ["SET", "k", "x".repeat(100)]),
]);

const bytes = (text: string) => Buffer.from(text).toString("latin1");

test("commands are found with their arguments and offsets, whatever bytes they hold", () => {
  const commands = read(new CommandReader(700), STREAM);
  assert.deepEqual(
    commands.map(({ args }) => args),
    [["SELECT", "0"], ["HSET", "k:1", "a", "", bytes("ü"), "\0\r\n\xff"], ["PING"], ["SET", "k", "x".repeat(100)]],
  );
  assert.equal(commands[0]?.start, 700);
  assert.equal(commands[3]?.end, 700 + STREAM.length);
  assert.equal((commands[2]?.start ?? 0) - (commands[1]?.end ?? 0), 2, "newlines count, and belong to no command");
});

test("a stream cut at any byte is read like one that is not", () => {
  const whole = read(new CommandReader(0), STREAM);
  for (let cut = 1; cut < STREAM.length; cut++) {
    const reader = new CommandReader(0);
    const commands = [...read(reader, STREAM.subarray(0, cut)), ...read(reader, STREAM.subarray(cut))];
    assert.deepEqual(commands, whole, `cut at ${cut}`);
  }
});

test("a stream that comes byte by byte is read like one that does not", () => {
  const reader = new CommandReader(0);
  const commands = [...STREAM].flatMap((byte) => read(reader, Buffer.of(byte)));
  assert.deepEqual(commands, read(new CommandReader(0), STREAM));
});

test("a value of many megabytes comes whole, over as many chunks as it takes", () => {
  const value = Buffer.alloc(20 * 2 ** 20, "0123456789");
  const stream = encode(["SET", "k", value], ["PING"]);
  const reader = new CommandReader(0);
  const commands: string[] = [];
  for (let at = 0; at < stream.length; at += 65_536) {
    reader.push(stream.subarray(at, at + 65_536), (command) => {
      commands.push(command.arg(0));
      if (command.argc === 3) assert.ok(Buffer.from(command.arg(2), "latin1").equals(value));
    });
  }
  assert.deepEqual(commands, ["SET", "PING"]);
  assert.equal(reader.end, stream.length);
});

test("a command of very many arguments comes whole", () => {
  const keys = Array.from({ length: 100_000 }, (_, i) => `k:${i}`);
  const stream = encode(["DEL", ...keys]);
  const reader = new CommandReader(0);
  let count = 0;
  for (let at = 0; at < stream.length; at += 65_536) {
    reader.push(stream.subarray(at, at + 65_536), (command) => {
      count = command.argc;
      assert.equal(command.arg(100_000), "k:99999");
    });
  }
  assert.equal(count, 100_001);
});

test("whether an argument begins with some bytes is told without making it a string", () => {
  new CommandReader(0).push(encode(["HSET", "person:1"]), (command) => {
    assert.equal(command.startsWith(1, Buffer.from("person:")), true);
    assert.equal(command.startsWith(1, Buffer.from("person:1")), true);
    assert.equal(command.startsWith(1, Buffer.from("person:12")), false);
    assert.equal(command.startsWith(1, Buffer.from("order:")), false);
  });
});

test("what is no replication stream is refused", () => {
  for (const wrong of ["+OK\r\n", "*x\r\n", "*1\r\n+PING\r\n", "-ERR no\r\n"]) {
    assert.throws(() => read(new CommandReader(0), Buffer.from(wrong)), ProtocolError, wrong);
  }
});
