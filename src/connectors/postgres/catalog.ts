/** Reads a table's columns and unique keys from pg_catalog. */
import { UserError } from "../../errors.js";
import { flagOf, numberOf, textOf } from "../sql/catalog-values.js";
import type { CatalogTable, Result, Statement } from "../sql/database.js";
import type { TableName } from "../sql/table.js";
import { isAmbiguous, postgresKind, type PostgresColumn, type PostgresType } from "./types.js";

const TABLE = `SELECT c.oid, c.relkind FROM pg_catalog.pg_class c WHERE c.oid = to_regclass($1)`;

// Domains are followed to the type behind them. Columns that older servers do not have are asked for through to_jsonb.
const COLUMNS = `
  WITH RECURSIVE base AS (
    SELECT a.attnum, t.oid AS type, a.atttypmod AS modifier, t.typtype, t.typbasetype, t.typtypmod
      FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
      WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, t.oid, b.typtypmod, t.typtype, t.typbasetype, t.typtypmod
      FROM base b JOIN pg_catalog.pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
  )
  SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.modifier, t.typname,
    pg_catalog.format_type(t.oid, -1), t.typelem <> 0 AND t.typlen = -1, a.attnotnull, a.atthasdef,
    to_jsonb(a)->>'attgenerated', to_jsonb(a)->>'attidentity',
    CASE WHEN to_jsonb(c)->>'collisdeterministic' = 'false' THEN format('%I.%I', n.nspname, c.collname) END
  FROM pg_catalog.pg_attribute a
    JOIN base b ON b.attnum = a.attnum AND b.typtype <> 'd'
    JOIN pg_catalog.pg_type t ON t.oid = b.type
    LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
  WHERE a.attrelid = $1 ORDER BY a.attnum`;

const KEYS = `
  SELECT i.relname, x.indimmediate AND x.indisvalid AND x.indpred IS NULL AND x.indexprs IS NULL, a.attname
  FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY k(attnum, n)
    LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum > 0
  WHERE x.indrelid = $1 AND x.indisunique AND k.n <= COALESCE((to_jsonb(x)->>'indnkeyatts')::int, x.indnatts)
  ORDER BY i.relname, k.n`;

/** Describes the table of this quoted name; undefined where there is none. */
export async function describePostgres(
  table: TableName,
  quoted: string,
  run: (statement: Statement) => Promise<Result>,
): Promise<CatalogTable<PostgresColumn> | undefined> {
  const [found] = (await run({ sql: TABLE, params: [quoted] })).rows;
  if (!found) return undefined;
  if (!["r", "p"].includes(textOf(found[1]))) {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is not a table`, {
      hint: "Name a table: rows of a view or of a foreign table cannot be inserted or updated in one statement.",
    });
  }
  const params = [textOf(found[0])];
  const columns = (await run({ sql: COLUMNS, params })).rows.map(columnOf);
  const keys = new Map<string, { name: string; columns: string[]; exact: boolean }>();
  for (const [index, exact, column] of (await run({ sql: KEYS, params })).rows) {
    const name = textOf(index);
    const key = keys.get(name) ?? { name, columns: [], exact: flagOf(exact) };
    keys.set(name, key);
    key.columns.push(textOf(column));
  }
  return { columns, uniqueKeys: [...keys.values()] };
}

function columnOf(row: readonly unknown[]): PostgresColumn {
  const [name, format, modifier, typname, cast, isArray, notNull, hasDefault, generated, identity, collation] = row;
  const type: PostgresType = {
    name: textOf(typname),
    modifier: numberOf(modifier) ?? -1,
    isArray: flagOf(isArray),
    deterministic: textOf(collation) === "",
  };
  const kind = postgresKind(type);
  return {
    name: textOf(name),
    type: textOf(format),
    kind,
    nullable: !flagOf(notNull),
    generated: textOf(generated) !== "",
    required: flagOf(notNull) && !flagOf(hasDefault) && textOf(identity) === "",
    cast: textOf(cast),
    isArray: type.isArray,
    ambiguous: isAmbiguous(type, kind),
    collation: textOf(collation) || undefined,
    identityAlways: textOf(identity) === "a",
  };
}
