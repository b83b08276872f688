/** How names of keys, tables, fields and columns are held against one another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isPartOf, isSameName, recipeName, singular, tableResemblance } from "../../src/cli/init/names.js";

test("singular undoes the usual plurals, and leaves other words alone", () => {
  const words = { persons: "person", categories: "category", boxes: "box", addresses: "address", address: "address" };
  for (const [plural, one] of Object.entries(words)) assert.equal(singular(plural), one);
});

test("names are the same whatever joins their words", () => {
  for (const other of ["firstName", "FIRST_NAME", "first-name", "firstname"])
    assert.ok(isSameName("first_name", other), other);
  assert.ok(!isSameName("first_name", "first"));
});

test("a prefix resembles a table by its singular, or by the end of its name", () => {
  const cases: readonly (readonly [string, string, number])[] = [
    ["person", "persons", 1],
    ["orderLine", "order_lines", 1],
    ["category", "categories", 1],
    ["person", "app_persons", 0.5],
    ["person", "orders", 0],
  ];
  for (const [prefix, table, resemblance] of cases) assert.equal(tableResemblance(prefix, table), resemblance, table);
});

test("a name is part of another when all its words are in it", () => {
  assert.ok(isPartOf("first", "first_name"));
  assert.ok(isPartOf("first_name", "first"));
  assert.ok(!isPartOf("age", "page"));
});

test("a recipe is named after its table", () => {
  assert.equal(recipeName("order_lines"), "OrderLinesWriteBehind");
});
