/** What `wbsync init` has to know of each database. To teach it another one: an entry here, and a folder in templates/. */
import { fold } from "../../connectors/sql/folded-names.js";
import type { ColumnType } from "../../recipe/recipe.js";

export interface Database {
  readonly label: string;
  /** What is offered when it asks for the connection. */
  readonly exampleUrl: string;
  readonly schemes: readonly string[];
  /** The port that need not be said; undefined: a file. */
  readonly port: number | undefined;
  /** What else its URL says, by the names of the template's placeholders. */
  readonly extra?: (url: URL) => Readonly<Record<string, string>>;
  /** The name of the parameter that holds the password. */
  readonly passwordName: string;
  /** How the database's own client loads schema.sql. */
  readonly schemaCommand: string;
  quote(identifier: string): string;
  readonly types: Readonly<Record<ColumnType, string>>;
  /** The type of a key that may be any text. */
  readonly keyType: string;
}

/** Quoted, in the upper case that these databases give to names without quotes: people write the same as in a recipe. */
const folded = (identifier: string): string => `"${fold(identifier).replaceAll('"', '""')}"`;

export const DATABASES = {
  mysql: {
    label: "MySQL or MariaDB",
    exampleUrl: "mysql://app@127.0.0.1:3306/test",
    schemes: ["mysql", "mariadb"],
    port: 3306,
    passwordName: "MYSQL_PASSWORD",
    schemaCommand: "mysql --host={{host}} --port={{portNumber}} --user={{user}} --password {{database}} < schema.sql",
    quote: (identifier) => `\`${identifier.replaceAll("`", "``")}\``,
    types: {
      ...{ integer: "BIGINT", decimal: "DECIMAL(20, 4)", float: "DOUBLE", boolean: "BOOLEAN" },
      ...{ text: "VARCHAR(255)", binary: "BLOB", json: "JSON", uuid: "CHAR(36)" },
      ...{ date: "DATE", time: "TIME", datetime: "DATETIME(3)" },
    },
    keyType: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  },
  postgres: {
    label: "PostgreSQL",
    exampleUrl: "postgres://app@127.0.0.1:5432/test",
    schemes: ["postgres", "postgresql"],
    port: 5432,
    passwordName: "POSTGRES_PASSWORD",
    schemaCommand: "psql --host={{host}} --port={{portNumber}} --username={{user}} {{database}} < schema.sql",
    quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
    types: {
      ...{ integer: "bigint", decimal: "numeric", float: "double precision", boolean: "boolean" },
      ...{ text: "text", binary: "bytea", json: "jsonb", uuid: "uuid" },
      ...{ date: "date", time: "time", datetime: "timestamptz" },
    },
    keyType: "text",
  },
  sqlite: {
    label: "SQLite",
    exampleUrl: "data.sqlite",
    schemes: ["sqlite", "file"],
    port: undefined,
    passwordName: "",
    schemaCommand: "sqlite3 {{file}} < schema.sql",
    quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
    types: {
      ...{ integer: "INTEGER", decimal: "NUMERIC", float: "REAL", boolean: "BOOLEAN" },
      ...{ text: "TEXT", binary: "BLOB", json: "TEXT", uuid: "TEXT" },
      ...{ date: "DATE", time: "TIME", datetime: "DATETIME" },
    },
    keyType: "TEXT",
  },
  oracle: {
    label: "Oracle",
    exampleUrl: "oracle://app@127.0.0.1:1521/FREEPDB1",
    schemes: ["oracle"],
    port: 1521,
    passwordName: "ORACLE_PASSWORD",
    schemaCommand: "sqlplus {{user}}@//{{host}}:{{portNumber}}/{{database}} @schema.sql",
    quote: folded,
    types: {
      ...{ integer: "NUMBER(19)", decimal: "NUMBER(20, 4)", float: "BINARY_DOUBLE", boolean: "NUMBER(1)" },
      ...{ text: "VARCHAR2(255 CHAR)", binary: "BLOB", json: "CLOB", uuid: "VARCHAR2(36 CHAR)" },
      ...{ date: "DATE", time: "VARCHAR2(18 CHAR)", datetime: "TIMESTAMP(3)" },
    },
    keyType: "VARCHAR2(255 CHAR)",
  },
  snowflake: {
    label: "Snowflake",
    exampleUrl: "snowflake://app@myorg-myaccount/SHOP/PUBLIC?warehouse=COMPUTE_WH",
    schemes: ["snowflake"],
    port: 443,
    extra({ pathname, searchParams }) {
      const [database = "", schema] = pathname.slice(1).split("/").map(decodeURIComponent);
      return { database, schema: schema || "PUBLIC", warehouse: searchParams.get("warehouse") ?? "COMPUTE_WH" };
    },
    passwordName: "SNOWFLAKE_PASSWORD",
    schemaCommand:
      "snowsql --accountname {{host}} --username {{user}} --dbname {{database}} --schemaname {{schema}} --filename schema.sql",
    quote: folded,
    types: {
      ...{ integer: "NUMBER(19, 0)", decimal: "NUMBER(20, 4)", float: "FLOAT", boolean: "BOOLEAN" },
      ...{ text: "VARCHAR", binary: "BINARY", json: "VARIANT", uuid: "VARCHAR(36)" },
      ...{ date: "DATE", time: "TIME", datetime: "TIMESTAMP_NTZ(3)" },
    },
    keyType: "VARCHAR(255)",
  },
} as const satisfies Record<string, Database>;

export type DatabaseName = keyof typeof DATABASES;

export const DATABASE_NAMES = Object.keys(DATABASES) as DatabaseName[];

/** Everything `init` knows of a database. */
export function databaseOf(name: DatabaseName): Database {
  return DATABASES[name];
}
