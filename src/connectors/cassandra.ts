/** Apache Cassandra and what speaks its protocol, through the driver cassandra-driver. */
import type { Connector, Option } from "./connector.js";
import { cassandraOptions, type CassandraOptions } from "./cassandra/options.js";
import { cassandraConnector } from "./cassandra/sink.js";
import type { TableOptions } from "./sql/table.js";

export type { CassandraOptions };

/**
 * A Cassandra cluster, version 4.0 or newer.
 *
 * ```ts
 * const db = cassandra({
 *   contactPoints: ["10.0.0.1", "10.0.0.2"],
 *   localDataCenter: "datacenter1",
 *   keyspace: "shop",
 *   user: "app",
 *   password: "secret",
 * });
 * const persons = db.table("persons", { primaryKey: "id" });
 * ```
 */
export function cassandra(options: CassandraOptions | Option<string>): {
  table(name: string, options: TableOptions): Connector;
} {
  const checked = cassandraOptions(options);
  return { table: (name, tableOptions) => cassandraConnector(checked, name, tableOptions) };
}
