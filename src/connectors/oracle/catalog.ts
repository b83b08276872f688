/** Reads a table's columns and unique keys from the data dictionary. */
import { UserError } from "../../errors.js";
import { numberOf, textOf } from "../sql/catalog-values.js";
import type { CatalogTable, Result, Statement, UniqueKey } from "../sql/database.js";
import { spellings } from "../sql/folded-names.js";
import type { TableName } from "../sql/table.js";
import { oracleBinding, oracleKind, type OracleColumn, type OracleType } from "./types.js";

const COLUMNS = `SELECT COLUMN_NAME, DATA_TYPE, DATA_LENGTH, CHAR_LENGTH, CHAR_USED, DATA_PRECISION, DATA_SCALE, NULLABLE,
    DEFAULT_LENGTH, VIRTUAL_COLUMN, IDENTITY_COLUMN
  FROM ALL_TAB_COLS WHERE OWNER = :1 AND TABLE_NAME = :2 AND HIDDEN_COLUMN = 'NO' ORDER BY COLUMN_ID`;

// A constraint that may wait until COMMIT, or that rows have not been held against, does not tell a row from another.
const CONSTRAINTS = `SELECT c.CONSTRAINT_NAME, k.COLUMN_NAME, c.STATUS, c.VALIDATED, c.DEFERRABLE
  FROM ALL_CONSTRAINTS c JOIN ALL_CONS_COLUMNS k ON k.OWNER = c.OWNER AND k.CONSTRAINT_NAME = c.CONSTRAINT_NAME
  WHERE c.OWNER = :1 AND c.TABLE_NAME = :2 AND c.CONSTRAINT_TYPE IN ('P', 'U') ORDER BY c.CONSTRAINT_NAME, k.POSITION`;

const INDEXES = `SELECT i.INDEX_NAME, k.COLUMN_NAME, i.INDEX_TYPE
  FROM ALL_INDEXES i JOIN ALL_IND_COLUMNS k ON k.INDEX_OWNER = i.OWNER AND k.INDEX_NAME = i.INDEX_NAME
  WHERE i.TABLE_OWNER = :1 AND i.TABLE_NAME = :2 AND i.UNIQUENESS = 'UNIQUE' ORDER BY i.INDEX_NAME, k.COLUMN_POSITION`;

export type Run = (statement: Statement) => Promise<Result>;

/** Describes a table; undefined where there is none. */
export async function describeOracle(table: TableName, run: Run): Promise<CatalogTable<OracleColumn> | undefined> {
  const found = await find(table, run);
  if (!found) return undefined;
  const params = [found.schema, found.name];
  const unicode = await isUnicode(run);
  const columns = (await run({ sql: COLUMNS, params })).rows.map((row) => columnOf(row, unicode));
  const constraints = (await run({ sql: CONSTRAINTS, params })).rows.map(
    ([name, column, status, validated, deferrable]) => ({
      name: textOf(name),
      column: textOf(column),
      exact:
        textOf(status) === "ENABLED" && textOf(validated) === "VALIDATED" && textOf(deferrable) === "NOT DEFERRABLE",
    }),
  );
  const indexes = (await run({ sql: INDEXES, params })).rows.map(([name, column, type]) => ({
    name: textOf(name),
    column: textOf(column),
    exact: !textOf(type).startsWith("FUNCTION-BASED"),
  }));
  return { table: found, columns, uniqueKeys: [...group(constraints), ...group(indexes)] };
}

/** The table under the name that the catalog has for it: as it is written first, then in upper case. */
async function find(table: TableName, run: Run): Promise<(TableName & { schema: string }) | undefined> {
  const names = spellings(table.name);
  const schemas = table.schema === undefined ? [] : spellings(table.schema);
  const params: string[] = [];
  const list = (values: readonly string[]) => values.map((value) => `:${params.push(value)}`).join(", ");
  const owner = schemas.length === 0 ? "= SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')" : `IN (${list(schemas)})`;
  const sql =
    `SELECT OWNER, OBJECT_NAME, OBJECT_TYPE FROM ALL_OBJECTS WHERE OWNER ${owner} AND OBJECT_NAME IN (${list(names)}) ` +
    "AND OBJECT_TYPE IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW', 'SYNONYM')";
  const rows = (await run({ sql, params })).rows.map(([schema, name, type]) => ({
    schema: textOf(schema),
    name: textOf(name),
    type: textOf(type),
  }));
  const rank = (row: { schema: string; name: string; type: string }) =>
    schemas.indexOf(row.schema) * 4 + names.indexOf(row.name) * 2 + (row.type === "TABLE" ? 0 : 1);
  const [best] = rows.sort((a, b) => rank(a) - rank(b));
  if (best && best.type !== "TABLE") {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is not a table but a ${best.type.toLowerCase()}`, {
      hint: "Name the table behind it, with its schema.",
    });
  }
  return best && { schema: best.schema, name: best.name };
}

async function isUnicode(run: Run): Promise<boolean> {
  const sql = `SELECT "VALUE" FROM NLS_DATABASE_PARAMETERS WHERE PARAMETER = 'NLS_CHARACTERSET'`;
  const { rows } = await run({ sql, params: [] });
  return /^(AL32)?UTF/.test(textOf(rows[0]?.[0]));
}

function columnOf(row: readonly unknown[], unicode: boolean): OracleColumn {
  const [name, dataType, length, charLength, charUsed, precision, scale, nullable, fallback, virtual, identity] = row;
  const type: OracleType = {
    dataType: textOf(dataType),
    length: numberOf(length),
    charLength: numberOf(charLength),
    countsBytes: textOf(charUsed) === "B",
    precision: numberOf(precision),
    scale: numberOf(scale),
  };
  const isNullable = textOf(nullable) === "Y";
  return {
    name: textOf(name),
    type: describeType(type),
    kind: oracleKind(type),
    nullable: isNullable,
    generated: textOf(virtual) === "YES",
    required: !isNullable && (numberOf(fallback) ?? 0) === 0 && textOf(identity) !== "YES",
    ...oracleBinding(type, unicode),
  };
}

/** As people write it, for messages. */
function describeType({ dataType, charLength, precision, scale }: OracleType): string {
  if (/CHAR/.test(dataType) && charLength) return `${dataType}(${charLength})`;
  if (dataType === "NUMBER" && precision !== undefined) return `NUMBER(${precision},${scale ?? 0})`;
  return dataType;
}

function group(rows: readonly { name: string; column: string; exact: boolean }[]): readonly UniqueKey[] {
  const keys = new Map<string, { name: string; columns: string[]; exact: boolean }>();
  for (const { name, column, exact } of rows) {
    const key = keys.get(name) ?? { name, columns: [], exact };
    keys.set(name, key);
    key.columns.push(column);
  }
  return [...keys.values()];
}
