import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RefusedValueError } from "../../src/errors.js";
import type { Column, Kind, Value } from "../../src/model.js";
import { converterFor, type ConvertOptions } from "../../src/recipe/convert.js";

const column = (kind: Kind, type: string = kind.kind): Column => ({ name: "c", type, kind, nullable: true });
const bytes = (text: string): string => Buffer.from(text).toString("latin1");
const integer = (bits: bigint): Kind => ({ kind: "integer", min: -(1n << (bits - 1n)), max: (1n << (bits - 1n)) - 1n });
const datetime = (fraction: number, zoned = false): Kind => ({ kind: "datetime", fraction, zoned });

const REFUSED = Symbol("refused");

function attempt(convert: () => Value): Value | typeof REFUSED {
  try {
    return convert();
  } catch (error) {
    assert.ok(error instanceof RefusedValueError, String(error));
    assert.match(error.message, /^expects .+, got .+/s);
    assert.ok(error.message.length < 300, `the message has ${error.message.length} characters`);
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(error.message, /[\x00-\x1f]/);
    return REFUSED;
  }
}

type Case = readonly [given: string, expected: Value | typeof REFUSED];

function table(
  name: string,
  kind: Kind,
  cases: readonly Case[],
  options: ConvertOptions & { type_?: string } = {},
): void {
  const converter = converterFor(column(kind, options.type_), options);
  for (const [given, expected] of cases) {
    const outcome = expected === REFUSED ? "refused" : JSON.stringify(expected);
    test(`${name}: ${JSON.stringify(given.slice(0, 50))} is ${outcome}`, () => {
      assert.deepEqual(
        attempt(() => converter.fromBytes(bytes(given))),
        expected,
      );
      // The same text from a transform means the same, where it is text at all.
      assert.deepEqual(
        attempt(() => converter.fromUnknown(given)),
        expected,
      );
    });
  }
}

describe("whole numbers", () => {
  table("int", integer(32n), [
    ["0", "0"],
    ["7", "7"],
    ["007", "7"],
    ["+7", "7"],
    ["-7", "-7"],
    ["-0", "0"],
    ["7.0", "7"],
    ["7e0", "7"],
    ["70e-1", "7"],
    ["2147483647", "2147483647"],
    ["2147483648", REFUSED],
    ["-2147483648", "-2147483648"],
    ["-2147483649", REFUSED],
    ["99999999999999999999999", REFUSED],
    ["7.5", REFUSED],
    ["", REFUSED],
    [" 7", REFUSED],
    ["7 ", REFUSED],
    ["abc", REFUSED],
    ["0x10", REFUSED],
    ["1_000", REFUSED],
    ["-", REFUSED],
    [".", REFUSED],
    ["1e9999", REFUSED],
    ["٣", REFUSED],
    ["9".repeat(100_000), REFUSED],
    ["true", REFUSED],
  ]);
  table("bigint", integer(64n), [
    ["9223372036854775807", "9223372036854775807"],
    ["9223372036854775808", REFUSED],
    ["-9223372036854775808", "-9223372036854775808"],
    ["-9223372036854775809", REFUSED],
    ["9007199254740993", "9007199254740993"],
    ["999999999999999", "999999999999999"],
    ["1000000000000000", "1000000000000000"],
    ["-999999999999999", "-999999999999999"],
  ]);
  table("bigint unsigned", { kind: "integer", min: 0n, max: 2n ** 64n - 1n }, [
    ["18446744073709551615", "18446744073709551615"],
    ["18446744073709551616", REFUSED],
    ["-1", REFUSED],
    ["-0", "0"],
  ]);
  table(
    "MySQL's boolean",
    integer(8n),
    [
      ["true", "1"],
      ["false", "0"],
      ["yes", "1"],
      ["-3", "-3"],
      ["maybe", REFUSED],
    ],
    {
      type_: "tinyint(1)",
    },
  );
  table(
    "key",
    integer(64n),
    [
      ["7", "7"],
      ["-7", "-7"],
      ["007", REFUSED],
      ["+7", REFUSED],
      ["-0", REFUSED],
      ["7.0", REFUSED],
      ["0", "0"],
    ],
    {
      isKey: true,
    },
  );
});

