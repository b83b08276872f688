/** A private database of any kind, as a recipe names it and as a test looks into it. */
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import { type MariadbServer, startMariadb } from "./mariadb.js";
import { type PostgresServer, startPostgres } from "./postgres.js";
import { tempDir } from "./process.js";

export type DatabaseKind = "mysql" | "postgres" | "sqlite";

/** Databases without SQL; see test/e2e/other-databases.ts. */
export type OtherKind = "cassandra" | "mongodb" | "redis";

export interface OtherDatabase {
  /** `persons` of `db` as a recipe names it, in source text. */
  readonly connector: string;
  /** Every row of `persons`. */
  rows(): Promise<Record<string, unknown>[]>;
  /** Begins to write down what the rows become. */
  watch(): void;
  /** What they became; nothing more is written down. */
  watched(): Promise<Record<string, unknown>[]>;
}

export interface LabDatabase {
  readonly kind: DatabaseKind | OtherKind | "mssql" | "oracle" | "snowflake";
  /** What a recipe gives to `mysql(…)`, `postgres(…)` or `sqlite(…)`. */
  readonly url: string;
  /** What stands for SQL where the database has none. */
  readonly other?: OtherDatabase;
  query(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** The server behind it, where there is one. */
  readonly server: MariadbServer | PostgresServer | undefined;
  stop(): Promise<void>;
}

/** Starts one; `args` are options of its server, or the folder of an SQLite file. */
export const startDatabase = async (kind: DatabaseKind, args: readonly string[] = []): Promise<LabDatabase> => {
  if (kind === "sqlite") return sqliteFile(join(args[0] ?? tempDir("wbsync-sqlite"), "app.db"));
  const server = kind === "mysql" ? await startMariadb(args) : await startPostgres(args);
  return {
    kind,
    url: server.url,
    query: (sql, params) => server.query(sql, params),
    server,
    stop: () => server.stop(),
  };
};

function sqliteFile(url: string): LabDatabase {
  const file = new DatabaseSync(url, { timeout: 10_000 });
  file.exec("PRAGMA journal_mode = WAL");
  const query = async (sql: string, params: readonly unknown[] = []) => {
    const statement = file.prepare(sql);
    return statement.all(...(params as string[])) as Record<string, unknown>[];
  };
  return { kind: "sqlite", url, query, server: undefined, stop: async () => file.close() };
}

/** A table for people, with a column for each kind of value that the tests need; `v` is a version number. */
export const PERSONS =
  "CREATE TABLE persons (id VARCHAR(200) PRIMARY KEY, first VARCHAR(100), last VARCHAR(100), age INT, v BIGINT)";
