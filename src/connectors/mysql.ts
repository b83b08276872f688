/** MySQL and MariaDB, through the driver mysql2. */
import type { Connector, Option } from "./connector.js";
import { MYSQL, MysqlDatabase } from "./mysql/session.js";
import { serverOptions, type ServerOptions } from "./sql/server-options.js";
import { sqlConnector } from "./sql/sink.js";
import type { TableOptions } from "./sql/table.js";

/** Options of `mysql`. Each may be a value, or a function that is called again at every connection attempt. */
export type MysqlOptions = ServerOptions;

/**
 * A MySQL or MariaDB server.
 *
 * ```ts
 * const db = mysql({ host: "127.0.0.1", port: 3306, user: "app", password: "secret", database: "test" });
 * const same = mysql("mysql://app:secret@127.0.0.1/test");
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function mysql(options: MysqlOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const database = new MysqlDatabase(serverOptions(MYSQL, options));
  return { table: (name, tableOptions) => sqlConnector(database, name, tableOptions) };
}
