import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mysqlDialect, upsertText as mysqlUpsert } from "../../../src/connectors/mysql/dialect.js";
import { StatementSizes } from "../../../src/connectors/mysql/statement-sizes.js";
import type { MysqlColumn } from "../../../src/connectors/mysql/types.js";
import { arrayLiteral } from "../../../src/connectors/postgres/array-literal.js";
import { postgresDialect, removeText, upsertText as postgresUpsert } from "../../../src/connectors/postgres/dialect.js";
import type { PostgresColumn } from "../../../src/connectors/postgres/types.js";
import type { Statement, Steps, Target } from "../../../src/connectors/sql/database.js";
import { statementsOf } from "../../../src/connectors/sql/steps.js";
import { upsertText as sqliteUpsert } from "../../../src/connectors/sqlite/dialect.js";
import type { SqliteColumn } from "../../../src/connectors/sqlite/types.js";
import { RefusedValueError } from "../../../src/errors.js";
import type { Row, Value } from "../../../src/model.js";

const BASE = { type: "text", kind: { kind: "text" }, nullable: true, generated: false, required: false } as const;
const mysqlColumn = (name: string): MysqlColumn => ({ ...BASE, name, comparand: "?", bind: undefined });
const sqliteColumn = (name: string): SqliteColumn => ({ ...BASE, name, bind: (value: Value) => value });
const postgresColumn = (name: string, more: Partial<PostgresColumn> = {}): PostgresColumn => ({
  ...{ ...BASE, name, cast: "text", isArray: false, ambiguous: false, collation: undefined, identityAlways: false },
  ...more,
});

function targetOf<C extends { readonly name: string }>(
  columns: readonly C[],
  keys: number,
  unique: readonly string[] = [],
) {
  return {
    table: "T",
    key: columns.slice(0, keys),
    columns: new Map(columns.map((column) => [column.name, column])),
    required: [],
    otherUniqueKeys: unique.map((name) => ({ name, columns: [name], exact: true })),
  };
}

/** What the steps would send, where every statement succeeds. */
function statements(steps: Steps): Statement[] {
  const sent: Statement[] = [];
  for (let next = steps.next(); !next.done; next = steps.next({ rows: [], affected: 1 }))
    sent.push(...statementsOf(next.value));
  return sent;
}

const row = (id: Value, ...values: Value[]): Row => ({ id: [id], values, offset: 1 });

describe("MySQL", () => {
  const [id, a, b] = ["id", "a", "b"].map(mysqlColumn) as [MysqlColumn, MysqlColumn, MysqlColumn];

  test("an upsert updates the columns that it sets", () => {
    assert.deepEqual(mysqlUpsert(targetOf([id, a, b], 1), [a, b]), {
      head: "INSERT INTO T (`id`, `a`, `b`)",
      tail: "ON DUPLICATE KEY UPDATE `a` = VALUES(`a`), `b` = VALUES(`b`)",
    });
  });

  test("an upsert of keys alone changes nothing where the row exists", () => {
    assert.equal(mysqlUpsert(targetOf([id], 1), []).tail, "ON DUPLICATE KEY UPDATE `id` = T.`id`");
  });

  test("where there are other unique indexes the key of the row found is compared first", () => {
    const { tail } = mysqlUpsert(targetOf([id, a, b], 2, ["b"]), [b]);
    assert.equal(
      tail,
      "ON DUPLICATE KEY UPDATE `id` = IF(18446744073709551615 + " +
        "(NOT (T.`id` <=> VALUES(`id`)) OR NOT (T.`a` <=> VALUES(`a`))) > 0, T.`id`, T.`id`), `b` = VALUES(`b`)",
    );
  });

  test("values are parameters, never text", () => {
    const target = targetOf([id, a], 1);
    const evil = "'; DROP TABLE T; -- ` \" ?";
    for (const { sql, params } of [
      ...statements(mysqlDialect(1 << 20).upsert(target, [a], [row(evil, evil)])),
      ...statements(mysqlDialect(1 << 20).remove(target, [row(evil)])),
      mysqlDialect(1 << 20).update(target, [a], row(evil, evil)),
    ]) {
      assert.doesNotMatch(sql, /DROP/);
      assert.ok(params.length > 0 && params.every((param) => param === evil));
    }
  });

  test("a statement stays below the packet that the server takes, and a row that does not fit is refused", () => {
    const dialect = mysqlDialect(100_000);
    const target = targetOf([id, a], 1);
    const rows = Array.from({ length: 20 }, (_, i) => row(String(i), "x".repeat(9_000)));
    const sent = statements(dialect.upsert(target, [a], rows));
    assert.equal(sent.flatMap(({ params }) => params).length, 40);
    for (const { params } of sent) assert.ok(params.join("").length < 100_000);
    statements(dialect.upsert(target, [a], [row("1", "x".repeat(90_000))]));
    assert.throws(() => statements(dialect.upsert(target, [a], [row("1", "x".repeat(100_001))])), RefusedValueError);
    assert.throws(() => statements(dialect.upsert(target, [a], [row("1", Buffer.alloc(100_001))])), RefusedValueError);
  });

  test("a table of a thousand columns stays below the number of placeholders", () => {
    const columns = Array.from({ length: 1000 }, (_, i) => mysqlColumn(`c${i}`));
    const rows = Array.from({ length: 100 }, (_, i) => row(String(i), ...columns.slice(1).map(() => null)));
    for (const { sql, params } of statements(
      mysqlDialect(1 << 24).upsert(targetOf(columns, 1), columns.slice(1), rows),
    )) {
      assert.ok(params.length <= 65_535);
      assert.equal(sql.split("?").length - 1, params.length);
    }
  });

  test("statement sizes are powers of two, and one that keeps coming is a size of its own", () => {
    const sizes = new StatementSizes();
    assert.deepEqual(sizes.split("x", 0), []);
    assert.deepEqual(sizes.split("x", 1000), [960, 40]);
    assert.deepEqual(sizes.split("x", 1000), [960, 40]);
    assert.deepEqual(sizes.split("x", 1000), [1000]);
    assert.deepEqual(sizes.split("y", 1000), [960, 40]);
    const seen = new Set<number>();
    for (let n = 1; n <= 5_000; n++) {
      const parts = sizes.split("z", n);
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0),
        n,
      );
      for (const part of parts) seen.add(part);
    }
    assert.ok(seen.size < 100, `${seen.size} sizes`);
  });
});

