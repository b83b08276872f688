/** Names in CQL. */
import type { TableName } from "../sql/table.js";

export const quote = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`;

/** With its keyspace, where one is named; without, it is that of the connection. */
export const quoteTable = ({ schema, name }: TableName): string =>
  (schema === undefined ? "" : `${quote(schema)}.`) + quote(name);
