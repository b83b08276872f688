import assert from "node:assert/strict";
import { test } from "node:test";
import { HaltedError } from "../../src/errors.js";
import { DeleteBreaker } from "../../src/pipeline/breaker.js";

const MINUTE = 60_000;

function makeBreaker() {
  const clock = { now: 0 };
  return { clock, breaker: new DeleteBreaker(100, () => clock.now) };
}

const trips = (breaker: DeleteBreaker, count: number, written: number) =>
  assert.throws(
    () => breaker.allow(count, written),
    (error) => error instanceof HaltedError && error.next === "ask",
  );

test("more deletes than the limit in a minute stop a recipe", () => {
  const { breaker } = makeBreaker();
  breaker.allow(60, 0);
  breaker.allow(40, 0);
  trips(breaker, 1, 0);
});

test("a new minute begins to count anew", () => {
  const { breaker, clock } = makeBreaker();
  breaker.allow(100, 0);
  clock.now += MINUTE - 1;
  trips(breaker, 1, 0);
  clock.now += 1;
  breaker.allow(100, 0);
});

test("deletes that are a small part of what was written are not too many", () => {
  const { breaker } = makeBreaker();
  breaker.allow(1000, 10_000);
  trips(breaker, 1, 10_000);
});

test("once a person has said that it is right, everything that waits is let through, however much", () => {
  const { breaker, clock } = makeBreaker();
  trips(breaker, 5000, 0);
  breaker.reset();
  for (let i = 0; i < 50; i++) breaker.allow(5000, 0);
  clock.now += MINUTE;
  trips(breaker, 5000, 0);
});

test("a resume of a recipe that was not stopped by it permits nothing more", () => {
  const { breaker } = makeBreaker();
  breaker.allow(1, 0);
  breaker.reset();
  trips(breaker, 101, 0);
});
