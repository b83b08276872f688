import assert from "node:assert/strict";
import { test } from "node:test";
import { type Reply, ReplyError, ReplyReader } from "../../src/redis/replies.js";

const TEXT = "a text that is longer than what is cut from the chunk's own text";

const CASES: readonly [sent: string, reply: Reply][] = [
  ["+OK\r\n", "OK"],
  ["-WRONGTYPE not that\r\n", new ReplyError("WRONGTYPE not that")],
  [":42\r\n", 42],
  [":-1\r\n", -1],
  ["$5\r\na\r\nbc\r\n", "a\r\nbc"],
  ["$0\r\n\r\n", ""],
  ["$-1\r\n", null],
  [`$${TEXT.length}\r\n${TEXT}\r\n`, TEXT],
  ["$2\r\n\xff\x00\r\n", "\xff\x00"],
  ["*-1\r\n", null],
  ["*0\r\n", []],
  ["*3\r\n$1\r\na\r\n$-1\r\n:7\r\n", ["a", null, 7]],
  [
    "*3\r\n$6\r\nmaster\r\n:3129659\r\n*1\r\n*2\r\n$9\r\n127.0.0.1\r\n$4\r\n9001\r\n",
    ["master", 3129659, [["127.0.0.1", "9001"]]],
  ],
];

test("replies are the same, wherever the chunks are cut", () => {
  const bytes = Buffer.from(CASES.map(([sent]) => sent).join(""), "latin1");
  const expected = CASES.map(([, reply]) => reply);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new ReplyReader();
    const found: Reply[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.push(bytes.subarray(at, at + size), (reply) => found.push(reply));
    }
    assert.deepEqual(found, expected, `in chunks of ${size} bytes`);
  }
});

test("bytes that are no reply are told", () => {
  assert.throws(() => new ReplyReader().push(Buffer.from("HTTP/1.1 400\r\n"), () => undefined), /where a reply begins/);
});
