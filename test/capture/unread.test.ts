import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";
import { test } from "node:test";
import { Unread } from "../../src/capture/unread.js";

/** A stream that gives chunks of ten bytes, and counts them. */
class Source implements AsyncIterable<Buffer> {
  given = 0;
  readonly #count: number;
  readonly #failure: Error | undefined;

  constructor(count: number, failure?: Error) {
    this.#count = count;
    this.#failure = failure;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    while (this.given < this.#count) yield Buffer.alloc(10, this.given++);
    if (this.#failure) throw this.#failure;
  }
}

const settle = async () => {
  for (let i = 0; i < 20; i++) await turn();
};

async function rest(unread: Unread): Promise<number[]> {
  const read: number[] = [];
  for (let chunk = await unread.next(); chunk; chunk = await unread.next()) read.push(chunk[0] as number);
  return read;
}

test("chunks come at once, in order, while somebody wants them", async () => {
  const unread = new Unread(1000, () => true);
  void unread.fill(new Source(5));
  assert.deepEqual(await rest(unread), [0, 1, 2, 3, 4]);
});

test("while nobody wants them they are kept, and come when somebody does", async () => {
  let isWanted = false;
  const unread = new Unread(1000, () => isWanted);
  void unread.fill(endless());
  let first: Buffer | undefined;
  void unread.next().then((chunk) => (first = chunk));
  await settle();
  assert.equal(first, undefined);
  isWanted = true;
  unread.wake();
  await settle();
  assert.equal(first?.[0], 0);
  unread.end();
});

test("beyond the limit they come whether or not anybody wants them, and no more is read meanwhile", async () => {
  const unread = new Unread(35, () => false);
  const source = new Source(100);
  void unread.fill(source);
  await settle();
  assert.equal(source.given, 4);
  assert.equal((await unread.next())?.[0], 0);
  await settle();
  assert.equal(source.given, 5);
  unread.end();
});

test("a source that fails is read to its end first", async () => {
  const unread = new Unread(1000, () => false);
  void unread.fill(new Source(3, new Error("cut")));
  for (let i = 0; i < 3; i++) assert.equal((await unread.next())?.[0], i);
  await assert.rejects(unread.next(), /cut/);
});

test("ended from here, it hands out what it has, and reads no more", async () => {
  const unread = new Unread(25, () => false);
  const source = new Source(100);
  void unread.fill(source);
  await settle();
  unread.end();
  const given = source.given;
  assert.deepEqual(await rest(unread), [0, 1, 2]);
  await settle();
  assert.ok(source.given <= given + 1, "one that was asked for already may come, and is not kept");
});

/** One chunk, and then silence. */
async function* endless(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(10);
  await new Promise(() => {});
}
