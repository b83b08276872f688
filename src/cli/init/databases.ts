/** What `wbsync init` has to know of each database. To teach it another one: an entry here, and a folder in templates/. */
import { fold } from "../../connectors/sql/folded-names.js";
import { UserError } from "../../errors.js";
import type { ColumnType } from "../../recipe/recipe.js";
import type { Values } from "./template.js";
import { elsewhere, flag, namedLines, serverLines, text, timeouts, tls, whole } from "./url-options.js";

export interface Database {
  readonly label: string;
  /** What is offered when it asks for the connection. */
  readonly exampleUrl: string;
  readonly schemes: readonly string[];
  /** The port that need not be said; undefined: a file. */
  readonly port: number | undefined;
  /** What else its URL says, by the names of the template's placeholders. */
  readonly extra?: (url: URL) => Values;
  /** The name of the parameter that holds the password. */
  readonly passwordName: string;
  /** How the database's own client loads schema.sql; "": there is nothing to load. */
  readonly schemaCommand: string;
  /** Who signs in where nobody is named; "root" where nothing is said. */
  readonly user?: string;
  /** The npm package that the project needs beside wbsync. */
  readonly driver?: string;
  /** The key that most tables have; "id" where nothing is said. */
  readonly key?: string;
  /** "": columns of a key are not NULL by themselves, and may not say so. */
  readonly notNull?: "";
  /** It has no columns whose types could be asked for: a mapping says them. */
  readonly isUntyped?: boolean;
  quote(identifier: string): string;
  readonly types: Readonly<Record<ColumnType, string>>;
  /** The type of a key that may be any text. */
  readonly keyType: string;
}

/** Quoted, in the upper case that these databases give to names without quotes: people write the same as in a recipe. */
const folded = (identifier: string): string => `"${fold(identifier).replaceAll('"', '""')}"`;

/** Databases that know no tables. */
const WITHOUT_TABLES = {
  quote: (identifier: string) => identifier,
  types: {
    ...{ integer: "", decimal: "", float: "", boolean: "", text: "", binary: "" },
    ...{ json: "", uuid: "", date: "", time: "", datetime: "" },
  },
  keyType: "",
};

