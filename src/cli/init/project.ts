/** What a new project consists of, made of answers. Pure. */
import type { ColumnType } from "../../recipe/recipe.js";
import type { Connection } from "./connection.js";
import { type Database, databaseOf, type DatabaseName } from "./databases.js";
import type { ColumnSpec, FieldSpec } from "./mapping.js";
import type { Values } from "./template.js";

/** All that `wbsync init` has to know. */
export interface Answers {
  /** The folder's name: the project's, too. */
  readonly project: string;
  readonly database: DatabaseName;
  readonly connection: Connection;
  /** The recipe's name. */
  readonly name: string;
  readonly prefix: string;
  readonly table: string;
  readonly primaryKey: readonly ColumnSpec[];
  readonly fields: readonly FieldSpec[];
}

/** Versions that the project's package.json names. */
export interface Versions {
  readonly wbsync: string;
  readonly typescript: string;
}

/** What the templates' placeholders stand for. */
export function projectValues(answers: Answers, versions: Versions): Values {
  const { connection, primaryKey, fields } = answers;
  const database = databaseOf(answers.database);
  const place = placeValues(connection, database.port);
  const keys = primaryKey.map(({ column }) => column);
  return {
    ...place,
    ...versions,
    project: answers.project,
    name: answers.name,
    label: database.label,
    passwordName: database.passwordName,
    prefix: answers.prefix,
    table: answers.table,
    primaryKey: keys.length === 1 ? keys[0]! : keys,
    keyShape: keys.join(">:<"),
    exampleId: primaryKey.map(({ type }) => (type === "text" ? "1" : EXAMPLES[type])).join(":"),
    exampleFields: fields.map(({ field, type }) => `${field} ${EXAMPLES[type]}`).join(" "),
    mappings: fields.map(({ field, column }) => `${propertyName(field)}: ${JSON.stringify(column)},`),
    quotedTable: quoteTable(answers.table, database),
    columns: columnLines(answers),
    schemaCommand: database.schemaCommand.replace(/\{\{(\w+)\}\}/g, (_, name: string) =>
      shellWord(String(place[name])),
    ),
  };
}

function placeValues(connection: Connection, usualPort: number | undefined): Values {
  if ("file" in connection) return { file: connection.file, ignored: `${connection.file}*` };
  const { host, port, user, database } = connection;
  return {
    ...{ host, user, database, ignored: "" },
    portNumber: String(port),
    // A port that need not be said is a line less.
    port: port === usualPort ? [] : [`port: ${port},`],
  };
}

/** As in a recipe, a dot separates schema and table. */
function quoteTable(table: string, database: Database): string {
  const at = table.indexOf(".");
  const parts = at > 0 && at < table.length - 1 ? [table.slice(0, at), table.slice(at + 1)] : [table];
  return parts.map((part) => database.quote(part)).join(".");
}

function columnLines({ database, primaryKey, fields }: Answers): readonly string[] {
  const { types, keyType, ...dialect } = databaseOf(database);
  const quote = (identifier: string): string => dialect.quote(identifier);
  const keys = primaryKey.map(
    ({ column, type }) => `${quote(column)} ${type === "text" ? keyType : types[type]} NOT NULL,`,
  );
  const columns = fields.map(({ column, type }) => `${quote(column)} ${types[type]},`);
  return [...keys, ...columns, `PRIMARY KEY (${primaryKey.map(({ column }) => quote(column)).join(", ")})`];
}

const EXAMPLES: Readonly<Record<ColumnType, string>> = {
  ...{ text: "hello", integer: "42", decimal: "9.99", float: "0.5", boolean: "1" },
  ...{ date: "2024-02-29", time: "12:30:00", datetime: "2024-02-29T12:30:00Z" },
  ...{ json: "'{}'", uuid: "6b1bd5b6-3f3e-4b6c-9c0a-2f6f0c4e9d10", binary: "bytes" },
};

function propertyName(field: string): string {
  // In an object literal it would be the prototype.
  if (field === "__proto__") return '["__proto__"]';
  return /^[A-Za-z_$][\w$]*$/.test(field) ? field : JSON.stringify(field);
}

function shellWord(text: string): string {
  return /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
