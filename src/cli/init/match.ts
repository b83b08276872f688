/** Finds out which hashes belong to which table, and which field to which column. Pure. */
import type { CatalogColumn, UniqueKey } from "../../connectors/sql/database.js";
import type { ColumnType } from "../../recipe/recipe.js";
import type { FoundTable } from "./catalog.js";
import type { ColumnSpec, FieldSpec } from "./mapping.js";
import { isPartOf, isSameName, recipeName, singular, tableResemblance } from "./names.js";
import type { RecipePlan } from "./project.js";
import type { PrefixSample } from "./sample.js";

/** A recipe for each table that has hashes, the best matches first; each prefix and each table is used once. */
export function matchTables(tables: readonly FoundTable[], samples: readonly PrefixSample[]): readonly RecipePlan[] {
  const pairs = tables
    .flatMap((table) => samples.map((sample) => ({ table, sample, score: scoreOf(table, sample) })))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const plans: RecipePlan[] = [];
  const used = new Set<unknown>();
  for (const { table, sample } of pairs) {
    if (used.has(table) || used.has(sample)) continue;
    used.add(table).add(sample);
    plans.push(planOf(table, sample)!);
  }
  return plans;
}

/** A recipe for a table whose hashes nobody has written yet: fields have the names of columns. */
export function planFromColumns(table: FoundTable): RecipePlan | undefined {
  const key = keyOf(table, undefined);
  if (key === undefined) return undefined;
  const columns = writable(table, key);
  const values: readonly string[] = [];
  return planOf(table, {
    prefix: singular(withoutSchema(table)),
    keys: 0,
    idParts: key.length,
    fields: new Map(columns.map(({ name }) => [name, values])),
  });
}

/** 0: they have nothing to do with one another. */
function scoreOf(table: FoundTable, sample: PrefixSample): number {
  const plan = planOf(table, sample);
  if (plan === undefined || plan.fields.length === 0) return 0;
  const share = plan.fields.length / sample.fields.size;
  const resemblance = tableResemblance(sample.prefix, withoutSchema(table));
  const isLikely = resemblance === 1 || (plan.fields.length >= 2 && share >= 0.6);
  return isLikely ? share + resemblance : 0;
}

function withoutSchema({ table }: FoundTable): string {
  return table.replace(/^.*\./, "");
}

function planOf(table: FoundTable, sample: PrefixSample): RecipePlan | undefined {
  const key = keyOf(table, sample.idParts);
  if (key === undefined) return undefined;
  const columns = writable(table, key);
  const names = [...sample.fields.keys()].filter((field) => !key.some(({ name }) => isSameName(name, field)));
  const pairs = pairUp(names, columns);
  const fields = [...pairs].map(([field, pair]) => fieldSpec(field, pair, sample.fields.get(field) ?? []));
  const rest = columns.filter((column) => ![...pairs.values()].some((pair) => pair.column === column));
  return {
    name: recipeName(table.table),
    prefix: sample.prefix,
    table: table.table,
    primaryKey: key.map((column) => columnSpec(column)),
    fields,
    otherColumns: rest.map((column) => columnSpec(column)),
    notes: notesOf(
      names.filter((field) => !pairs.has(field)),
      rest,
    ),
  };
}

/** The primary key where it can be told; else a unique key without NULL. A key of several columns needs ids of as many parts. */
function keyOf(table: FoundTable, idParts: number | undefined): readonly CatalogColumn[] | undefined {
  const keys = table.uniqueKeys.filter(
    ({ exact, columns }) => exact && (columns.length === 1 || columns.length === idParts),
  );
  const resolved = keys
    .map((key) => ({ key, columns: key.columns.map((name) => table.columns.find((column) => column.name === name)) }))
    .filter(({ key, columns }) => columns.every((column) => column && (isPrimary(key) || !column.nullable)));
  const best = resolved.find(({ key }) => isPrimary(key)) ?? resolved[0];
  return best?.columns as readonly CatalogColumn[] | undefined;
}

/** As MySQL, SQLite and, unless somebody chose another name, PostgreSQL and SQL Server call it. */
function isPrimary({ name }: UniqueKey): boolean {
  return /^PRIMARY( KEY)?$|_pkey$|^PK_/.test(name);
}

function writable(table: FoundTable, key: readonly CatalogColumn[]): readonly CatalogColumn[] {
  return table.columns.filter((column) => !column.generated && !key.includes(column));
}

interface Pair {
  readonly column: CatalogColumn;
  readonly isGuess: boolean;
}

/** First what has the same name, then what shares its words with one column alone. */
function pairUp(fields: readonly string[], columns: readonly CatalogColumn[]): ReadonlyMap<string, Pair> {
  const pairs = new Map<string, Pair>();
  const free = new Set(columns);
  const pair = (field: string, column: CatalogColumn, isGuess: boolean): void => {
    pairs.set(field, { column, isGuess });
    free.delete(column);
  };
  for (const field of fields) {
    const same = columns.find(({ name }) => name === field) ?? columns.find(({ name }) => isSameName(name, field));
    if (same !== undefined && free.has(same)) pair(field, same, false);
  }
  const open = fields.filter((field) => !pairs.has(field));
  for (const field of open) {
    const alike = [...free].filter(({ name }) => isPartOf(name, field));
    const rivals = open.filter((other) => other !== field && alike.some(({ name }) => isPartOf(name, other)));
    if (alike.length === 1 && rivals.length === 0) pair(field, alike[0]!, true);
  }
  // In the order in which the hashes have them.
  return new Map(fields.flatMap((field) => (pairs.has(field) ? [[field, pairs.get(field)!]] : [])));
}

function fieldSpec(field: string, { column, isGuess }: Pair, values: readonly string[]): FieldSpec {
  const isBoolean = values.length > 0 && values.every((value) => /^(true|false)$/i.test(value));
  const saysType = isBoolean && column.kind.kind === "integer";
  return {
    ...columnSpec(column),
    field,
    ...(saysType && { type: "boolean" as const, saysType }),
    remark: isGuess ? `${column.type}; guessed by the name` : column.type,
  };
}

function columnSpec(column: CatalogColumn): ColumnSpec {
  const { kind } = column.kind;
  const type: ColumnType = kind === "other" ? "text" : kind;
  return { column: column.name, type, sqlType: column.type, notNull: !column.nullable };
}

function notesOf(fields: readonly string[], columns: readonly CatalogColumn[]): readonly string[] {
  const names = (found: readonly CatalogColumn[]): string => found.map(({ name }) => name).join(", ");
  const required = columns.filter((column) => column.required);
  const others = columns.filter((column) => !column.required);
  return [
    ...(fields.length > 0 ? [`Fields that no column was found for: ${fields.join(", ")}`] : []),
    ...(required.length > 0
      ? [`A new row needs these columns, and no field was found for them: ${names(required)}`]
      : []),
    ...(others.length > 0 ? [`Columns that stay as they are: ${names(others)}`] : []),
  ];
}
