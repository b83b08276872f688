/** A table of one key column, and a sink on it, for tests of what is peculiar to MySQL and MariaDB. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Sink } from "../../../src/connectors/connector.js";
import { mysql } from "../../../src/connectors/mysql.js";
import type { Row, Value } from "../../../src/model.js";
import { converterFor } from "../../../src/recipe/convert.js";
import { checkpoint, NEVER } from "../../contract/harness.js";
import type { MariadbServer } from "../../support/mariadb.js";

export interface Table {
  readonly sink: Sink;
  /** The row of a key and fields that are given as texts, as a recipe makes it. */
  row(id: string, ...values: (string | null)[]): Row;
  set(id: string, ...values: (string | null)[]): Promise<void>;
  write(rows: readonly Row[]): Promise<void>;
  remove(...ids: string[]): Promise<void>;
}

/** A table of `id` and these columns, and a sink on it. */
export async function openTable(
  server: MariadbServer,
  t: TestContext,
  name: string,
  columns: readonly string[],
  create: string,
  options: object = {},
): Promise<Table> {
  await server.query(create);
  const sink = mysql({ url: server.url, ...options })
    .table(name, { primaryKey: "id" })
    .sink({ recipe: name, columns });
  t.after(() => sink.close());
  const opened = await sink.open(NEVER);
  const convert = (column: string, text: string | null): Value => {
    const found = opened.columns.find((candidate) => candidate.name === column);
    assert.ok(found);
    return text === null
      ? null
      : converterFor(found, { isKey: column === "id" }).fromBytes(Buffer.from(text).toString("latin1"));
  };
  let token: string | undefined;
  const send = async (rows: readonly Row[], deletes: readonly Row[]) => {
    const next = `${Math.random()}`;
    await sink.write(
      { upserts: [{ columns, rows }], deletes },
      [{ partition: 0, from: token, to: checkpoint(0, next) }],
      NEVER,
    );
    token = next;
  };
  const row = (id: string, ...values: (string | null)[]): Row => ({
    id: [convert("id", id)],
    values: values.map((value, i) => convert(columns[i]!, value)),
    offset: 1,
  });
  return {
    sink,
    row,
    write: async (rows) => send(rows, []),
    set: async (id, ...values) => send([row(id, ...values)], []),
    remove: async (...ids) =>
      send(
        [],
        ids.map((id) => row(id)),
      ),
  };
}

/** The work fails, and a row is to blame for it. */
export async function refused(table: Table, work: Promise<unknown>, said = /./): Promise<void> {
  await assert.rejects(work, (error: Error & { hint?: string }) => {
    assert.equal(table.sink.classify(error), "reject", String(error));
    assert.match(`${error.message} ${error.hint ?? ""}`, said);
    return true;
  });
}
