/** What the server refuses, and what a person has to mend. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cassandra } from "../../../src/connectors/cassandra.js";
import { UserError } from "../../../src/errors.js";
import type { Batch } from "../../../src/model.js";
import { checkpoint, NEVER } from "../../contract/harness.js";
import type { CassandraServer } from "../../support/cassandra.js";

const upsert = (...rows: readonly (readonly [id: readonly string[], value: string])[]): Batch => ({
  upserts: [{ columns: ["v"], rows: rows.map(([id, value], i) => ({ id, values: [value], offset: i + 1 })) }],
  deletes: [],
});

export function refusals(server: () => CassandraServer): void {
  const open = async (table: string, primaryKey: string | readonly string[], url = server().url) => {
    const sink = cassandra(url)
      .table(table, { primaryKey })
      .sink({ recipe: `refusals-${table}`, columns: ["v"] });
    await sink.open(NEVER);
    return sink;
  };

  test("a row that is too large for the server is refused, and the sink goes on", async (t) => {
    await server().query("CREATE TABLE large (id text PRIMARY KEY, v text)");
    const sink = await open("large", "id");
    t.after(() => sink.close());
    const moves = [{ partition: 0, from: undefined, to: checkpoint(0, "a") }];
    for (const row of [
      [["1"], "x".repeat(17 << 20)],
      [["k".repeat(70_000)], "x"],
      [[""], "x"],
    ] as const) {
      const error: unknown = await sink
        .write(upsert([["0"], "good"], row), moves, NEVER)
        .catch((cause: unknown) => cause);
      assert.equal(sink.classify(error), "reject", String(error));
    }
    await sink.write(upsert([["0"], "good"]), moves, NEVER);
    const { checkpoints } = await sink.open(NEVER);
    assert.equal(checkpoints[0]?.token, "a");
  });

  test("many rows of one partition travel together, whatever their size", async (t) => {
    await server().query("CREATE TABLE lines (a int, b text, c int, v text, PRIMARY KEY ((a, b), c))");
    const sink = await open("lines", ["c", "a", "b"]);
    t.after(() => sink.close());
    const rows = Array.from({ length: 3000 }, (_, i) => [[String(i), "7", "x"], "v".repeat((i % 50) * 400)] as const);
    await sink.write(upsert(...rows), [], NEVER);
    const found = await server().query("SELECT c, v FROM lines WHERE a = 7 AND b = 'x'");
    assert.equal(found.length, 3000);
    assert.ok(found.every(({ c, v }) => (v as string).length === (Number(c) % 50) * 400));
    const deletes = rows.slice(1).map(([id], i) => ({ id, values: [], offset: i }));
    await sink.write({ upserts: [], deletes }, [], NEVER);
    assert.equal((await server().query("SELECT c FROM lines WHERE a = 7 AND b = 'x'")).length, 1);
  });

  test("a table or column that goes while it is written is for a person to mend, and then it goes on", async (t) => {
    await server().query("CREATE TABLE going (id text PRIMARY KEY, v text)");
    const sink = await open("going", "id");
    t.after(() => sink.close());
    await sink.write(upsert([["1"], "a"]), [], NEVER);
    for (const [harm, mend, expected] of [
      ["ALTER TABLE going DROP v", "ALTER TABLE going ADD v text", /no column "v"/],
      ["DROP TABLE going", "CREATE TABLE going (id text PRIMARY KEY, v text)", /does not exist/],
    ] as const) {
      await server().query(harm);
      // The driver may say no more than that the statement is unknown to the server; then the next open says why.
      const writing = sink.write(upsert([["1"], "b"], [["2"], "b"]), [], NEVER);
      let error: unknown = await writing.catch((cause: unknown) => cause);
      if (sink.classify(error) === "retry") error = await sink.open(NEVER).catch((cause: unknown) => cause);
      assert.equal(sink.classify(error), "fatal", String(error));
      assert.match((error as Error).message, expected);
      await server().query(mend);
      await sink.open(NEVER);
      await sink.write(upsert([["1"], "c"]), [], NEVER);
    }
    assert.deepEqual(
      (await server().query("SELECT v FROM going")).map(({ v }) => v as string),
      ["c"],
    );
  });

  test("a user without the right to create tables is told which one to create", async (t) => {
    await server().query("CREATE TABLE limited (id text PRIMARY KEY, v text)");
    await server().query("CREATE ROLE limited WITH PASSWORD = 'secret' AND LOGIN = true");
    for (const right of ["SELECT", "MODIFY"]) await server().query(`GRANT ${right} ON test.limited TO limited`);
    const options = { url: server().url, user: "limited", password: "secret" };
    const table = cassandra(options).table("limited", { primaryKey: "id", checkpointTable: "own_checkpoint" });
    const sink = table.sink({ recipe: "r", columns: ["v"] });
    t.after(() => sink.close());
    let create = "";
    await assert.rejects(sink.open(NEVER), (error: unknown) => {
      assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED", String(error));
      create = /CREATE TABLE [^;]*/.exec(error.hint ?? "")?.[0] ?? "";
      assert.equal(sink.classify(error), "fatal");
      return true;
    });
    await server().query(create);
    for (const right of ["SELECT", "MODIFY"]) await server().query(`GRANT ${right} ON test.own_checkpoint TO limited`);
    await sink.open(NEVER);
    await sink.write(upsert([["1"], "a"]), [{ partition: 0, from: undefined, to: checkpoint(0, "a") }], NEVER);
  });

  test("a data center or a keyspace that is not there is for a person to mend", async () => {
    for (const [options, expected] of [
      [{ localDataCenter: "dc9" }, /dc9.*datacenter1/],
      [{ keyspace: "nowhere" }, /nowhere/],
    ] as const) {
      const sink = cassandra({ url: server().url, ...options })
        .table("t", { primaryKey: "id" })
        .sink({ recipe: "r", columns: [] });
      await assert.rejects(sink.open(NEVER), (error: unknown) => {
        assert.ok(error instanceof UserError && error.code === "DATABASE_MISCONFIGURED", String(error));
        assert.match(error.message, expected);
        return true;
      });
      await sink.close();
    }
  });
}
