/** Reads a table's columns from system_schema. */
import { UserError } from "../../errors.js";
import type { TableName } from "../sql/table.js";
import type { Session } from "./session.js";

/** Where a column stands in the table. */
export type Place = "partition_key" | "clustering" | "regular" | "static";

/** A column as the catalog describes it. */
export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
  readonly place: Place;
  /** Within the partition key, or among the clustering columns. */
  readonly position: number;
}

const COLUMNS =
  "SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
const VIEWS = "SELECT view_name FROM system_schema.views WHERE keyspace_name = ? AND view_name = ?";
const KEYSPACES = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";

/** The columns of a table; none where there is no such table. Throws where it cannot be written. */
export async function describeTable(session: Session, table: TableName): Promise<readonly CatalogColumn[]> {
  const keyspace = keyspaceOf(session, table);
  const columns = await readColumns(session, { schema: keyspace, name: table.name });
  if (columns.length === 0 && (await session.query(KEYSPACES, [keyspace])).length === 0) {
    throw new UserError("DATABASE_MISCONFIGURED", `The keyspace "${keyspace}" does not exist`, {
      hint: "Correct keyspace in the connector's options, or create it. Cassandra keeps names that are not quoted in lower case.",
    });
  }
  if (columns.length > 0 && (await session.query(VIEWS, [keyspace, table.name])).length > 0) {
    throw new UserError("DATABASE_MISCONFIGURED", `"${table.name}" is a materialized view`, {
      hint: "Name the table behind it.",
    });
  }
  return columns;
}

/** The columns of a table in whichever keyspace it is. */
export async function readColumns(session: Session, table: TableName): Promise<readonly CatalogColumn[]> {
  const rows = await session.query(COLUMNS, [keyspaceOf(session, table), table.name]);
  return rows.map((row) => ({
    name: row["column_name"] as string,
    type: row["type"] as string,
    place: row["kind"] as Place,
    position: row["position"] as number,
  }));
}

/** The keyspace that a table is in. */
export function keyspaceOf(session: Session, { schema, name }: TableName): string {
  const keyspace = schema ?? session.cluster.keyspace;
  if (keyspace !== undefined) return keyspace;
  throw new UserError("DATABASE_MISCONFIGURED", `Which keyspace is the table "${name}" in?`, {
    hint: 'Set keyspace in the connector\'s options, or name the table as "keyspace.table".',
  });
}
