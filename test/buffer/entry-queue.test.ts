import assert from "node:assert/strict";
import { test } from "node:test";
import { Entry } from "../../src/buffer/entry.js";
import { EntryPages } from "../../src/buffer/entry-pages.js";
import { EntryQueue } from "../../src/buffer/entry-queue.js";
import { KeyIndex } from "../../src/buffer/key-index.js";
import { Chance } from "../pipeline/model/chance.js";

const entryOf = (key: string): Entry => new Entry(key, 0, 0, 0);

test("a queue is a list in which keys are found, whatever is done to it", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const chance = new Chance(seed);
    const queue = new EntryQueue();
    let list: Entry[] = [];
    // Few keys come back again and again, many let the queue grow over several pages.
    const keys = chance.pick([10, 300, 6000]);
    const growth = chance.pick([0.45, 0.55, 0.7]);
    for (let step = 0; step < 8000; step++) {
      const key = `key:${chance.below(keys)}`;
      const known = list.find((entry) => entry.key === key);
      assert.equal(queue.get(key), known);
      if (chance.happens(growth)) {
        if (known) continue;
        const entry = entryOf(key);
        if (chance.happens(0.9)) {
          queue.push(entry);
          list.push(entry);
        } else {
          queue.unshift(entry);
          list.unshift(entry);
        }
      } else if (chance.happens(0.7)) assert.equal(queue.shift(), list.shift());
      else if (known) {
        queue.remove(known);
        list = list.filter((entry) => entry !== known);
      } else if (chance.happens(0.001)) {
        queue.clear();
        list = [];
      }
      assert.equal(queue.size, list.length);
      assert.equal(queue.first, list[0]);
    }
    assert.deepEqual([...queue], list);
  }
});

test("one entry that stays lets any number of others come and go behind it", () => {
  const queue = new EntryQueue();
  queue.push(entryOf("stays"));
  for (let i = 0; i < 100_000; i++) {
    const entry = entryOf(`key:${i % 7}`);
    queue.push(entry);
    queue.remove(entry);
  }
  assert.equal(queue.get("key:1"), undefined);
  assert.deepEqual(
    [...queue].map(({ key }) => key),
    ["stays"],
  );
});

test("what is taken and put back again and again is found, and the index does not grow with it", () => {
  const queue = new EntryQueue();
  const entries = Array.from({ length: 3500 }, (_, i) => entryOf(`key:${i}`));
  for (const entry of entries) queue.push(entry);
  for (let attempt = 0; attempt < 50; attempt++) {
    const taken = Array.from({ length: 1000 }, () => queue.shift() as Entry);
    // One of them is put back elsewhere, so that the others get other numbers.
    const [absent, ...others] = taken as [Entry, ...Entry[]];
    for (const entry of others.reverse()) queue.unshift(entry);
    queue.push(absent);
  }
  for (const entry of entries) assert.equal(queue.get(entry.key), entry);
  assert.equal(queue.size, entries.length);
});

test("numbers may grow beyond 32 bits", () => {
  const pages = new EntryPages(2 ** 32 - 2000);
  const index = new KeyIndex(pages);
  const entries = Array.from({ length: 5000 }, (_, i) => entryOf(`key:${i}`));
  entries.forEach((entry, i) => index.add(entry.key, pages.push(entry), i + 1));
  const found = () => entries.map(({ key }) => pages.at(index.find(key) ?? -1));
  assert.deepEqual(found(), entries);
  for (const { key } of entries.slice(0, 3000)) pages.remove(index.find(key) as number);
  assert.deepEqual([...pages], entries.slice(3000));
  assert.deepEqual(found().slice(3000), entries.slice(3000));
});
