import assert from "node:assert/strict";
import { test } from "node:test";
import type { Change } from "../../src/model.js";
import { OWN, REMOVE } from "../../src/redis/keys.js";
import { Interpreter } from "../../src/capture/commands.js";
import { CommandReader } from "../../src/capture/resp.js";
import { encode, interpret, run } from "./stream.js";

/** A change in few words: "set k:1 a 1", "gone k:1 delete". */
function say(change: Change): string {
  const own = change.own ? "own " : "";
  switch (change.kind) {
    case "set":
    case "unset":
      return `${own}${change.kind} ${change.key} ${change.fields.join(" ")}`;
    case "gone":
      return `${own}gone ${change.key} ${change.cause}`;
    case "ttl":
      return `${own}ttl ${change.key} ${change.at}`;
    case "dirty":
      return `${own}dirty ${change.key}`;
    case "flushed":
    case "swapped":
      return own + change.kind;
  }
}

/** What a command means for keys that begin with "k:" or "other:", in database 0. */
const TABLE: readonly (readonly [command: string, ...changes: string[]])[] = [
  ["HSET k:1 a 1 b 2", "set k:1 a 1 b 2"],
  ["hset k:1 a 1", "set k:1 a 1"],
  ["HsEt k:1 a 1", "set k:1 a 1"],
  ["HMSET k:1 a 1", "set k:1 a 1"],
  ["HSETNX k:1 a 1", "set k:1 a 1"],
  ["HSET elsewhere:1 a 1"],
  ["HSET k a 1"],
  ["HDEL k:1 a b", "unset k:1 a b"],
  ["HINCRBY k:1 a 5", "dirty k:1"],
  ["HINCRBYFLOAT k:1 a 5", "dirty k:1"],
  ["HSETEX k:1 FIELDS 1 a 1", "dirty k:1"],
  ["HGETDEL k:1 FIELDS 1 a", "dirty k:1"],
  ["HPEXPIREAT k:1 1700000000000 FIELDS 1 a"],
  ["HPERSIST k:1 FIELDS 1 a"],
  ["DEL k:1 elsewhere:1 other:2", "gone k:1 uncertain", "gone other:2 uncertain"],
  ["UNLINK k:1", "gone k:1 uncertain"],
  ["PEXPIREAT k:1 1700000000000", "ttl k:1 1700000000000"],
  ["EXPIRE k:1 10", "dirty k:1"],
  ["PERSIST k:1", "ttl k:1 Infinity"],
  ["RENAME k:1 k:2", "gone k:1 delete", "dirty k:2"],
  ["RENAME k:1 elsewhere:2", "gone k:1 delete"],
  ["RENAME elsewhere:1 k:2", "dirty k:2"],
  ["RENAMENX k:1 k:2", "gone k:1 delete", "dirty k:2"],
  ["COPY elsewhere:1 k:2", "dirty k:2"],
  ["COPY k:1 elsewhere:2"],
  ["COPY k:1 k:2 DB 1"],
  ["COPY k:1 k:2 REPLACE DB 1"],
  ["COPY k:1 k:2 db 0 replace", "dirty k:2"],
  ["COPY k:1 k:2 REPLACE", "dirty k:2"],
  ["MOVE k:1 1", "gone k:1 delete"],
  ["RESTORE k:1 0 payload", "dirty k:1"],
  ["RESTORE-ASKING k:1 0 payload", "dirty k:1"],
  ["SET k:1 text", "dirty k:1"],
  ["SETEX k:1 10 text", "dirty k:1"],
  ["MSET k:1 x elsewhere:1 y other:2 z", "dirty k:1", "dirty other:2"],
  ["SUNIONSTORE k:1 elsewhere:1 elsewhere:2", "dirty k:1"],
  ["ZADD k:1 1 m", "dirty k:1"],
  ["EVAL return 2 elsewhere:1 k:2 argument", "dirty k:2"],
  ["EVALSHA 0123 1 k:1", "dirty k:1"],
  ["FCALL f 1 k:1", "dirty k:1"],
  ["JSON.SET k:1 $ {}", "dirty k:1"],
  ["FLUSHALL", "flushed"],
  ["FLUSHDB ASYNC", "flushed"],
  ["SWAPDB 0 1", "swapped"],
  ["SWAPDB 2 1"],
  ["PING"],
  ["PUBLISH news k:1"],
  ["FUNCTION LOAD code"],
  ["SCRIPT LOAD code"],
  ["REPLCONF GETACK *"],
  ["XADD {k:1}id * status done"],
];

test("each command means what it means", () => {
  for (const [command, ...changes] of TABLE) assert.deepEqual(interpret(command).map(say), changes, command);
});

