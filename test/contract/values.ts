/** Values of every common type, at their limits, come back as they were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Value } from "../../src/model.js";
import { Fixture, type Harness, type PortableType } from "./harness.js";

/** The least number above zero. */
const DENORMAL = "5e-324";

/** Bytes in the hash, and the canonical value that the table has to hold; one value where both are the same. */
const VALUES: readonly (readonly [PortableType, readonly (string | readonly [string, string])[]])[] = [
  ["int32", ["0", "-1", "2147483647", "-2147483648", ["007", "7"]]],
  ["int64", ["9223372036854775807", "-9223372036854775808", "9007199254740993"]],
  ["decimal(20,4)", ["0", "-0.0001", ["1.5000", "1.5"], "12345678901.0001"]],
  ["double", ["0.1", "-2.5", "3.141592653589793", "1e+300", DENORMAL, "9007199254740992", "0.30000000000000004"]],
  ["boolean", ["1", "0", ["true", "1"], ["no", "0"]]],
  [
    "varchar(20)",
    [
      "",
      " a ",
      "NULL",
      "null",
      "'",
      '"',
      "\\",
      "\\x41",
      "{}",
      "a,b",
      "%_",
      "ÄÖÜß",
      "日本語のテキスト",
      "👩‍👩‍👧‍👦",
      "12345678901234567890",
    ],
  ],
  ["text", ["line\nline\r\n\ttab", "'; DROP TABLE x; --", '{"a","b"}', "?", "$1", "\u0001\u001f", "\u{10ffff}"]],
  ["date", ["2024-02-29", "1970-01-01", "9999-12-31", "1000-01-01"]],
  ["time(3)", ["00:00:00", "23:59:59", ["12:30:15.120", "12:30:15.12"]]],
  [
    "datetime(3)",
    [
      "2024-02-29 23:59:59",
      ["2024-02-29T23:59:59.123Z", "2024-02-29 23:59:59.123"],
      ["2024-01-01T00:30:00+01:00", "2023-12-31 23:30:00"],
    ],
  ],
  [
    "datetime(3) zoned",
    ["2024-03-31 02:30:00", ["2024-02-29T23:59:59.5-05:00", "2024-03-01 04:59:59.5"], "2000-01-01 00:00:00"],
  ],
  ["json", ['{"a": [1, 2.5, null, true, "é👍"]}', "[]", '"text"', "42", "null"]],
  [
    "uuid",
    [
      "550e8400-e29b-41d4-a716-446655440000",
      ["550E8400E29B41D4A716446655440001", "550e8400-e29b-41d4-a716-446655440001"],
    ],
  ],
];

export function values(harness: () => Harness): void {
  for (const [type, all] of VALUES) {
    test(`values of type ${type} come back as they were`, async (t) => {
      if (harness().lacks?.includes(type)) return t.skip("this server does not have the type");
      const table = await Fixture.open(t, harness(), {
        columns: [
          ["id", "int32"],
          ["value", type],
        ],
        primaryKey: ["id"],
      });
      const cases = all.filter((value) => value !== DENORMAL || harness().capabilities.denormals !== false);
      const given = cases.map((value) => (typeof value === "string" ? value : value[0]));
      const expected: readonly Value[] = cases.map((value) => (typeof value === "string" ? value : value[1]));
      await table.set(...given.map((value, i) => ({ id: String(i), value })), {
        id: String(given.length),
        value: null,
      });
      const stored = (await table.rows()).map(({ value }) => value ?? null);
      const same =
        type === "json"
          ? (value: Value) => (value === null ? null : JSON.stringify(JSON.parse(String(value))))
          : (value: Value) => value;
      const held = expected.map((value) => table.storedValue(value));
      const shown = table.harness.capabilities.emptyRows === false ? held : [...held, null];
      assert.deepEqual(stored.map(same), shown.map(same));
    });
  }

  test("binary values come back byte for byte", async (t) => {
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["id", "int32"],
        ["value", "binary"],
      ],
      primaryKey: ["id"],
    });
    const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const cases = [Buffer.alloc(0), every, Buffer.from([0]), Buffer.from("\\x41"), Buffer.from([0xff, 0xfe, 0x00])];
    await table.set(...cases.map((value, i) => ({ id: String(i), value })));
    assert.deepEqual(
      (await table.rows()).map(({ value }) => value),
      cases.map((value) => table.storedValue(value)),
    );
  });

  test("every kind of key finds its row again", async (t) => {
    const keys: readonly (readonly [PortableType, readonly (string | Buffer)[]])[] = [
      ["varchar(20)", ["a", "b'c", "é", "x:y {z}", "1"]],
      ["decimal(20,4)", ["1", "1.5", "1.0001"]],
      ["uuid", ["550e8400-e29b-41d4-a716-446655440000", "550e8400-e29b-41d4-a716-446655440001"]],
      ["date", ["2024-02-29", "2024-03-01"]],
      ["datetime(3)", ["2024-02-29 10:00:00", "2024-02-29 10:00:00.5", "2024-02-29 10:00:00.501"]],
      ["boolean", ["1", "0"]],
    ];
    for (const [type, given] of keys.filter(([one]) => !harness().lacks?.includes(one))) {
      const table = await Fixture.open(t, harness(), {
        columns: [
          ["id", type],
          ["value", "int32"],
        ],
        primaryKey: ["id"],
      });
      // Where a day is a moment, its canonical spelling says so.
      const isMoment = type === "date" && table.column("id").kind.kind === "datetime";
      const ids = isMoment ? given.map((id) => `${String(id)} 00:00:00`) : given;
      await table.set(...ids.map((id, i) => ({ id, value: String(i) })));
      await table.set(...ids.map((id, i) => ({ id, value: String(i + 10) })));
      assert.deepEqual(
        (await table.rows()).map(({ value }) => value).sort(),
        ids.map((_, i) => String(i + 10)).sort(),
        type,
      );
      if (table.sink.keys) assert.deepEqual((await table.keys(2)).sort(), ids.map(String).sort(), `${type} is listed`);
      await table.write(table.batch([], [{ id: ids[1]! }]));
      assert.equal((await table.rows()).length, ids.length - 1, `${type}: one row of ${ids.length} is deleted`);
      await table.write(
        table.batch(
          [],
          ids.map((id) => ({ id })),
        ),
      );
      assert.deepEqual(await table.rows(), [], type);
    }
  });

  test("values of one megabyte come back as they were, many in one batch", async (t) => {
    const table = await Fixture.open(t, harness(), {
      columns: [
        ["id", "int32"],
        ["text", "text"],
        ["bytes", "binary"],
      ],
      primaryKey: ["id"],
    });
    const text = "0123456789abcdé\n".repeat(60_000);
    const bytes = Buffer.alloc(1 << 20, "\u0000\u00ff\\'\"");
    await table.set(...Array.from({ length: 12 }, (_, i) => ({ id: String(i), text, bytes })));
    const stored = await table.rows();
    assert.equal(stored.length, 12);
    assert.ok(stored.every((row) => row.text === text && Buffer.isBuffer(row.bytes) && row.bytes.equals(bytes)));
  });
}
