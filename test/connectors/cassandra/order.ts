/** What takes the place of a transaction: announced rows, and timestamps that grow. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cassandra } from "../../../src/connectors/cassandra.js";
import { Checkpoints, laterThan } from "../../../src/connectors/cassandra/checkpoints.js";
import { Session } from "../../../src/connectors/cassandra/session.js";
import { Turns } from "../../../src/connectors/cassandra/turns.js";
import { tableReference } from "../../../src/connectors/sql/table.js";
import { SupersededError } from "../../../src/errors.js";
import type { Batch, Checkpoint } from "../../../src/model.js";
import { checkpoint, NEVER } from "../../contract/harness.js";
import type { CassandraServer } from "../../support/cassandra.js";

const NOTHING: Batch = { upserts: [], deletes: [] };

const upsert = (...rows: readonly (readonly [id: string, name: string | null])[]): Batch => ({
  upserts: [{ columns: ["name"], rows: rows.map(([id, name], i) => ({ id: [id], values: [name], offset: i + 1 })) }],
  deletes: [],
});
const remove = (id: string): Batch => ({ upserts: [], deletes: [{ id: [id], values: [], offset: 1 }] });

export function order(server: () => CassandraServer): void {
  let recipes = 0;
  const fresh = async () => {
    await server().query("CREATE TABLE IF NOT EXISTS people (id text PRIMARY KEY, name text)");
    await server().query("TRUNCATE people");
    const recipe = `order-${++recipes}`;
    const connector = cassandra(server().url).table("people", { primaryKey: "id" });
    return { recipe, sink: () => connector.sink({ recipe, columns: ["name"] }) };
  };
  const rows = async () => {
    const found = await server().query("SELECT id, name FROM people");
    return found.map(({ id, name }): [string, string] => [id as string, name as string]).sort();
  };
  /** The part of a write that a runner has done when it is paused before its rows. */
  const announceOnly = async (recipe: string, from: string, to: Checkpoint) => {
    const session = await Session.open({ url: server().url }, NEVER);
    const reference = tableReference("people", { primaryKey: "id" });
    const checkpoints = new Checkpoints(session, { recipe, reference }, { turns: new Turns(), announced: new Set() });
    await checkpoints.open();
    const timestamp = await checkpoints.announce([{ partition: 0, from, to }], 1);
    assert.ok(timestamp !== undefined);
    return { session, checkpoints, timestamp };
  };
  const insertAt = (id: string, name: string, timestamp: bigint) =>
    server().query(`INSERT INTO people (id, name) VALUES ('${id}', '${name}') USING TIMESTAMP ${timestamp}`);

  test("rows that a paused runner sends late undo nothing that was written since, and its checkpoint is refused", async (t) => {
    const { recipe, sink } = await fresh();
    const first = sink();
    t.after(() => first.close());
    await first.open(NEVER);
    await first.write(
      upsert(["1", "first"], ["2", "first"]),
      [{ partition: 0, from: undefined, to: checkpoint(0, "a") }],
      NEVER,
    );
    const late = await announceOnly(recipe, "a", checkpoint(0, "late", 50));
    t.after(() => late.session.close());

    const second = sink();
    t.after(() => second.close());
    await second.open(NEVER);
    await second.write(NOTHING, [{ partition: 0, from: "a", to: checkpoint(0, "b", 60) }], NEVER);
    await second.write(upsert(["1", "newer"]), [{ partition: 0, from: "b", to: checkpoint(0, "c", 70) }], NEVER);
    await second.write(remove("2"), [{ partition: 0, from: "c", to: checkpoint(0, "d", 80) }], NEVER);

    await insertAt("1", "late", late.timestamp);
    await insertAt("2", "late", late.timestamp);
    assert.deepEqual(await rows(), [["1", "newer"]]);
    await assert.rejects(
      late.checkpoints.move([{ partition: 0, from: "a", to: checkpoint(0, "late", 50) }]),
      SupersededError,
    );
  });

  test("whoever goes on after a crash is told how new rows may be that no checkpoint speaks for", async (t) => {
    const { recipe, sink } = await fresh();
    const before = sink();
    t.after(() => before.close());
    await before.open(NEVER);
    await before.write(upsert(["1", "a"]), [{ partition: 0, from: undefined, to: checkpoint(0, "a", 10) }], NEVER);
    const { session } = await announceOnly(recipe, "a", { ...checkpoint(0, "never", 90), high: 99 });
    await session.close();
    const { checkpoints } = await sinkOpened(sink());
    assert.deepEqual(checkpoints, [{ ...checkpoint(0, "a", 10), high: 99 }]);

    async function sinkOpened(next: ReturnType<typeof sink>) {
      t.after(() => next.close());
      return await next.open(NEVER);
    }
  });

  test("a runner that did not see an announcement cannot take over: what it knows of the rows is too old", async (t) => {
    const { recipe, sink } = await fresh();
    const [first, rival] = [sink(), sink()];
    t.after(() => Promise.all([first.close(), rival.close()]));
    await first.open(NEVER);
    await first.write(upsert(["1", "a"]), [{ partition: 0, from: undefined, to: checkpoint(0, "a") }], NEVER);
    await rival.open(NEVER);
    const { session } = await announceOnly(recipe, "a", checkpoint(0, "b", 50));
    t.after(() => session.close());
    const claim = [{ partition: 0, from: "a", to: checkpoint(0, "rival") }];
    await assert.rejects(rival.write(NOTHING, claim, NEVER), SupersededError);
    await rival.open(NEVER);
    await rival.write(NOTHING, claim, NEVER);
  });

  test("partitions that one of them has moved on behalf of all go on, and with more of them no timestamp goes back", async (t) => {
    const { sink } = await fresh();
    const sinks = Array.from({ length: 4 }, sink);
    t.after(() => Promise.all(sinks.map((one) => one.close())));
    await Promise.all(sinks.map((one) => one.open(NEVER)));
    const begin = [0, 1].map((partition) => ({
      partition,
      from: undefined,
      to: checkpoint(partition, `begin${partition}`),
    }));
    await sinks[0]!.write(NOTHING, begin, NEVER);
    await sinks[1]!.write(upsert(["1", "one"]), [{ partition: 1, from: "begin1", to: checkpoint(1, "p1", 5) }], NEVER);
    // As if the clock of whoever wrote that had been an hour ahead.
    const ahead = laterThan(undefined) + 3_600_000_000n;
    await server().query(
      `UPDATE wbsync_checkpoint SET clock = ${ahead} WHERE recipe = 'order-${recipes}' AND target = 'people' AND partition_no = 1 IF "token" = 'p1'`,
    );
    await Promise.all(sinks.map((one) => one.open(NEVER)));
    const claim = [0, 1, 2, 3].map((partition) => ({
      partition,
      from: ["begin0", "p1"][partition],
      to: checkpoint(partition, `four${partition}`, 9),
    }));
    await sinks[0]!.write(NOTHING, claim, NEVER);
    await Promise.all(
      sinks.map((one, i) =>
        one.write(
          upsert([`${i}`, "four"]),
          [{ partition: i, from: `four${i}`, to: checkpoint(i, `done${i}`, 20) }],
          NEVER,
        ),
      ),
    );
    const found = await server().query("SELECT id, WRITETIME(name) AS at FROM people");
    assert.equal(found.length, 4);
    for (const { at } of found)
      assert.ok(BigInt(String(at as { toString(): string })) > ahead, "later than any before");
  });

  test("rows that others wrote before are overwritten, and what others write later stays", async (t) => {
    const { sink } = await fresh();
    const one = sink();
    t.after(() => one.close());
    await one.open(NEVER);
    await server().query("INSERT INTO people (id, name) VALUES ('1', 'loaded')");
    await one.write(upsert(["1", "ours"], ["2", "ours"]), [], NEVER);
    assert.deepEqual(await rows(), [
      ["1", "ours"],
      ["2", "ours"],
    ]);
    await server().query("UPDATE people SET name = 'mended' WHERE id = '1'");
    assert.deepEqual(await rows(), [
      ["1", "mended"],
      ["2", "ours"],
    ]);
    await one.write(remove("1"), [], NEVER);
    assert.deepEqual(await rows(), [["2", "ours"]]);
  });
}