test("what is said in another database is of interest only where it reaches ours", () => {
  const elsewhere = ["HSET k:1 a 1", "DEL k:1", "FLUSHDB", "SET k:1 x", "RENAME k:1 k:2", "COPY k:1 k:2"];
  for (const command of elsewhere) assert.deepEqual(interpret("SELECT 3", command), [], command);
  const reaching: [string, string][] = [
    ["MOVE k:1 0", "dirty k:1"],
    ["COPY k:1 k:2 DB 0", "dirty k:2"],
    ["COPY elsewhere:1 k:2 REPLACE DB 0", "dirty k:2"],
    ["SWAPDB 3 0", "swapped"],
    ["FLUSHALL", "flushed"],
  ];
  for (const [command, change] of reaching) {
    assert.deepEqual(interpret("SELECT 3", command).map(say), [change], command);
  }
  assert.deepEqual(interpret("SELECT 3", "HSET k:1 a 1", "SELECT 0", "HSET k:1 a 2").map(say), ["set k:1 a 2"]);
});

test("a change begins where the command before it ended, and says which database is selected there", () => {
  const { changes, ends, interpreter } = run(["SELECT 5", "SELECT 0", "HSET k:1 a 1", "HSET k:2 a 1"]);
  assert.deepEqual(
    changes.map(({ start, startDb, end }) => [start, startDb, end]),
    [
      [ends[1], 0, ends[2]],
      [ends[2], 0, ends[3]],
    ],
  );
  assert.deepEqual([interpreter.safeOffset, interpreter.safeDb], [ends[3], 0]);
});

test("every change of a transaction begins where the transaction does, also when it selects another database", () => {
  const { changes, ends } = run([
    "SELECT 5",
    "MULTI",
    "SELECT 0",
    "HSET k:1 a 1",
    "HSET k:2 a 1",
    "EXEC",
    "HSET k:3 a 1",
  ]);
  assert.deepEqual(
    changes.map(({ key, start, startDb, end }) => [key, start, startDb, end]),
    [
      ["k:1", ends[0], 5, ends[3]],
      ["k:2", ends[0], 5, ends[4]],
      ["k:3", ends[5], 0, ends[6]],
    ],
  );
});

test("a transaction is handed out when it is complete, and no position lies inside it", () => {
  const interpreter = new Interpreter({ heads: [Buffer.from("k:")], db: 0, offset: 0, selected: 0 });
  const reader = new CommandReader(0);
  const push = (...commands: string[]) =>
    reader.push(encode(...commands.map((command) => command.split(" "))), (command) => interpreter.handle(command));
  push("HSET k:1 a 1");
  const before = reader.end;
  push("MULTI", "HSET k:1 a 2", "HSET k:2 a 2");
  assert.deepEqual(interpreter.take().map(say), ["set k:1 a 1"]);
  assert.equal(interpreter.safeOffset, before);
  push("HSET k:3 a 2");
  assert.deepEqual(interpreter.take(), []);
  push("EXEC", "HSET k:4 a 1");
  assert.deepEqual(interpreter.take().map(say), ["set k:1 a 2", "set k:2 a 2", "set k:3 a 2", "set k:4 a 1"]);
  assert.equal(interpreter.safeOffset, reader.end);
  assert.deepEqual(interpreter.take(), []);
});

test("wbsync's own transactions are known by their first command, and end with it", () => {
  const commands = [
    "MULTI",
    `PUBLISH ${OWN} settle`,
    "HDEL k:1 #",
    "DEL k:2",
    "EXEC",
    "HDEL k:1 a",
    `PUBLISH ${OWN} x`,
    "DEL k:3",
  ];
  assert.deepEqual(run(commands).changes.map(say), [
    "own unset k:1 #",
    "own gone k:2 uncertain",
    "unset k:1 a",
    "gone k:3 uncertain",
  ]);
});

test("a key that wbsync deletes because a client asked for it goes for that reason", () => {
  const { changes } = run(["MULTI", `PUBLISH ${OWN} ${REMOVE}`, "DEL k:1", "EXEC", "DEL k:2"]);
  assert.deepEqual(changes.map(say), ["gone k:1 asked", "gone k:2 uncertain"]);
});

test("a marker that is somebody else's makes no transaction our own", () => {
  const isOwn = (marker: string) => marker !== "through:another";
  const { changes } = run(["MULTI", `PUBLISH ${OWN} through:another`, "HSET k:1 a 1", "EXEC"], { isOwn });
  assert.deepEqual(changes.map(say), ["set k:1 a 1"]);
});

test("whoever waits is known by the offset before the question", () => {
  const asked: number[] = [];
  const interpreter = new Interpreter({ heads: [], db: 0, offset: 50, selected: 0 });
  interpreter.onAckRequest = (offset) => asked.push(offset);
  const reader = new CommandReader(50);
  const ping = encode(["PING"]);
  reader.push(Buffer.concat([ping, encode(["REPLCONF", "GETACK", "*"])]), (command) => interpreter.handle(command));
  assert.deepEqual(asked, [50 + ping.length]);
});
