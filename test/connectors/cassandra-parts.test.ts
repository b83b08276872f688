/** The parts of the Cassandra connector that need no server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { types } from "cassandra-driver";
import { cassandra } from "../../src/connectors/cassandra.js";
import * as encode from "../../src/connectors/cassandra/encode.js";
import { classifyCassandra } from "../../src/connectors/cassandra/errors.js";
import { keyPart } from "../../src/connectors/cassandra/keys.js";
import { resolveCluster } from "../../src/connectors/cassandra/options.js";
import { requestsOf, type Request } from "../../src/connectors/cassandra/requests.js";
import { sendAll } from "../../src/connectors/cassandra/send.js";
import { Turns } from "../../src/connectors/cassandra/turns.js";
import { verifyTable } from "../../src/connectors/cassandra/verify.js";
import { tableReference } from "../../src/connectors/sql/table.js";
import { RefusedValueError, UserError } from "../../src/errors.js";

test("numbers and dates become the bytes that the driver would send", () => {
  for (const text of ["0", "1", "-1", "127", "128", "-128", "-129", "32767", "8388607", "-8388609", "9".repeat(40)]) {
    assert.deepEqual(encode.encodeVarint(text), types.Integer.toBuffer(types.Integer.fromString(text)), text);
  }
  for (const text of ["0", "1.5", "-0.001", "123456789012345678901234567890.5"]) {
    assert.deepEqual(encode.encodeDecimal(text), types.BigDecimal.toBuffer(types.BigDecimal.fromString(text)), text);
  }
  for (const text of ["0001-01-01", "1969-12-31", "1970-01-01", "2024-02-29", "9999-12-31"]) {
    assert.deepEqual(encode.encodeDate(text), types.LocalDate.fromString(text).toBuffer(), text);
  }
  for (const text of ["00:00:00", "23:59:59.999999999", "12:30:15.12"]) {
    assert.deepEqual(encode.encodeTime(text), types.LocalTime.fromString(text).toBuffer(), text);
  }
  for (const text of [
    "127.0.0.1",
    "::",
    "::1",
    "1::",
    "2001:db8::ff00:42:8329",
    "1:2:3:4:5:6:7:8",
    "::ffff:192.0.2.128",
  ]) {
    assert.deepEqual(encode.encodeInet(text), types.InetAddress.fromString(text).getBuffer(), text);
  }
  const long = "-9223372036854775808";
  assert.deepEqual(encode.integerEncoder(8)(long), Buffer.from(types.Long.fromString(long).toBytesBE()));
});

test("options come from a URL, from an object, or from both; wrong ones are named", async () => {
  const url = "cassandra://app:p%40ss@one,two:9999/shop?localDataCenter=dc1&consistency=one";
  const cluster = await resolveCluster({ url, password: () => "fresh", keyspace: Promise.resolve("other") });
  assert.deepEqual(cluster.contactPoints, ["one", "two"]);
  assert.deepEqual(
    [cluster.port, cluster.localDataCenter, cluster.keyspace, cluster.user, cluster.password, cluster.consistency],
    [9999, "dc1", "other", "app", "fresh", "ONE"],
  );
  assert.equal(cluster.address, "one:9999, two:9999");
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [{ contactPoints: "a" }, /localDataCenter is missing/],
    [{ localDataCenter: "dc1" }, /contactPoints is missing/],
    [{ contactPoints: "a", localDataCenter: "dc1", pasword: "x" }, /unknown option "pasword"/],
    ["mysql://a/b", /begins with cassandra:\/\/, got mysql:/],
    [undefined, /expected options or a URL/],
  ];
  for (const [options, expected] of wrong) {
    assert.throws(
      () => cassandra(options as string),
      (error: unknown) => error instanceof UserError && expected.test(error.message),
    );
  }
  for (const [options, expected] of [
    [{ contactPoints: [], localDataCenter: "dc1" }, /contactPoints/],
    [{ contactPoints: ["a"], localDataCenter: "dc1", port: 70_000 }, /port: expected a whole number/],
    [{ contactPoints: ["a"], localDataCenter: "dc1", consistency: "SOME" as "ONE" }, /consistency: expected one of/],
  ] as const) {
    await assert.rejects(
      resolveCluster(options),
      (error: unknown) => error instanceof UserError && expected.test(error.message),
    );
  }
});

test("errors are told apart by code and class", () => {
  const named = (name: string, more: object = {}) => Object.assign(new Error(name), { name, ...more });
  const response = (code: number) => named("ResponseError", { code });
  for (const code of [0x0000, 0x1000, 0x1001, 0x1002, 0x1100, 0x1200, 0x1500, 0x1700, 0x2500]) {
    assert.equal(classifyCassandra(response(code)), "retry", code.toString(16));
  }
  for (const code of [0x0100, 0x2000, 0x2100, 0x2200, 0x2300]) {
    assert.equal(classifyCassandra(response(code)), "fatal", code.toString(16));
  }
  const nobody = (...inner: unknown[]) => named("NoHostAvailableError", { innerErrors: { ...inner } });
  assert.equal(classifyCassandra(nobody()), "retry");
  assert.equal(
    classifyCassandra(nobody(named("Error", { code: "ECONNREFUSED" }), named("OperationTimedOutError"))),
    "retry",
  );
  assert.equal(classifyCassandra(nobody(named("AuthenticationError"))), "fatal");
  assert.equal(classifyCassandra(nobody(nobody(named("BusyConnectionError")))), "retry");
  assert.equal(classifyCassandra(named("Error", { isSocketError: true })), "retry");
  assert.equal(classifyCassandra(named("ArgumentError")), "fatal");
  assert.equal(classifyCassandra(new RefusedValueError("no")), "reject");
});

test("a key that is read from the table is as it stands in Redis", () => {
  const parts: readonly (readonly [unknown, string])[] = [
    ["é", "\u00c3\u00a9"],
    [Buffer.of(0, 255), "\u0000\u00ff"],
    [true, "1"],
    [-7, "-7"],
    [1.5, "1.5"],
    [types.Long.fromString("9007199254740993"), "9007199254740993"],
    [types.BigDecimal.fromString("1.50"), "1.5"],
    [types.BigDecimal.fromString("100"), "100"],
    [types.LocalDate.fromString("2024-02-29"), "2024-02-29"],
    [types.LocalTime.fromString("12:30:15.120"), "12:30:15.12"],
    [new Date("2024-02-29T10:00:00.500Z"), "2024-02-29 10:00:00.5"],
    [new Date("2024-02-29T10:00:00Z"), "2024-02-29 10:00:00"],
    [types.Uuid.fromString("550e8400-e29b-41d4-a716-446655440000"), "550e8400-e29b-41d4-a716-446655440000"],
    [types.InetAddress.fromString("::1"), "::1"],
  ];
  for (const [value, expected] of parts) assert.equal(keyPart(value), expected);
});

const LINES = verifyTable(
  tableReference("lines", { primaryKey: ["line", "customer"] }),
  [
    { name: "customer", type: "text", place: "partition_key", position: 0 },
    { name: "line", type: "int", place: "clustering", position: 0 },
    { name: "v", type: "text", place: "regular", position: -1 },
  ],
  ["v"],
);
const line = (customer: string, number: number, v: string, offset = number) => ({
  id: [String(number), customer],
  values: [v],
  offset,
});
const sizes = (requests: readonly Request[]) => requests.map((request) => request.statements(1n).length);

test("rows of one partition, and partitions of the same nodes, share requests within the server's limits", () => {
  const batch = (rows: readonly ReturnType<typeof line>[]) => ({ upserts: [{ columns: ["v"], rows }], deletes: [] });
  const one = Array.from({ length: 20 }, (_, i) => line("a", i, "x"));
  assert.deepEqual(sizes(requestsOf(LINES, batch(one), () => undefined)), [20]);
  const many = Array.from({ length: 25 }, (_, i) => line(`c${i}`, i, "x"));
  assert.deepEqual(sizes(requestsOf(LINES, batch(many), () => undefined)), Array<number>(25).fill(1));
  assert.deepEqual(sizes(requestsOf(LINES, batch(many), () => "all")), [10, 10, 5]);
  const odd = (key: Buffer) => (key.toString() < "c2" ? "left" : "right");
  assert.equal(requestsOf(LINES, batch(many), odd).length, 4);
  const large = [line("a", 1, "x".repeat(3000)), line("a", 2, "x".repeat(3000)), line("a", 3, "x".repeat(50_000))];
  assert.deepEqual(sizes(requestsOf(LINES, batch(large), () => "all")), [1, 1, 1]);
});

test("two writes of one row get timestamps in their order", () => {
  const requests = requestsOf(
    LINES,
    {
      upserts: [
        { columns: ["v"], rows: [line("a", 1, "second", 20), line("a", 1, "first", 10), line("b", 1, "x", 5)] },
      ],
      deletes: [{ id: ["1", "a"], values: [], offset: 30 }],
    },
    () => "all",
  );
  const at = requests.flatMap((request) =>
    request.statements(100n).map(({ cql, params }) => {
      const bytes = params[cql.startsWith("DELETE") ? 0 : params.length - 1] as Buffer;
      return [cql.startsWith("DELETE") ? "delete" : params[2], bytes.readBigInt64BE()];
    }),
  );
  assert.deepEqual(
    new Map(at as [string, bigint][]),
    new Map([
      ["first", 100n],
      ["second", 101n],
      ["delete", 102n],
      ["x", 100n],
    ]),
  );
});

test("requests are sent a limited number and a limited size at a time, and a failure waits for the others", async () => {
  let [now, most, bytes, mostBytes, ended] = [0, 0, 0, 0, 0];
  const items = Array.from({ length: 50 }, (_, i) => ({ rows: 1, bytes: i % 5 === 0 ? 6 << 20 : 100, i }));
  const send = async (item: { bytes: number; i: number }) => {
    most = Math.max(most, ++now);
    mostBytes = Math.max(mostBytes, (bytes += item.bytes));
    await new Promise((resolve) => setImmediate(resolve));
    now--;
    bytes -= item.bytes;
    if (item.i === 30) throw new Error("thirty");
    ended++;
  };
  await assert.rejects(sendAll(items, 7, send), /thirty/);
  assert.equal(now, 0);
  assert.ok(most <= 7 && mostBytes <= 8 << 20 && ended >= 30 && ended < 49, `${most} ${mostBytes} ${ended}`);
});

test("conditional writes go together, but never two for one row, and one that fails does not fail the others", async () => {
  const sent: (readonly string[])[] = [];
  const session = {
    apply: async (statements: readonly { readonly cql: string }[]) => {
      sent.push(statements.map(({ cql }) => cql));
      await new Promise((resolve) => setImmediate(resolve));
      return !statements.some(({ cql }) => cql === "bad");
    },
  };
  const turns = new Turns();
  const change = (partition: number, cql: string) => [{ partition, statement: { cql, params: [] } }];
  const outcomes = await Promise.all([
    turns.apply(session, change(0, "first")),
    turns.apply(session, change(1, "a")),
    turns.apply(session, change(2, "bad")),
    turns.apply(session, change(1, "rival")),
    turns.apply(session, change(3, "b")),
  ]);
  assert.deepEqual(outcomes, [true, true, false, true, true]);
  assert.deepEqual(sent, [["first"], ["a", "bad", "b"], ["a"], ["bad"], ["b"], ["rival"]]);
});
