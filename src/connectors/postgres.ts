/** PostgreSQL, through the driver pg. */
import type { Connector, Option } from "./connector.js";
import { POSTGRES, PostgresDatabase } from "./postgres/session.js";
import { serverOptions, type ServerOptions } from "./sql/server-options.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

/** Options of `postgres`. Each may be a value, or a function that is called again at every connection attempt. */
export type PostgresOptions = ServerOptions;

/**
 * A PostgreSQL server, version 12 or newer.
 *
 * ```ts
 * const db = postgres({ host: "127.0.0.1", port: 5432, user: "app", password: "secret", database: "test" });
 * const same = postgres("postgres://app:secret@127.0.0.1/test");
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function postgres(options: PostgresOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new PostgresDatabase(serverOptions(POSTGRES, options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
