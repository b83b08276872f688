import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector } from "../../src/connectors/connector.js";
import { UserError } from "../../src/errors.js";
import { isRecipe, writeBehind, writeThrough } from "../../src/recipe/define.js";
import type { WriteBehindOptions } from "../../src/recipe/options.js";

const table: Connector = {
  kind: "none",
  table: "persons",
  primaryKey: ["id"],
  sink: () => assert.fail("a recipe opens no connection when it is defined"),
};
const good: WriteBehindOptions = {
  name: "Persons",
  version: "1.0.0",
  keysPrefix: "person",
  connector: table,
  mappings: { first_name: "first", age: { column: "age", type: "integer", default: 0 } },
};

/** The message of the error that these options cause. */
function refusal(changes: Record<string, unknown>, define: (options: never) => unknown = writeBehind): string {
  try {
    define({ ...good, ...changes } as never);
  } catch (error) {
    assert.ok(error instanceof UserError);
    assert.equal(error.code, "RECIPE_INVALID");
    return error.message;
  }
  return assert.fail("the options were accepted");
}

test("a recipe has the documented defaults and its mappings in one form", () => {
  const { connector, ...recipe } = writeBehind(good);
  assert.equal(connector, table);
  assert.deepEqual(recipe, {
    mode: "write-behind",
    name: "Persons",
    version: "1.0.0",
    keysPrefix: "person",
    mappings: [
      { field: "first_name", column: "first" },
      { field: "age", column: "age", type: "integer", default: 0 },
    ],
    transform: undefined,
    batch: 1000,
    duration: 10,
    partitions: 4,
    snapshot: "initial",
    onError: "dead-letter",
    onDelete: "delete",
    onExpire: "keep",
    onEvict: "keep",
    onFlush: "keep",
    onUncertainDelete: "keep",
    maxDeletesPerMinute: 10_000,
  });
});

test("a write-through recipe waits five seconds for the database unless told otherwise", () => {
  assert.equal(writeThrough({ ...good, keysPrefix: "__" }).timeout, 5000);
  assert.equal(writeThrough({ ...good, keysPrefix: "__", timeout: 50 }).timeout, 50);
});

test("a connector may have other defaults, which the recipe's own options override", () => {
  const connector = { ...table, defaults: { batch: 50_000, duration: 10_000, partitions: 1, timeout: 60_000 } };
  const { batch, duration, partitions } = writeBehind({ ...good, connector, duration: 500 });
  assert.deepEqual({ batch, duration, partitions }, { batch: 50_000, duration: 500, partitions: 1 });
  assert.equal(writeThrough({ ...good, connector, keysPrefix: "__" }).timeout, 60_000);
  assert.match(refusal({ connector: { ...table, defaults: { batch: 0 } } }), /option "batch" must be an integer/);
});

test("a recipe is recognised by its brand, and nothing else is", () => {
  assert.ok(isRecipe(writeBehind(good)));
  for (const other of [undefined, null, 1, "recipe", {}, good, { ...writeBehind(good) }]) assert.ok(!isRecipe(other));
});

test("an option that is undefined counts as not given", () => {
  assert.equal(writeBehind({ ...good, batch: undefined, transform: undefined }).batch, 1000);
});

