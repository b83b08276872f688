/** Values that MySQL or MariaDB would make another of, without a word. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { MariadbServer } from "../../support/mariadb.js";
import { openTable, refused } from "./table.js";

export function values(server: () => MariadbServer): void {
  test("NULL is not made the current time, nor the next number", async (t) => {
    const create =
      "CREATE TABLE made_up (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, " +
      "n INT AUTO_INCREMENT UNIQUE, maybe TIMESTAMP NULL DEFAULT NULL)";
    const table = await openTable(server(), t, "made_up", ["at", "n", "maybe"], create);
    await table.set("1", "2024-02-29 10:00:00", "7", null);
    await refused(table, table.set("2", null, "8", null), /"at" .*NULL/);
    await refused(table, table.set("2", "2024-02-29 10:00:00", null, null), /"n" .*NULL/);
    await refused(table, table.set("1", null, "7", null));
    assert.deepEqual(await server().query("SELECT * FROM made_up"), [
      { id: 1, at: "2024-02-29 10:00:00", n: 7, maybe: null },
    ]);
  });

  test("an update of some columns does not make up a time either", async (t) => {
    const create =
      "CREATE TABLE made_up_partly (id INT PRIMARY KEY, at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, must INT NOT NULL)";
    const table = await openTable(server(), t, "made_up_partly", ["at"], create);
    await server().query("INSERT INTO made_up_partly VALUES (1, '2024-02-29 10:00:00', 1)");
    await refused(table, table.set("1", null));
    assert.deepEqual(await server().query("SELECT at FROM made_up_partly"), [{ at: "2024-02-29 10:00:00" }]);
  });

  test("a number is no member of an ENUM or SET, however it is written", async (t) => {
    const create = "CREATE TABLE members (id INT PRIMARY KEY, en ENUM('a', '2', '+3'), st SET('x', 'y'))";
    const table = await openTable(server(), t, "members", ["en", "st"], create);
    for (const text of [
      "1",
      "+1",
      "-1",
      " 1",
      "\t+1",
      "\n1",
      "\v1",
      "\f1",
      "\r1",
      "1 ",
      "01",
      "0",
      "-0",
      "1.0",
      "1e0",
      "3",
    ]) {
      await refused(table, table.set("1", text, null));
      await refused(table, table.set("1", null, text));
    }
    await table.set("1", "2", "y,x");
    await table.set("2", "+3", "");
    assert.deepEqual(await server().query("SELECT en, st FROM members ORDER BY id"), [
      { en: "2", st: "x,y" },
      { en: "+3", st: "" },
    ]);
  });

  test("a float with a scale has no more digits after its point", async (t) => {
    const create =
      "CREATE TABLE scaled (id INT PRIMARY KEY, f FLOAT(7,2), d DOUBLE(20,2), whole DOUBLE(9,0), free DOUBLE)";
    const table = await openTable(server(), t, "scaled", ["f", "d", "whole", "free"], create);
    for (const text of ["1.239", "-0.001", "1e-3", "12e-3", "1.5e-7"]) {
      await refused(table, table.set("1", text, null, null, null), /2 digits after the point/);
      await refused(table, table.set("1", null, text, null, null));
    }
    await refused(table, table.set("1", null, null, "1.5", null));
    await table.set("1", "1.2300", "-12345678901.25", "100e-2", "1.239");
    await table.set("2", "12e-1", "1e17", "3e2", "1e-30");
    assert.deepEqual(await server().query("SELECT * FROM scaled ORDER BY id"), [
      { id: 1, f: 1.23, d: -12345678901.25, whole: 1, free: 1.239 },
      { id: 2, f: 1.2, d: 1e17, whole: 300, free: 1e-30 },
    ]);
  });
}
