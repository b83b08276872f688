/** Names in a statement, and the condition that finds a row. */
import type { Target } from "../sql/database.js";
import type { MysqlColumn } from "./types.js";

export const quote = (identifier: string): string => `\`${identifier.replace(/`/g, "``")}\``;

/** Takes the values of the key as parameters. */
export const whereKey = (target: Target<MysqlColumn>): string =>
  target.key.map((column) => `${quote(column.name)} = ${column.comparand}`).join(" AND ");
