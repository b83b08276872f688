import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { classifyMysql } from "../../../src/connectors/mysql/errors.js";
import { classifyPostgres } from "../../../src/connectors/postgres/errors.js";
import { sqlite } from "../../../src/connectors/sqlite.js";
import { classifySqlite } from "../../../src/connectors/sqlite/errors.js";
import { RefusedValueError, SupersededError, UserError, WbsyncError } from "../../../src/errors.js";

const error = (fields: object): Error => Object.assign(new Error("x"), fields);

describe("MySQL's errors", () => {
  const cases: readonly (readonly [string, object, string])[] = [
    ["connection refused", { code: "ECONNREFUSED", errno: -111, fatal: true }, "retry"],
    ["connection lost", { code: "PROTOCOL_CONNECTION_LOST", fatal: true }, "retry"],
    ["host not found", { code: "ENOTFOUND", fatal: true }, "retry"],
    ["too many connections", { errno: 1040, sqlState: "08004" }, "retry"],
    ["server shutdown", { errno: 1053, sqlState: "08S01" }, "retry"],
    ["deadlock", { errno: 1213, sqlState: "40001" }, "retry"],
    ["lock wait time-out", { errno: 1205, sqlState: "HY000" }, "retry"],
    ["read-only standby", { errno: 1290, sqlState: "HY000" }, "retry"],
    ["disk full", { errno: 1114, sqlState: "HY000" }, "retry"],
    ["killed", { errno: 1927, sqlState: "70100" }, "retry"],
    ["duplicate", { errno: 1062, sqlState: "23000" }, "reject"],
    ["NULL", { errno: 1048, sqlState: "23000" }, "reject"],
    ["too long", { errno: 1406, sqlState: "22001" }, "reject"],
    ["truncated", { errno: 1265, sqlState: "01000" }, "reject"],
    ["incorrect text", { errno: 1366, sqlState: "22007" }, "reject"],
    ["no default", { errno: 1364, sqlState: "HY000" }, "reject"],
    ["CHECK of MySQL", { errno: 3819, sqlState: "HY000" }, "reject"],
    ["CHECK of MariaDB", { errno: 4025, sqlState: "23000" }, "reject"],
    ["foreign key", { errno: 1452, sqlState: "23000" }, "reject"],
    ["packet too large", { errno: 1153, sqlState: "08S01" }, "reject"],
    ["SIGNAL of a trigger", { errno: 1644, sqlState: "45000" }, "reject"],
    ["access denied", { errno: 1045, sqlState: "28000", fatal: true }, "fatal"],
    ["unknown database", { errno: 1049, sqlState: "42000", fatal: true }, "fatal"],
    ["no such table", { errno: 1146, sqlState: "42S02" }, "fatal"],
    ["no such column", { errno: 1054, sqlState: "42S22" }, "fatal"],
    ["command denied", { errno: 1142, sqlState: "42000" }, "fatal"],
    ["nothing known", {}, "fatal"],
  ];
  for (const [name, fields, expected] of cases) {
    test(`${name}: ${expected}`, () => assert.equal(classifyMysql(error(fields)), expected));
  }
});

describe("PostgreSQL's errors", () => {
  const cases: readonly (readonly [string, string | undefined, string])[] = [
    ["connection refused", "ECONNREFUSED", "retry"],
    ["broken pipe", "EPIPE", "retry"],
    ["deadlock", "40P01", "retry"],
    ["serialization failure", "40001", "retry"],
    ["too many connections", "53300", "retry"],
    ["disk full", "53100", "retry"],
    ["shutdown", "57P01", "retry"],
    ["starting", "57P03", "retry"],
    ["statement time-out", "57014", "retry"],
    ["lock not available", "55P03", "retry"],
    ["read-only standby", "25006", "retry"],
    ["I/O error", "58030", "retry"],
    ["unique violation", "23505", "reject"],
    ["NOT NULL violation", "23502", "reject"],
    ["CHECK violation", "23514", "reject"],
    ["too long", "22001", "reject"],
    ["invalid text", "22P02", "reject"],
    ["out of range", "22003", "reject"],
    ["too deep for a parser", "54001", "reject"],
    ["internal error", "XX000", "retry"],
    ["RAISE of a trigger", "P0001", "reject"],
    ["a trigger's own code", "MY001", "reject"],
    ["wrong password", "28P01", "fatal"],
    ["no such database", "3D000", "fatal"],
    ["no such table", "42P01", "fatal"],
    ["no such column", "42703", "fatal"],
    ["permission denied", "42501", "fatal"],
    ["nothing known", undefined, "fatal"],
  ];
  for (const [name, code, expected] of cases) {
    test(`${name}: ${expected}`, () => assert.equal(classifyPostgres(error({ code })), expected));
  }
});

describe("SQLite's errors", () => {
  const cases: readonly (readonly [string, number, string])[] = [
    ["busy", 5, "retry"],
    ["busy, snapshot", 517, "retry"],
    ["disk full", 13, "retry"],
    ["I/O error", 10, "retry"],
    ["unique", 2067, "reject"],
    ["NOT NULL", 1299, "reject"],
    ["trigger", 1811, "reject"],
    ["type of a STRICT table", 3091, "reject"],
    ["too big", 18, "reject"],
    ["no such table", 1, "fatal"],
    ["read-only file", 8, "fatal"],
    ["not a database", 26, "fatal"],
  ];
  for (const [name, errcode, expected] of cases) {
    test(`${name}: ${expected}`, () =>
      assert.equal(classifySqlite(error({ code: "ERR_SQLITE_ERROR", errcode })), expected));
  }
});

test("wbsync's own errors mean the same for every database", () => {
  const sink = sqlite("x").table("t", { primaryKey: "id" }).sink({ recipe: "r", columns: [] });
  const cases: readonly (readonly [unknown, string])[] = [
    [new SupersededError(), "superseded"],
    [new RefusedValueError("x"), "reject"],
    [new WbsyncError("TIMEOUT", "x"), "retry"],
    [new WbsyncError("DATABASE_UNREACHABLE", "x"), "retry"],
    [new UserError("DATABASE_MISCONFIGURED", "x"), "fatal"],
    [new UserError("DRIVER_MISSING", "x"), "fatal"],
    [new UserError("PARAMETER", "x"), "fatal"],
    [AbortSignal.abort().reason, "retry"],
    ["a text that was thrown", "fatal"],
    [undefined, "fatal"],
  ];
  for (const [given, expected] of cases) assert.equal(sink.classify(given), expected, String(given));
});
