/** Holds a recipe against the catalog: table, columns and key are as it needs them, or an error that says how to make them so. */
import { UserError } from "../../errors.js";
import type { Column } from "../../model.js";
import type { TableReference } from "../sql/table.js";
import type { CatalogColumn } from "./catalog.js";
import { quote, quoteTable } from "./cql.js";
import type { Encoder } from "./encode.js";
import { cassandraType, keyKind, whyNot } from "./types.js";

/** A column with what its values need on their way. */
export interface TargetColumn extends Column {
  readonly encode: Encoder | undefined;
}

/** The table that a sink writes, checked. */
export interface Target {
  /** Quoted, with its keyspace. */
  readonly table: string;
  /** In the recipe's order. */
  readonly key: readonly TargetColumn[];
  /** Places in `key` of the partition key's columns, in the table's order. */
  readonly partitionKey: readonly number[];
  /** Every column that the recipe names, the key's among them. */
  readonly columns: ReadonlyMap<string, TargetColumn>;
}

/** Returns the table to write. */
export function verifyTable(
  reference: TableReference,
  found: readonly CatalogColumn[],
  mapped: readonly string[],
): Target {
  const table = quoteTable(reference.table);
  const refuse = (message: string, hint: string): never => {
    throw new UserError("DATABASE_MISCONFIGURED", `Table "${reference.label}" ${message}`, { hint });
  };
  if (found.length === 0) {
    refuse("does not exist", `Create it, for example:\n${createTable(table, reference.primaryKey, mapped)}`);
  }
  const names = [...new Set([...reference.primaryKey, ...mapped])];
  const missing = names.filter((name) => !found.some((column) => column.name === name));
  if (missing.length > 0) {
    refuse(
      `has no column ${list(missing)}; it has ${list(found.map(({ name }) => name))}`,
      `Correct the mapping, or add what is missing. Cassandra keeps names that are not quoted in lower case.\n${missing
        .map((name) => `ALTER TABLE ${table} ADD ${quote(name)} text;`)
        .join("\n")}`,
    );
  }
  const key = found.filter(({ place }) => place === "partition_key" || place === "clustering");
  if (key.length !== reference.primaryKey.length || !key.every(({ name }) => reference.primaryKey.includes(name))) {
    const columns = inOrder(key).map(({ name }) => name);
    refuse(
      `has the primary key (${columns.join(", ")}), and the recipe names (${reference.primaryKey.join(", ")})`,
      `Write primaryKey: ${JSON.stringify(columns.length === 1 ? columns[0] : columns)} in the recipe. In Cassandra a row is known by its whole primary key, and by nothing else.`,
    );
  }
  const columns = new Map(names.map((name) => [name, targetColumn(find(found, name), refuse)]));
  return {
    table,
    key: reference.primaryKey.map((name) => columns.get(name)!),
    partitionKey: inOrder(key.filter(({ place }) => place === "partition_key")).map(({ name }) =>
      reference.primaryKey.indexOf(name),
    ),
    columns,
  };
}

function targetColumn(
  { name, type, place }: CatalogColumn,
  refuse: (message: string, hint: string) => never,
): TargetColumn {
  const known = cassandraType(type);
  if (!known) {
    return refuse(
      `cannot be written: column "${name}" is of type ${type}, and ${whyNot(type)}`,
      "Take the column out of the mappings, or map the field to a column of another type, for example text.",
    );
  }
  if (place === "static") {
    refuse(
      `cannot be written: column "${name}" is static, one value for all rows of a partition`,
      "Take the column out of the mappings: several hashes would claim one value.",
    );
  }
  const isKey = place !== "regular";
  return { name, type, kind: isKey ? keyKind(known.kind) : known.kind, nullable: !isKey, encode: known.encode };
}

/** As the table's definition has them: the partition key's columns first. */
function inOrder(key: readonly CatalogColumn[]): readonly CatalogColumn[] {
  const rank = ({ place, position }: CatalogColumn) => (place === "partition_key" ? 0 : 1000) + position;
  return [...key].sort((a, b) => rank(a) - rank(b));
}

const find = (columns: readonly CatalogColumn[], name: string): CatalogColumn =>
  columns.find((column) => column.name === name)!;

function createTable(table: string, key: readonly string[], mapped: readonly string[]): string {
  const columns = [...new Set([...key, ...mapped])].map((name) => `${quote(name)} text`);
  return `CREATE TABLE ${table} (${columns.join(", ")}, PRIMARY KEY (${key.map(quote).join(", ")}));`;
}

const list = (names: readonly string[]): string => names.map((name) => `"${name}"`).join(", ");