export const DATABASES = {
  mysql: {
    label: "MySQL or MariaDB",
    exampleUrl: "mysql://app@127.0.0.1:3306/test",
    schemes: ["mysql", "mariadb"],
    port: 3306,
    extra: (url) => ({ options: serverLines(url) }),
    passwordName: "MYSQL_PASSWORD",
    schemaCommand: "mysql --host={{host}} --port={{portNumber}} --user={{user}} --password {{database}} < schema.sql",
    quote: (identifier) => `\`${identifier.replaceAll("`", "``")}\``,
    types: {
      ...{ integer: "BIGINT", decimal: "DECIMAL(20, 4)", float: "DOUBLE", boolean: "BOOLEAN" },
      ...{ text: "VARCHAR(255)", binary: "BLOB", json: "JSON", uuid: "CHAR(36)" },
      ...{ date: "DATE", time: "TIME", datetime: "DATETIME(3)" },
    },
    // Known to MySQL and MariaDB alike, and it tells all keys apart but for blanks at their end: those the connector refuses.
    keyType: "VARCHAR(255) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
  },
  postgres: {
    label: "PostgreSQL",
    exampleUrl: "postgres://app@127.0.0.1:5432/test",
    schemes: ["postgres", "postgresql"],
    port: 5432,
    extra: (url) => ({ options: serverLines(url) }),
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
  cassandra: {
    label: "Cassandra",
    exampleUrl: "cassandra://app@127.0.0.1:9042/test",
    schemes: ["cassandra"],
    port: 9042,
    extra: (url) => ({
      localDataCenter: url.searchParams.get("localDataCenter") || "datacenter1",
      options: namedLines(url, {
        ...{ localDataCenter: elsewhere, consistency: text, serialConsistency: text, concurrency: whole },
        ...{ tls, ssl: tls, ...timeouts },
      }),
    }),
    user: "cassandra",
    passwordName: "CASSANDRA_PASSWORD",
    driver: "cassandra-driver",
    schemaCommand: "cqlsh -u {{user}} -k {{database}} -f schema.sql {{host}} {{portNumber}}",
    quote: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
    types: {
      ...{ integer: "bigint", decimal: "decimal", float: "double", boolean: "boolean" },
      ...{ text: "text", binary: "blob", json: "text", uuid: "uuid" },
      ...{ date: "date", time: "time", datetime: "timestamp" },
    },
    keyType: "text",
    notNull: "",
  },
  mongodb: {
    ...WITHOUT_TABLES,
    label: "MongoDB",
    exampleUrl: "mongodb://app@127.0.0.1:27017/test",
    schemes: ["mongodb"],
    port: 27017,
    extra: (url) => ({ options: namedLines(url, { authSource: text, tls: flag, ssl: flag, ...timeouts }) }),
    passwordName: "MONGODB_PASSWORD",
    driver: "mongodb",
    schemaCommand: "mongosh --host {{host}} --port {{portNumber}} --username {{user}} {{database}} schema.js",
    key: "_id",
    isUntyped: true,
  },
  redis: {
    ...WITHOUT_TABLES,
    label: "another Redis",
    exampleUrl: "redis://default@127.0.0.1:6380/0",
    schemes: ["redis", "rediss"],
    port: 6379,
    extra: (url) => ({ options: [`db: ${databaseNumber(url.pathname)},`, ...serverLines(url)] }),
    user: "default",
    passwordName: "TARGET_REDIS_PASSWORD",
    schemaCommand: "",
  },
  mssql: {
    label: "SQL Server",
    exampleUrl: "mssql://app@127.0.0.1:1433/test",
    schemes: ["mssql", "sqlserver"],
    port: 1433,
    extra: (url) => ({ options: mssqlLines(url) }),
    user: "sa",
    passwordName: "MSSQL_PASSWORD",
    driver: "mssql",
    schemaCommand: "sqlcmd -S tcp:{{host}},{{portNumber}} -U {{user}} -d {{database}} -i schema.sql",
    quote: (identifier) => `[${identifier.replaceAll("]", "]]")}]`,
    types: {
      ...{ integer: "bigint", decimal: "decimal(20, 4)", float: "float", boolean: "bit" },
      ...{ text: "nvarchar(255)", binary: "varbinary(max)", json: "nvarchar(max)", uuid: "uniqueidentifier" },
      ...{ date: "date", time: "time", datetime: "datetime2(3)" },
    },
    keyType: "nvarchar(255) COLLATE Latin1_General_BIN2",
  },
  oracle: {
    label: "Oracle",
    exampleUrl: "oracle://app@127.0.0.1:1521/FREEPDB1",
    schemes: ["oracle"],
    port: 1521,
    extra: (url) => ({ options: namedLines(url, { configDir: text, walletLocation: text, ...timeouts }) }),
    passwordName: "ORACLE_PASSWORD",
    driver: "oracledb",
    schemaCommand: "sqlplus {{user}}@//{{urlHost}}:{{portNumber}}/{{database}} @schema.sql",
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
    extra(url) {
      const [database = "", schema] = url.pathname.slice(1).split("/").map(decodeURIComponent);
      const said = url.searchParams;
      return {
        database,
        schema: said.get("schema") || schema || "PUBLIC",
        warehouse: said.get("warehouse") || "COMPUTE_WH",
        options: namedLines(url, {
          ...{ schema: elsewhere, warehouse: elsewhere, role: text, accessUrl: text, ...timeouts },
        }),
      };
    },
    passwordName: "SNOWFLAKE_PASSWORD",
    driver: "snowflake-sdk",
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

/** A Redis server numbers its databases. */
function databaseNumber(pathname: string): number {
  const text = pathname.slice(1);
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UserError("USAGE", `The connection to another Redis names the database "${text}", which is no number.`, {
    hint: "Write it like redis://default@127.0.0.1:6380/0.",
  });
}

/** SQL Server's own certificate is one that it made itself, and nobody else vouches for. */
function mssqlLines(url: URL): readonly string[] {
  const lines = namedLines(url, {
    ...{ encrypt: flag, trustServerCertificate: flag, instanceName: text, domain: text, ca: text, ...timeouts },
  });
  const saysTls = ["encrypt", "trustServerCertificate", "ca"].some((name) => url.searchParams.has(name));
  if (saysTls) return lines;
  return [...lines, "// trustServerCertificate: true, for a server that made its certificate itself."];
}

/** Everything `init` knows of a database. */
export function databaseOf(name: DatabaseName): Database {
  return DATABASES[name];
}
