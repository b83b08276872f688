/** Every type of Cassandra that can be written, at its limits, read back by the driver; and those that cannot. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cassandra } from "../../../src/connectors/cassandra.js";
import { RefusedValueError, UserError } from "../../../src/errors.js";
import { converterFor } from "../../../src/recipe/convert.js";
import { NEVER } from "../../contract/harness.js";
import type { CassandraServer } from "../../support/cassandra.js";

/** In the hash, and what the driver reads; one value where both are the same. */
const VALUES: Readonly<Record<string, readonly (string | readonly [string, string])[]>> = {
  tinyint: ["127", "-128"],
  smallint: ["32767", "-32768"],
  int: ["2147483647", "-2147483648"],
  bigint: ["9223372036854775807", "-9223372036854775808"],
  varint: ["0", "127", "128", "-128", "-129", "255", "256", "-32768", "1" + "0".repeat(99), "-" + "9".repeat(99)],
  decimal: ["0", "-0.5", "0.00000000000000000001", "123456789012345678901234567890.123456789", ["1.50", "1.5"]],
  float: ["0.5", "-1.25", "NaN", ["inf", "Infinity"], ["-inf", "-Infinity"]],
  double: ["0.1", "5e-324", "1.7976931348623157e+308", "NaN"],
  boolean: [
    ["yes", "true"],
    ["0", "false"],
  ],
  ascii: ["", "plain \u0001 text"],
  text: ["", "日本語 👍", "\u0000"],
  date: ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"],
  time: ["00:00:00", ["23:59:59.999999999", "23:59:59.999999999"], ["12:30:15.120", "12:30:15.12"]],
  timestamp: [
    ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
    ["0001-01-01 00:00:00", "0001-01-01T00:00:00.000Z"],
    ["2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00.000Z"],
  ],
  uuid: [["550E8400E29B41D4A716446655440001", "550e8400-e29b-41d4-a716-446655440001"]],
  timeuuid: ["50554d6e-29bb-11e5-b345-feff819cdc9f"],
  inet: ["127.0.0.1", "255.255.255.255", "::1", "2001:db8::ff00:42:8329", ["::ffff:192.0.2.128", "::ffff:c000:280"]],
};

const REFUSED: readonly (readonly [type: string, value: string])[] = [
  ["tinyint", "128"],
  ["ascii", "é"],
  ["time", "24:00:00"],
  ["time", "-01:00:00"],
  ["timestamp", "2024-02-29T12:00:00.1234Z"],
  ["timeuuid", "550e8400-e29b-41d4-a716-446655440000"],
  ["inet", "256.0.0.1"],
  ["inet", "fe80::1%eth0"],
  ["inet", "localhost"],
];

export function types(server: () => CassandraServer): void {
  const open = async (table: string, columns: readonly string[]) => {
    const sink = cassandra(server().url).table(table, { primaryKey: "id" }).sink({ recipe: "types", columns });
    return { sink, opened: await sink.open(NEVER) };
  };

  test("values of every type come back as they were", async (t) => {
    const columns = Object.keys(VALUES).map((type) => `"v_${type}"`);
    await server().query(
      `CREATE TABLE every_type (id int PRIMARY KEY, ${Object.keys(VALUES)
        .map((type, i) => `${columns[i]} ${type}`)
        .join(", ")})`,
    );
    const { sink, opened } = await open(
      "every_type",
      Object.keys(VALUES).map((type) => `v_${type}`),
    );
    t.after(() => sink.close());
    for (const [type, cases] of Object.entries(VALUES)) {
      const column = opened.columns.find(({ name }) => name === `v_${type}`)!;
      const convert = converterFor(column);
      const rows = cases.map((one, i) => {
        const raw = Buffer.from(typeof one === "string" ? one : one[0]).toString("latin1");
        return { id: [String(i)], values: [convert.fromBytes(raw)], offset: i };
      });
      await sink.write({ upserts: [{ columns: [column.name], rows }], deletes: [] }, [], NEVER);
      for (const [i, one] of cases.entries()) {
        const [row] = await server().query(`SELECT "v_${type}" AS v FROM every_type WHERE id = ?`, [i]);
        const value = row?.["v"] as { toString(): string };
        const shown = value instanceof Date ? value.toISOString() : value.toString();
        assert.equal(shown, typeof one === "string" ? one : one[1], type);
      }
    }
  });

  test("a value that its type cannot hold is refused before anything is written", async (t) => {
    const { sink, opened } = await open(
      "every_type",
      Object.keys(VALUES).map((type) => `v_${type}`),
    );
    t.after(() => sink.close());
    for (const [type, text] of REFUSED) {
      const column = opened.columns.find(({ name }) => name === `v_${type}`)!;
      await assert.rejects(async () => {
        const value = converterFor(column).fromBytes(Buffer.from(text).toString("latin1"));
        const rows = [
          { id: ["100"], values: [null], offset: 1 },
          { id: ["101"], values: [value], offset: 2 },
        ];
        await sink.write({ upserts: [{ columns: [column.name], rows }], deletes: [] }, [], NEVER);
      }, RefusedValueError);
    }
    assert.deepEqual(await server().query("SELECT id FROM every_type WHERE id IN (100, 101)"), []);
  });

  test("tables and columns that cannot be written say so, and why", async () => {
    const cases: readonly (readonly [cql: string, key: readonly string[], expected: RegExp])[] = [
      ["(id text PRIMARY KEY, v counter)", ["id"], /column "v" is of type counter, and counters can only be added to/],
      ["(id text PRIMARY KEY, v list<text>)", ["id"], /"v" is of type list<text>, and collections/],
      ["(id text PRIMARY KEY, v frozen<map<text, int>>)", ["id"], /frozen<map<text, int>>, and collections/],
      ["(id text PRIMARY KEY, v duration)", ["id"], /"v" is of type duration, and wbsync cannot write/],
      ["(id text, c text, v text STATIC, PRIMARY KEY (id, c))", ["id", "c"], /"v" is static/],
      ["(id text, c text, v text, PRIMARY KEY (id, c))", ["id"], /primary key \(id, c\), and the recipe names \(id\)/],
      ["(id text PRIMARY KEY, v text, c text)", ["id", "c"], /primary key \(id\), and the recipe names \(id, c\)/],
      ["(id text PRIMARY KEY, V text, w text)", ["id", "V"], /no column "V"; it has "id", "v", "w"/],
    ];
    for (const [i, [cql, primaryKey, expected]] of cases.entries()) {
      await server().query(`CREATE TABLE unfit_${i} ${cql}`);
      await assertUnfit(server(), `unfit_${i}`, primaryKey, expected);
    }
    await assertUnfit(server(), "nowhere", ["id"], /Table "nowhere" does not exist/);
    await assertUnfit(server(), "nokeyspace.persons", ["id"], /keyspace "nokeyspace" does not exist/);
  });
}

async function assertUnfit(server: CassandraServer, table: string, primaryKey: readonly string[], expected: RegExp) {
  const sink = cassandra(server.url)
    .table(table, { primaryKey })
    .sink({ recipe: "r", columns: ["v"] });
  await assert.rejects(sink.open(NEVER), (error: unknown) => {
    assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED", String(error));
    assert.match(error.message, expected);
    assert.ok(error.hint);
    assert.equal(sink.classify(error), "fatal");
    return true;
  });
  await sink.close();
}