describe("decimals", () => {
  table("decimal(10,2)", { kind: "decimal", precision: 10, scale: 2 }, [
    ["1.5", "1.5"],
    ["1.50", "1.5"],
    ["1.5000000", "1.5"],
    ["1.505", REFUSED],
    ["0012.30", "12.3"],
    ["-0.00", "0"],
    ["-.5", "-0.5"],
    ["5.", "5"],
    ["12345678.99", "12345678.99"],
    ["123456789", REFUSED],
    ["1.2e3", "1200"],
    ["12e-1", "1.2"],
    ["1e-3", REFUSED],
    ["NaN", REFUSED],
    ["1,5", REFUSED],
    ["", REFUSED],
  ]);
  table("decimal(4,4)", { kind: "decimal", precision: 4, scale: 4 }, [
    ["0.1234", "0.1234"],
    ["1", REFUSED],
    ["0", "0"],
  ]);
  table("unsigned decimal", { kind: "decimal", precision: 5, scale: 1, unsigned: true }, [
    ["-1", REFUSED],
    ["-0", "0"],
    ["1", "1"],
  ]);
  table("numeric without limits", { kind: "decimal" }, [
    [
      "123456789012345678901234567890.123456789012345678901234567890",
      "123456789012345678901234567890.12345678901234567890123456789",
    ],
    ["1e20", "100000000000000000000"],
    ["1e-5", "0.00001"],
    ["1e9999", REFUSED],
  ]);
});

describe("floats", () => {
  table("double", { kind: "float", bits: 64 }, [
    ["0.1", "0.1"],
    ["3", "3"],
    ["-0", "0"],
    ["1e5", "100000"],
    ["1e400", REFUSED],
    ["1e-400", REFUSED],
    ["0e-400", "0"],
    ["0.30000000000000004", "0.30000000000000004"],
    ["0.333333333333333333333", "0.3333333333333333"],
    ["9007199254740992", "9007199254740992"],
    ["9007199254740993", REFUSED],
    ["NaN", REFUSED],
    ["Infinity", REFUSED],
    ["inf", REFUSED],
    ["0x10", REFUSED],
    ["", REFUSED],
    [".", REFUSED],
    ["1.2.3", REFUSED],
  ]);
  table("float", { kind: "float", bits: 32 }, [
    ["0.1", "0.1"],
    ["16777216", "16777216"],
    ["16777217", REFUSED],
    ["1e39", REFUSED],
    ["1e-50", REFUSED],
  ]);
  table("float with NaN", { kind: "float", bits: 64, special: true }, [
    ["NaN", "NaN"],
    ["-inf", "-Infinity"],
    ["Infinity", "Infinity"],
    ["nope", REFUSED],
  ]);
});

describe("truth", () => {
  table("boolean", { kind: "boolean" }, [
    ["true", "1"],
    ["TRUE", "1"],
    ["t", "1"],
    ["yes", "1"],
    ["1", "1"],
    ["false", "0"],
    ["F", "0"],
    ["no", "0"],
    ["0", "0"],
    ["2", REFUSED],
    ["", REFUSED],
    ["truely", REFUSED],
  ]);
});

