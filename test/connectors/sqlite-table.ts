/** A table `t` of an SQLite file, and a sink on it, for tests of what is peculiar to SQLite. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { DatabaseSync } from "@photostructure/sqlite";
import { sqlite } from "../../src/connectors/sqlite.js";
import type { Sink } from "../../src/connectors/connector.js";
import { checkpoint, NEVER } from "../contract/harness.js";
import type { Row } from "../../src/model.js";
import { converterFor } from "../../src/recipe/convert.js";
import { tempDir } from "../support/process.js";

export interface Table {
  /** Another program's connection to the file. */
  readonly db: InstanceType<typeof DatabaseSync>;
  readonly sink: Sink;
  /** Opens the sink (again), and goes on from what is stored. */
  open(): Promise<void>;
  /** Rows of an id and values, as a recipe makes them of texts. */
  set(...rows: (readonly [id: string, ...values: (string | null)[]])[]): Promise<void>;
  remove(...ids: string[]): Promise<void>;
  /** The ids of all rows, as they stand in the names of keys, in pages of so many. */
  keys(count: number): Promise<string[]>;
  rows(sql?: string): Record<string, unknown>[];
}

/** A file with this schema, and a sink on the columns `id` and these of its table `t`. */
export async function openTable(t: TestContext, schema: string, columns: readonly string[] = ["v"]): Promise<Table> {
  const folder = tempDir("wbsync-sqlite");
  const file = join(folder, "test.db");
  const db = new DatabaseSync(file);
  db.exec(schema);
  const sink = sqlite(file).table("t", { primaryKey: "id" }).sink({ recipe: "r", columns });
  t.after(async () => {
    await sink.close();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  let opened: Awaited<ReturnType<Sink["open"]>>;
  let token: string | undefined;
  let offset = 0;
  const open = async () => {
    opened = await sink.open(NEVER);
    token = opened.checkpoints[0]?.token;
  };
  await open();
  const convert = (name: string, text: string | null) => {
    const column = opened.columns.find((candidate) => candidate.name === name);
    assert.ok(column, name);
    return text === null ? null : converterFor(column, { isKey: name === "id" }).fromBytes(latin1(text));
  };
  const rowOf = ([id, ...values]: readonly [string, ...(string | null)[]]): Row => ({
    id: [convert("id", id)],
    values: values.map((value, i) => convert(columns[i]!, value)),
    offset: ++offset,
  });
  const write = async (rows: readonly Row[], deletes: readonly Row[]) => {
    const next = `${++offset}`;
    const moves = [{ partition: 0, from: token, to: checkpoint(0, next) }];
    await sink.write({ upserts: [{ columns, rows }], deletes }, moves, NEVER);
    token = next;
  };
  return {
    db,
    sink,
    open,
    set: (...rows) => write(rows.map(rowOf), []),
    remove: (...ids) =>
      write(
        [],
        ids.map((id) => rowOf([id])),
      ),
    async keys(count) {
      const ids: string[] = [];
      for (let page = await sink.keys!(undefined, count, NEVER); page.length > 0;) {
        ids.push(...page.map(([id]) => Buffer.from(id!, "latin1").toString()));
        assert.ok(ids.length < 100, "the pages go on for ever");
        page = await sink.keys!(page.at(-1), count, NEVER);
      }
      return ids;
    },
    rows: (sql = "SELECT * FROM t ORDER BY 1") =>
      (db.prepare(sql).all() as Record<string, unknown>[]).map((row) => ({ ...row })),
  };
}

/** The work fails with an error of this class that says this, in its message or hint. */
export async function fails(table: Table, kind: string, work: Promise<unknown>, said: RegExp): Promise<void> {
  await assert.rejects(work, (error: Error & { hint?: string }) => {
    assert.equal(table.sink.classify(error), kind, String(error));
    assert.match(`${error.message} ${error.hint ?? ""}`, said);
    return true;
  });
}

/** Bytes as the pipeline has them. */
const latin1 = (text: string): string => Buffer.from(text).toString("latin1");