describe("PostgreSQL", () => {
  const [id, a] = [postgresColumn("id", { cast: "bigint" }), postgresColumn("a")];

  test("an upsert unnests one array a column", () => {
    assert.equal(
      postgresUpsert(targetOf([id, a], 1), [a]),
      'INSERT INTO T ("id", "a") SELECT c0, c1 FROM unnest($1::bigint[], $2::text[]) AS d(c0, c1) ' +
        'ON CONFLICT ("id") DO UPDATE SET "a" = EXCLUDED."a"',
    );
    assert.match(postgresUpsert(targetOf([id], 1), []), /ON CONFLICT \("id"\) DO NOTHING$/);
  });

  test("of ids that may be equal to the server only the last is sent on", () => {
    const key = postgresColumn("k", { cast: "citext", ambiguous: true });
    assert.equal(
      postgresUpsert(targetOf([key, a], 1), [a]),
      'INSERT INTO T ("k", "a") SELECT DISTINCT ON (c0) c0, c1 FROM unnest($1::citext[], $2::text[]) ' +
        'WITH ORDINALITY AS d(c0, c1, n) ORDER BY c0, n DESC ON CONFLICT ("k") DO UPDATE SET "a" = EXCLUDED."a"',
    );
  });

  test("rows and the move of their checkpoint are one statement, where the rows fit one", () => {
    const target = targetOf([id, a], 1);
    const moves: number[] = [];
    const move = (first: number) => {
      moves.push(first);
      return { sql: `UPDATE C SET t = $${first} WHERE t = $${first + 1}`, params: ["new", "old"] };
    };
    const small = row("1", "x");
    assert.deepEqual(postgresDialect.upsertAndMove?.(target, [a], [small], move), {
      sql:
        "WITH moved AS (UPDATE C SET t = $3 WHERE t = $4 RETURNING 1), written AS (" +
        'INSERT INTO T ("id", "a") SELECT c0, c1 FROM unnest($1::bigint[], $2::text[]) AS d(c0, c1) ' +
        'WHERE EXISTS (SELECT FROM moved) ON CONFLICT ("id") DO UPDATE SET "a" = EXCLUDED."a") SELECT 1 FROM moved',
      params: ['{"1"}', '{"x"}', "new", "old"],
    });
    const large = row("2", "y".repeat(5 << 20));
    assert.equal(postgresDialect.upsertAndMove?.(target, [a], [small, large], move), undefined);
    assert.deepEqual(moves, [3], "a move that is not sent is not made");
  });

  test("an array column travels as texts, and an identity that is always generated is insisted on", () => {
    const tags = postgresColumn("tags", { cast: "integer[]", isArray: true });
    const always = postgresColumn("id", { cast: "bigint", identityAlways: true });
    assert.match(
      postgresUpsert(targetOf([always, tags], 1), [tags]),
      /OVERRIDING SYSTEM VALUE SELECT c0, c1::integer\[\] FROM unnest\(\$1::bigint\[\], \$2::text\[\]\)/,
    );
  });

  test("a delete looks one column up, and joins several", () => {
    assert.equal(removeText(targetOf([id], 1)), 'DELETE FROM T WHERE "id" = ANY ($1::bigint[])');
    assert.equal(
      removeText(targetOf([id, a], 2)),
      'DELETE FROM T AS t USING unnest($1::bigint[], $2::text[]) AS d(c0, c1) WHERE t."id" = d.c0 AND t."a" = d.c1',
    );
  });

  test("array literals keep every value one element", () => {
    const literal = (...values: Value[]) =>
      arrayLiteral(
        values.map((value) => row("1", value)),
        1,
      );
    assert.equal(literal(), "{}");
    assert.equal(literal("a", "b c", "", null, "NULL"), '{"a","b c","",NULL,"NULL"}');
    assert.equal(literal('"', "\\", "{,}", "\n"), '{"\\"","\\\\","{,}","\n"}');
    assert.equal(literal(Buffer.from([0, 255])), '{"\\\\x00ff"}');
    assert.throws(() => literal("a\u0000"), RefusedValueError);
    assert.equal(arrayLiteral([row("7", "x")], 0), '{"7"}');
  });
});

describe("SQLite", () => {
  test("an upsert of several rows", () => {
    const [id, a] = [sqliteColumn('i"d'), sqliteColumn("a")];
    assert.equal(
      sqliteUpsert(targetOf([id, a], 1) as Target<SqliteColumn>, [a], 2),
      'INSERT INTO T ("i""d", "a") VALUES (?, ?), (?, ?) ON CONFLICT ("i""d") DO UPDATE SET "a" = excluded."a"',
    );
    assert.match(sqliteUpsert(targetOf([id], 1), [], 1), /DO NOTHING$/);
  });
});
