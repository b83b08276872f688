import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../src/capture/pace.js";

/** Whether the reader rests after a second in which a piece of so many bytes has come every so many ms. */
function restsAfter(bytes: number, everyMs: number): boolean {
  const pace = new Pace();
  for (let now = 0; now < 1000; now += everyMs) pace.note(bytes, now);
  return pace.isCrowded;
}

test("a reader rests while much comes in small pieces", () => {
  assert.equal(restsAfter(300, 0.1), true);
  assert.equal(restsAfter(8_000, 1), true);
});

test("it does not where little comes, or in large pieces", () => {
  assert.equal(restsAfter(100, 10), false);
  assert.equal(restsAfter(100, 0.5), false);
  assert.equal(restsAfter(65_536, 0.2), false);
});

test("it stops to rest as soon as the load is over", () => {
  const pace = new Pace();
  for (let now = 0; now < 100; now += 0.1) pace.note(300, now);
  assert.equal(pace.isCrowded, true);
  for (let now = 110; now < 140; now += 10) pace.note(300, now);
  assert.equal(pace.isCrowded, false);
});