const refused: readonly [Record<string, unknown>, RegExp][] = [
  [{ name: "" }, /option "name" must be a text that is not empty, got ""/],
  [{ name: 7 }, /option "name" must be a text that is not empty, got 7/],
  [{ name: "a\nb" }, /control characters/],
  [{ name: "--all" }, /begin with "-"/],
  [{ name: "x".repeat(129) }, /at most 128 characters/],
  [{ version: "1.0" }, /option "version" must be a semantic version like "1.0.0", got "1.0"/],
  [{ version: "v1.0.0" }, /semantic version/],
  [{ version: undefined }, /option "version" must be a semantic version like "1.0.0", got nothing/],
  [{ keysPrefix: "" }, /option "keysPrefix" must be a text that is not empty/],
  [{ keysPrefix: "person:" }, /a colon, which is added: write "person"/],
  [{ keysPrefix: "person:*" }, /is not a pattern: write "person"/],
  [{ keysPrefix: "wbsync:recipes" }, /wbsync's own/],
  [{ connector: undefined }, /option "connector" must be a table/],
  [{ connector: { table: () => table } }, /must be a table, not a database: add \.table\(/],
  [{ connector: { ...table, primaryKey: [] } }, /option "connector" must be a table/],
  [{ batch: 0 }, /option "batch" must be an integer from 1 to 100000, got 0/],
  [{ batch: 100_001 }, /got 100001/],
  [{ batch: 1.5 }, /got 1\.5/],
  [{ batch: "1000" }, /got "1000"/],
  [{ duration: -1 }, /option "duration" must be an integer from 0 to 60000, got -1/],
  [{ duration: 60_001 }, /duration/],
  [{ partitions: 65 }, /option "partitions" must be an integer from 1 to 64, got 65/],
  [{ snapshot: "always" }, /option "snapshot" must be "initial" or "never", got "always"/],
  [{ onError: null }, /option "onError" must be "dead-letter" or "halt", got null/],
  [{ onExpire: true }, /option "onExpire" must be "delete" or "keep", got true/],
  [{ maxDeletesPerMinute: -1 }, /option "maxDeletesPerMinute" must be an integer, 0 or more, or Infinity, got -1/],
  [{ transform: "upper" }, /option "transform" must be a function/],
  [{ transform: async () => ({}) }, /option "transform" must be a synchronous function/],
  [{ keyPrefix: "person" }, /option "keyPrefix" is unknown, got "person": did you mean "keysPrefix"\?$/],
  [{ timeout: 5000 }, /option "timeout" is unknown, got 5000: the options are name, version, .*, mappings\.$/],
  [{ mappings: undefined }, /option "mappings" must be an object like .*, got nothing/],
  [{ mappings: [] }, /option "mappings" must be an object like .*, got an array of 0/],
  [{ mappings: {} }, /option "mappings" must name at least one field/],
  [{ mappings: { a: "" } }, /field "a" must be a column's name or/],
  [{ mappings: { a: { column: "x", type: "int" } } }, /field "a": "type" must be one of/],
  [{ mappings: { a: { colunm: "x" } } }, /field "a" has an unknown key "colunm": did you mean "column"\?/],
  [{ mappings: { a: { column: "x", typ: "date" } } }, /has an unknown key "typ": did you mean "type"\?$/],
  [{ mappings: { a: { column: "x", type: "varchar" } } }, /"type" must be one of integer, .*, got "varchar"/],
  [{ mappings: { a: { column: "x", default: Number.NaN } } }, /"default" must be .*, got NaN/],
  [{ mappings: { a: "x", b: "x" } }, /the fields "a" and "b" are both mapped to column "x"/],
  [{ mappings: { a: "id" } }, /field "a" is mapped to "id", which is in the primary key/],
  [{ mappings: { "#": "op" } }, /field "#" is not a value/],
];

for (const [changes, message] of refused) {
  test(`a recipe is refused with ${message.source}`, () => {
    assert.match(refusal(changes), message);
    assert.match(refusal(changes), /^(Recipe "|writeBehind\(…\))/);
  });
}

test("a write-through prefix holds no braces", () => {
  assert.match(refusal({ keysPrefix: "__{" }, writeThrough), /must not contain braces/);
});

test("all problems of a recipe come in one error", () => {
  const message = refusal({ batch: 0, partitions: 0, mapings: {}, mappings: {} });
  assert.match(message, /^Recipe "Persons" has 4 problems:\n/);
  for (const part of ['"batch"', '"partitions"', 'did you mean "mappings"', "at least one field"]) {
    assert.ok(message.includes(part), part);
  }
});

test("a refusal shows no value of an object, which may be a password", () => {
  assert.doesNotMatch(refusal({ connector: { user: "u", password: "hunter2" } }), /hunter2/);
  assert.match(refusal({ password: "hunter2" }), /option "password" is unknown, got \[secret\]:/);
});

test("a wrong option is a compile error", () => {
  const misuse = (): void => {
    // @ts-expect-error an option that does not exist
    writeBehind({ ...good, keyPrefix: "x" });
    // @ts-expect-error a word that is not allowed
    writeBehind({ ...good, snapshot: "always" });
    // @ts-expect-error a number as text
    writeBehind({ ...good, batch: "1000" });
    // @ts-expect-error a type that does not exist
    writeBehind({ ...good, mappings: { a: { column: "a", type: "varchar" } } });
    // @ts-expect-error an asynchronous transform
    writeBehind({ ...good, transform: async () => ({}) });
    // @ts-expect-error write-through has no batches
    writeThrough({ ...good, batch: 10 });
  };
  assert.equal(typeof misuse, "function");
});