describe("texts", () => {
  table("varchar(5)", { kind: "text", maxChars: 5 }, [
    ["", ""],
    ["hello", "hello"],
    ["hello ", REFUSED],
    ["héllo", "héllo"],
    ["👍👍👍👍👍", "👍👍👍👍👍"],
    ["👍👍👍👍👍👍", REFUSED],
    ["NULL", "NULL"],
    ["a\u0000b", "a\u0000b"],
  ]);
  table("text of 10 bytes", { kind: "text", maxBytes: 10 }, [
    ["0123456789", "0123456789"],
    ["0123456789a", REFUSED],
    ["ééééé", "ééééé"],
    ["éééééé", REFUSED],
  ]);

  test("bytes that are not UTF-8 are refused, and not shown", () => {
    const { fromBytes } = converterFor(column({ kind: "text" }));
    for (const raw of ["\xff\xfe", "\xc3", "\xed\xa0\x80", "\xc0\x80"]) {
      assert.throws(() => fromBytes(raw), {
        message: `expects text in UTF-8, got ${raw.length} bytes that are not text`,
      });
    }
    assert.equal(fromBytes(bytes("\ufeffx")), "\ufeffx");
  });

  test("half a surrogate pair from a transform is refused", () => {
    const { fromUnknown } = converterFor(column({ kind: "text" }));
    assert.throws(() => fromUnknown("a\ud800"), RefusedValueError);
    assert.equal(fromUnknown("a😀"), "a😀");
  });

  test("a refusal shows no more than forty characters", () => {
    const { fromBytes } = converterFor(column(integer(32n)));
    assert.throws(
      () => fromBytes("x".repeat(1_000_000)),
      (error: Error) =>
        error.message.length < 150 && error.message.includes(`"${"x".repeat(40)}"… (1000000 characters)`),
    );
  });
});

describe("bytes", () => {
  test("a binary column takes any bytes, up to its length", () => {
    const { fromBytes, fromUnknown } = converterFor(column({ kind: "binary", maxBytes: 4 }));
    assert.deepEqual(fromBytes("\x00\xff\x80a"), Buffer.from([0, 255, 128, 97]));
    assert.deepEqual(fromUnknown(new Uint8Array([1, 2])), Buffer.from([1, 2]));
    assert.deepEqual(fromUnknown("é"), Buffer.from("é"));
    assert.throws(() => fromBytes("12345"), { message: "expects at most 4 bytes, got 5" });
  });

  test("a uuid fits into BINARY(16) where the mapping says so", () => {
    const converter = converterFor(column({ kind: "binary", maxBytes: 16 }), { type: "uuid" });
    const expected = Buffer.from("550e8400e29b41d4a716446655440000", "hex");
    assert.deepEqual(converter.fromBytes("550E8400-E29B-41D4-A716-446655440000"), expected);
    assert.deepEqual(converter.fromUnknown("550e8400e29b41d4a716446655440000"), expected);
  });
});

