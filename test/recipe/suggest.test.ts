import assert from "node:assert/strict";
import { test } from "node:test";
import { editDistance, suggest } from "../../src/recipe/suggest.js";

test("a name that is nearly right is told from one that is not", () => {
  const names = ["host", "port", "user", "password"];
  for (const [name, meant] of [
    ["hots", "host"],
    ["Prot", "port"],
    ["usr", "user"],
    ["passwort", "password"],
    ["tls", undefined],
    ["", undefined],
  ] as const)
    assert.equal(suggest(name, names), meant, name);
});

test("letters that changed places are one mistake", () => {
  assert.equal(editDistance("ab", "ba"), 1);
  assert.equal(editDistance("hots", "host"), 1);
  assert.equal(editDistance("ca", "abc"), 3);
  assert.equal(editDistance("", "abc"), 3);
});
