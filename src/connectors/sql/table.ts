/** What a recipe says about its table: `db.table("persons", { primaryKey: "id" })`. */
import { UserError } from "../../errors.js";
import { unknownOptions } from "../option-refusal.js";

/** The second argument of `table`. */
export interface TableOptions {
  /** The column, or the columns in the order of the key's parts, that identify a row. A PRIMARY KEY or UNIQUE index must cover exactly these. */
  readonly primaryKey: string | readonly string[];
  /**
   * The schema (in MySQL: the database; in SQLite: the attached one) of the table. Where it is given the table's name is taken as
   * it is; where it is not, a dot in the name separates schema and table.
   */
  readonly schema?: string;
  /** Where checkpoints are stored; "wbsync_checkpoint" in the schema of the table where nothing is said. May be "schema.name". */
  readonly checkpointTable?: string;
}

/** A table's name; without a schema it is looked up where the connection looks. */
export interface TableName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** A table as a recipe names it, validated. */
export interface TableReference {
  /** As the recipe writes it: for messages, and for the checkpoint's key. */
  readonly label: string;
  readonly table: TableName;
  readonly primaryKey: readonly string[];
  readonly checkpointTable: TableName;
}

/** Validates what a recipe says about its table. */
export function tableReference(name: string, options: TableOptions): TableReference {
  const { primaryKey, schema, checkpointTable = "wbsync_checkpoint", ...rest } = options ?? {};
  const refuse = (what: string, hint: string): never => {
    throw new UserError("RECIPE_INVALID", what, { hint });
  };
  const example = 'Write db.table("persons", { primaryKey: "id" }).';
  if (!isName(name)) refuse(`table: expected the name of a table, got ${show(name)}`, example);
  const unknown = unknownOptions(rest, ["primaryKey", "schema", "checkpointTable"]);
  if (unknown !== undefined) {
    refuse(`table "${name}": ${unknown.what}`, `${unknown.meant}A table takes primaryKey, schema and checkpointTable.`);
  }
  const key = typeof primaryKey === "string" ? [primaryKey] : primaryKey;
  if (!Array.isArray(key) || key.length === 0 || !key.every(isName)) {
    refuse(`table "${name}": primaryKey: expected a column or a list of columns, got ${show(primaryKey)}`, example);
  }
  if (new Set(key).size !== key.length) {
    refuse(`table "${name}": primaryKey names a column twice: ${show(key)}`, example);
  }
  if (schema !== undefined && !isName(schema)) {
    refuse(`table "${name}": schema: expected a name, got ${show(schema)}`, example);
  }
  if (!isName(checkpointTable)) {
    refuse(`table "${name}": checkpointTable: expected a name, got ${show(checkpointTable)}`, example);
  }
  const table = schema === undefined ? splitName(name) : { schema, name };
  const checkpoints = splitName(checkpointTable);
  return {
    label: schema === undefined ? name : `${schema}.${name}`,
    table,
    primaryKey: [...key],
    checkpointTable: { schema: checkpoints.schema ?? table.schema, name: checkpoints.name },
  };
}

function splitName(text: string): TableName {
  const dot = text.indexOf(".");
  if (dot <= 0 || dot === text.length - 1) return { schema: undefined, name: text };
  return { schema: text.slice(0, dot), name: text.slice(dot + 1) };
}

const isName = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && !value.includes("\u0000");

const show = (value: unknown): string => JSON.stringify(value) ?? String(value);