describe("dates and times", () => {
  table("date", { kind: "date" }, [
    ["2024-02-29", "2024-02-29"],
    ["2023-02-29", REFUSED],
    ["1900-02-29", REFUSED],
    ["2000-02-29", "2000-02-29"],
    ["2024-04-31", REFUSED],
    ["2024-13-01", REFUSED],
    ["0000-01-01", REFUSED],
    ["2024-2-9", REFUSED],
    ["2024-02-29T00:00:00Z", "2024-02-29"],
    ["2024-02-29 10:00:00", REFUSED],
    ["29.02.2024", REFUSED],
    ["", REFUSED],
  ]);
  table("datetime(3)", datetime(3), [
    ["2024-02-29 10:11:12", "2024-02-29 10:11:12"],
    ["2024-02-29T10:11:12Z", "2024-02-29 10:11:12"],
    ["2024-02-29T10:11:12+02:00", "2024-02-29 08:11:12"],
    ["2024-02-29T10:11:12-0530", "2024-02-29 15:41:12"],
    ["2024-02-29 10:11:12 +02", "2024-02-29 08:11:12"],
    ["2024-01-01T00:30:00+01:00", "2023-12-31 23:30:00"],
    ["2024-02-29 10:11:12.5", "2024-02-29 10:11:12.5"],
    ["2024-02-29 10:11:12.123", "2024-02-29 10:11:12.123"],
    ["2024-02-29 10:11:12.123000", "2024-02-29 10:11:12.123"],
    ["2024-02-29 10:11:12.1234", REFUSED],
    ["2024-02-29 10:11", "2024-02-29 10:11:00"],
    ["2024-02-29", "2024-02-29 00:00:00"],
    ["0050-01-01T00:00:00+01:00", "0049-12-31 23:00:00"],
    ["0001-01-01T00:00:00+01:00", REFUSED],
    ["9999-12-31T23:30:00-01:00", REFUSED],
    ["2024-02-29 24:00:00", REFUSED],
    ["2024-02-29 10:60:00", REFUSED],
    ["2024-02-29 10:00:60", REFUSED],
    ["2024-02-30 10:00:00", REFUSED],
    ["1709200000", REFUSED],
    ["now", REFUSED],
    ["2024-02-29T10:11:12+25:00", REFUSED],
  ]);
  table("timestamptz", datetime(6, true), [
    ["2024-02-29 10:11:12.123456", "2024-02-29 10:11:12.123456"],
    ["2024-02-29T12:00:00+02:00", "2024-02-29 10:00:00"],
  ]);
  table("time(1)", { kind: "time", fraction: 1 }, [
    ["23:59:59", "23:59:59"],
    ["9:05", "09:05:00"],
    ["23:59:59.5", "23:59:59.5"],
    ["23:59:59.55", REFUSED],
    ["-838:59:59", "-838:59:59"],
    ["23:60:00", REFUSED],
    ["noon", REFUSED],
  ]);

  test("a Date is the moment it stands for", () => {
    const at = new Date("2024-02-29T10:11:12.120Z");
    assert.equal(converterFor(column(datetime(3))).fromUnknown(at), "2024-02-29 10:11:12.12");
    assert.equal(converterFor(column(datetime(3, true))).fromUnknown(at), "2024-02-29 10:11:12.12");
    assert.equal(converterFor(column({ kind: "text" })).fromUnknown(at), "2024-02-29T10:11:12.120Z");
    assert.throws(() => converterFor(column(datetime(0))).fromUnknown(at), RefusedValueError);
    assert.throws(() => converterFor(column(datetime(0))).fromUnknown(new Date(NaN)), RefusedValueError);
  });
});

describe("JSON and uuids", () => {
  table("json", { kind: "json" }, [
    ['{"a": 1}', '{"a": 1}'],
    ["1", "1"],
    ['"é"', '"é"'],
    ["12345678901234567890", "12345678901234567890"],
    ["{a: 1}", REFUSED],
    ["", REFUSED],
    [`${"[".repeat(1000)}${"]".repeat(1000)}`, `${"[".repeat(1000)}${"]".repeat(1000)}`],
    [`${"[".repeat(1001)}${"]".repeat(1001)}`, REFUSED],
    [`["${"x".repeat(12_000_000)}"]`, `["${"x".repeat(12_000_000)}"]`],
    [`"${'\\"'.repeat(100_000)}`, REFUSED],
    [`["${"[".repeat(2000)}\\"["]`, `["${"[".repeat(2000)}\\"["]`],
  ]);
  const uuid = "550e8400-e29b-41d4-a716-446655440000";
  table("uuid", { kind: "uuid" }, [
    [uuid, uuid],
    [uuid.toUpperCase(), uuid],
    [uuid.replaceAll("-", ""), uuid],
    [`{${uuid}}`, uuid],
    [`urn:uuid:${uuid}`, uuid],
    [`{${uuid}`, REFUSED],
    [uuid.slice(1), REFUSED],
    ["", REFUSED],
  ]);
  table("uuid key", { kind: "uuid" }, [[uuid.toUpperCase(), uuid]], { isKey: true });
});

