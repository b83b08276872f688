/** Holds a recipe against the catalog: table, columns and key are as it needs them, or an error that says how to make them so. */
import { UserError } from "../../errors.js";
import {
  quoteColumn,
  quoteTable,
  type CatalogColumn,
  type CatalogTable,
  type Dialect,
  type Target,
} from "./database.js";
import type { TableReference } from "./table.js";

/** Returns the table to write, with its columns under the names that the recipe uses. */
export function verifyTable<C extends CatalogColumn>(
  dialect: Dialect<C>,
  reference: TableReference,
  found: CatalogTable<C> | undefined,
  mapped: readonly string[],
): Target<C> {
  const table = found?.table
    ? quoteTable(dialect, found.table)
    : quoteTable({ quote: fresh(dialect) }, reference.table);
  const refuse = (message: string, hint: string): never => {
    throw new UserError("DATABASE_MISCONFIGURED", `Table "${reference.label}" ${message}`, { hint });
  };
  if (!found || found.columns.length === 0) {
    return refuse(
      "does not exist, or this user may not see it",
      `Create it, for example:\n${createTable(dialect, table, reference.primaryKey, mapped)}`,
    );
  }
  const same = (a: string, b: string) => a === b || (dialect.caseInsensitiveColumns && fold(a) === fold(b));
  const names = [...new Set([...reference.primaryKey, ...mapped])];
  const columns = new Map<string, C>();
  const missing: string[] = [];
  for (const name of names) {
    const column =
      found.columns.find((candidate) => candidate.name === name) ??
      found.columns.find((candidate) => same(candidate.name, name));
    if (!column) missing.push(name);
    else if (column.generated) {
      refuse(`computes its column "${name}" itself`, "Take the column out of the mappings: it cannot be written.");
    } else columns.set(name, column.name === name ? column : { ...column, name, stored: column.name });
  }
  if (missing.length > 0) {
    const has = found.columns.map((column) => `"${column.name}"`).join(", ");
    refuse(
      `has no column ${missing.map((name) => `"${name}"`).join(", ")}; it has ${has}`,
      `Correct the mapping, or add what is missing:\n${missing
        .map(
          (name) =>
            `ALTER TABLE ${table} ${dialect.addColumn ?? "ADD COLUMN"} ${fresh(dialect)(name)} ${dialect.exampleType};`,
        )
        .join("\n")}`,
    );
  }
  const covers = (key: { readonly columns: readonly string[] }) =>
    key.columns.length === reference.primaryKey.length &&
    reference.primaryKey.every((name) => key.columns.some((column) => same(column, name)));
  const usable = found.uniqueKeys.filter((key) => key.exact && covers(key));
  if (usable.length === 0) {
    const quoted = reference.primaryKey.map((name) => quoteColumn(dialect, columns.get(name) as C)).join(", ");
    refuse(
      `has no PRIMARY KEY or UNIQUE index on exactly (${reference.primaryKey.join(", ")}): a changed row could not be told from a new one`,
      `Correct primaryKey in the recipe, or add the index:\n${addKey(dialect, table, dialect.quote(`${reference.table.name}_key`), quoted)};`,
    );
  }
  return {
    table,
    key: reference.primaryKey.map((name) => columns.get(name) as C),
    columns,
    required: found.columns.filter((column) => column.required).map((column) => nameIn(columns, column.name, same)),
    otherUniqueKeys: found.uniqueKeys.filter((key) => !covers(key)),
  };
}

/** The recipe's spelling of a catalog name, where the recipe names it. */
function nameIn(
  columns: ReadonlyMap<string, CatalogColumn>,
  name: string,
  same: (a: string, b: string) => boolean,
): string {
  return [...columns.keys()].find((known) => same(known, name)) ?? name;
}

function createTable(dialect: Dialect, table: string, key: readonly string[], mapped: readonly string[]): string {
  const quote = fresh(dialect);
  const keyColumns = key.map((name) => `${quote(name)} ${dialect.exampleKeyType}`);
  const others = mapped.filter((name) => !key.includes(name)).map((name) => `${quote(name)} ${dialect.exampleType}`);
  const primary = `PRIMARY KEY (${key.map(quote).join(", ")})`;
  return `CREATE TABLE ${table} (${[...keyColumns, ...others, primary].join(", ")});`;
}

function addKey(dialect: Dialect, table: string, name: string, columns: string): string {
  return dialect.addKey?.(table, name, columns) ?? `CREATE UNIQUE INDEX ${name} ON ${table} (${columns})`;
}

/** How a name is quoted that does not exist yet. */
const fresh = (dialect: Dialect): ((name: string) => string) => dialect.quoteOwn ?? dialect.quote;

const fold = (name: string): string => name.toLowerCase();
