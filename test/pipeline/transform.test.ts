import assert from "node:assert/strict";
import { test } from "node:test";
import { applyTransforms } from "../../src/pipeline/transform.js";
import type { Transform } from "../../src/recipe/recipe.js";

const latin1 = (...bytes: number[]) => Buffer.from(bytes).toString("latin1");
const JPEG = latin1(0xff, 0xd8, 0xff, 0xe0);

function one(transform: Transform, hash: Record<string, string>) {
  const [result] = applyTransforms(transform, [["p:1", new Map(Object.entries(hash))]]);
  assert.ok(result);
  return "error" in result ? result.error : result.record && { ...result.record };
}

test("a hash is shown as text; bytes that are none come back as they were where the transform leaves them alone", () => {
  const text = Buffer.from("Zoë").toString("latin1");
  const hash = { name: text, photo: JPEG };
  assert.deepEqual(
    one((record) => ({ ...record }), hash),
    { name: "Zoë", photo: Buffer.from(JPEG, "latin1") },
  );
  assert.deepEqual(
    one(({ photo }) => ({ picture: photo }), hash),
    { picture: Buffer.from(JPEG, "latin1") },
  );
  assert.deepEqual(
    one(({ name }) => ({ name }), hash),
    { name: "Zoë" },
    "what it drops harms nobody",
  );
});

test("a transform that would end the process loses its row", () => {
  assert.match(one(() => process.exit(1), { a: "1" }) as string, /transform called process\.exit/);
});

test("a replacement character that was written as such is text", () => {
  const hash = { name: Buffer.from("a\ufffd").toString("latin1") };
  assert.deepEqual(
    one((record) => ({ ...record }), hash),
    { name: "a\ufffd" },
  );
});

test("where two binary fields look the same as text nobody can tell which one is meant", () => {
  const hash = { a: latin1(0xff), b: latin1(0xfe) };
  assert.match(one((record) => ({ ...record }), hash) as string, /no UTF-8/);
  const copy = { a: latin1(0xff), b: Buffer.from("\ufffd").toString("latin1") };
  assert.match(one(({ b }) => ({ b }), copy) as string, /no UTF-8/, "also where one of them is such a text");
  assert.deepEqual(
    one(() => ({ c: "1" }), hash),
    { c: "1" },
  );
  assert.deepEqual(
    one((record) => ({ ...record }), { a: JPEG, b: JPEG }),
    { a: Buffer.from(JPEG, "latin1"), b: Buffer.from(JPEG, "latin1") },
  );
});