describe("what a transform may return", () => {
  const cases: readonly (readonly [Kind, unknown, Value | typeof REFUSED])[] = [
    [integer(32n), 7, "7"],
    [integer(32n), 7n, "7"],
    [integer(32n), -0, "0"],
    [integer(32n), true, "1"],
    [integer(32n), 7.5, REFUSED],
    [integer(64n), 2 ** 53, REFUSED],
    [integer(64n), 2n ** 62n, "4611686018427387904"],
    [integer(32n), NaN, REFUSED],
    [integer(32n), Infinity, REFUSED],
    [integer(32n), new Date(0), REFUSED],
    [integer(32n), { a: 1 }, REFUSED],
    [integer(32n), () => 1, REFUSED],
    [integer(32n), Symbol("x"), REFUSED],
    [integer(32n), null, null],
    [integer(32n), undefined, null],
    [{ kind: "decimal", precision: 10, scale: 2 }, 1.1, "1.1"],
    [{ kind: "decimal", precision: 10, scale: 2 }, 0.1 + 0.2, REFUSED],
    [{ kind: "decimal" }, 1e21, "1000000000000000000000"],
    [{ kind: "float", bits: 64 }, 0.1 + 0.2, "0.30000000000000004"],
    [{ kind: "float", bits: 64 }, NaN, REFUSED],
    [{ kind: "float", bits: 64, special: true }, NaN, "NaN"],
    [{ kind: "boolean" }, false, "0"],
    [{ kind: "boolean" }, 1, "1"],
    [{ kind: "text" }, 1.5, "1.5"],
    [{ kind: "text" }, true, "true"],
    [{ kind: "text" }, [1, "a"], '[1,"a"]'],
    [{ kind: "text" }, Buffer.from("é"), "é"],
    [{ kind: "text" }, Buffer.from([255]), REFUSED],
    [{ kind: "json" }, { a: [1, null] }, '{"a":[1,null]}'],
    [{ kind: "json" }, { a: 1n }, REFUSED],
    [{ kind: "json" }, false, "false"],
    [{ kind: "json" }, new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ kind: "json" }, "not json", REFUSED],
    [datetime(0), 1709200000, REFUSED],
    [{ kind: "other" }, 5, "5"],
  ];
  for (const [kind, given, expected] of cases) {
    const outcome = expected === REFUSED ? "refused" : String(expected);
    test(`${typeof given} ${typeof given === "symbol" ? "" : JSON.stringify(given, (_, v: unknown) => (typeof v === "bigint" ? `${v}n` : v))} in ${kind.kind} is ${outcome}`, () => {
      assert.deepEqual(
        attempt(() => converterFor(column(kind)).fromUnknown(given)),
        expected,
      );
    });
  }

  test("a part of the primary key cannot be NULL", () => {
    for (const kind of [integer(32n), { kind: "text" }, { kind: "binary" }] as const) {
      assert.throws(() => converterFor(column(kind), { isKey: true }).fromUnknown(null), RefusedValueError);
    }
  });
});

describe("a mapping's own type", () => {
  table(
    "integer in a text column",
    { kind: "text", maxChars: 5 },
    [
      ["007", "7"],
      ["abc", REFUSED],
      ["123456", REFUSED],
    ],
    { type: "integer" },
  );
  table(
    "truth in an integer column",
    integer(16n),
    [
      ["yes", "1"],
      ["7", REFUSED],
    ],
    { type: "boolean" },
  );
  table(
    "JSON in a text column",
    { kind: "text" },
    [
      ['{"a":1}', '{"a":1}'],
      ["{", REFUSED],
    ],
    { type: "json" },
  );
  table(
    "a moment in a text column",
    { kind: "text" },
    [
      ["2024-02-29T12:00:00+02:00", "2024-02-29 10:00:00"],
      ["soon", REFUSED],
    ],
    {
      type: "datetime",
    },
  );
  table(
    "a uuid in a text column",
    { kind: "text", maxChars: 36 },
    [["550E8400E29B41D4A716446655440000", "550e8400-e29b-41d4-a716-446655440000"]],
    {
      type: "uuid",
    },
  );
});
