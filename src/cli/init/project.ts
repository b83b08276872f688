/** What a new project consists of, made of answers. Pure. */
import type { ColumnType } from "../../recipe/recipe.js";
import type { Connection } from "./connection.js";
import { type Database, databaseOf, type DatabaseName } from "./databases.js";
import type { ColumnSpec, FieldSpec } from "./mapping.js";
import type { Values } from "./template.js";

/** One recipe to write. */
export interface RecipePlan {
  /** The recipe's name. */
  readonly name: string;
  readonly prefix: string;
  readonly table: string;
  readonly primaryKey: readonly ColumnSpec[];
  readonly fields: readonly FieldSpec[];
  /** Columns that no field goes to: for schema.sql. */
  readonly otherColumns?: readonly ColumnSpec[];
  /** What a person should know, in the recipe as comments. */
  readonly notes?: readonly string[];
}

/** All that `wbsync init` has to know. */
export interface Project {
  /** The folder's name, as npm wants it. */
  readonly project: string;
  readonly database: DatabaseName;
  readonly connection: Connection;
  /** At least one. */
  readonly recipes: readonly RecipePlan[];
}

/** Versions that the project's package.json names. */
export interface Versions {
  readonly wbsync: string;
  readonly typescript: string;
  readonly nodeTypes: string;
}

/** What the templates' placeholders stand for, in the files of one of the project's recipes. */
export function projectValues(project: Project, recipe: RecipePlan, versions: Versions): Values {
  const { primaryKey, fields, notes = [] } = recipe;
  const database = databaseOf(project.database);
  const place = placeValues(project.connection, database.port);
  const keys = primaryKey.map(({ column }) => column);
  return {
    ...place,
    ...versions,
    project: project.project,
    name: recipe.name,
    label: database.label,
    passwordName: database.passwordName,
    prefix: recipe.prefix,
    table: recipe.table,
    primaryKey: keys.length === 1 ? keys[0]! : keys,
    keyShape: keys.join(">:<"),
    exampleKey: shellWord(
      `${recipe.prefix}:${primaryKey.map(({ type }) => (type === "text" ? "1" : EXAMPLES[type])).join(":")}`,
    ),
    exampleFields: fields.map(({ field, type }) => `${shellWord(field)} ${shellWord(EXAMPLES[type])}`).join(" "),
    mappings: [...fields.map((field) => mappingLine(field, database)), ...notes.map((note) => `// ${oneLine(note)}`)],
    quotedTable: quoteTable(recipe.table, database),
    columns: columnLines(recipe, database),
    envStep: envStep(project.connection),
    schemaStep: schemaStep(database, place),
  };
}

/** The password that goes into .env; undefined: no .env is written. */
export function passwordOf(connection: Connection): string | undefined {
  return "file" in connection ? undefined : connection.password;
}

function envStep(connection: Connection): string {
  return passwordOf(connection) === undefined
    ? "`cp .env.example .env`, and write into it how to reach Redis and the database. Without it\n   `npm run deploy` ends with `node: .env: not found`."
    : "See that `.env` says how to reach Redis. It holds the database's password already.";
}

/** What to do before anything is written. */
function schemaStep({ schemaCommand }: Database, place: Values): string {
  if (schemaCommand === "") return "There is nothing to create there: hashes come as they are written.";
  const command = schemaCommand.replace(/\{\{(\w+)\}\}/g, (_, name: string) => shellWord(String(place[name])));
  return `Create the table, if it does not exist yet: \`${command}\``;
}

function placeValues(connection: Connection, usualPort: number | undefined): Values {
  if ("file" in connection) return { file: connection.file, ignored: `${connection.file}*` };
  const { host, port, user, database, extra } = connection;
  return {
    ...{ host, user, database, ignored: "" },
    urlHost: host.includes(":") ? `[${host}]` : host,
    portNumber: String(port),
    // A port that need not be said is a line less.
    port: port === usualPort ? [] : [`port: ${port},`],
    ...extra,
  };
}

/** As in a recipe, a dot separates schema and table. */
function quoteTable(table: string, database: Database): string {
  const at = table.indexOf(".");
  const parts = at > 0 && at < table.length - 1 ? [table.slice(0, at), table.slice(at + 1)] : [table];
  return parts.map((part) => database.quote(part)).join(".");
}

function columnLines({ primaryKey, fields, otherColumns = [] }: RecipePlan, database: Database): readonly string[] {
  const line = ({ column, type, sqlType, notNull }: ColumnSpec, fallback: string = database.types[type]): string =>
    `${database.quote(column)} ${sqlType ?? fallback}${notNull ? (database.notNull ?? " NOT NULL") : ""},`;
  const keys = primaryKey.map((key) =>
    line({ ...key, notNull: true }, key.type === "text" ? database.keyType : database.types[key.type]),
  );
  const columns = [...fields, ...otherColumns].map((column) => line(column));
  return [...keys, ...columns, `PRIMARY KEY (${primaryKey.map(({ column }) => database.quote(column)).join(", ")})`];
}

function mappingLine({ field, column, type, saysType, remark }: FieldSpec, { isUntyped }: Database): string {
  const name = JSON.stringify(column);
  const target = saysType || (isUntyped && type !== "text") ? `{ column: ${name}, type: "${type}" }` : name;
  return `${propertyName(field)}: ${target},${remark === undefined ? "" : ` // ${oneLine(remark)}`}`;
}

/** A comment must end where it should. */
function oneLine(text: string): string {
  return text.replace(/[\r\n\u2028\u2029]+/g, " ");
}

const EXAMPLES: Readonly<Record<ColumnType, string>> = {
  ...{ text: "hello", integer: "42", decimal: "9.99", float: "0.5", boolean: "1" },
  ...{ date: "2024-02-29", time: "12:30:00", datetime: "2024-02-29T12:30:00Z" },
  ...{ json: "{}", uuid: "6b1bd5b6-3f3e-4b6c-9c0a-2f6f0c4e9d10", binary: "bytes" },
};

function propertyName(field: string): string {
  // In an object literal it would be the prototype.
  if (field === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field);
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
