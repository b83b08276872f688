/** A database whose rows are read again and again, as the laboratory sees it: where no trigger writes down what a row was. */
import type { LabDatabase } from "../support/lab-databases.js";
import { RowWatcher } from "./row-watcher.js";

export interface Watched {
  readonly kind: LabDatabase["kind"];
  /** What a recipe names. */
  readonly url: string;
  /** `persons` of `db` as a recipe names it, in source text. */
  readonly connector: string;
  /** Every row of `persons`. */
  readonly rows: () => Promise<Record<string, unknown>[]>;
  /** The same for the watcher, where it needs a connection of its own. */
  readonly watching?: () => Promise<Record<string, unknown>[]>;
  readonly stop: () => Promise<void>;
}

/** A table of an SQL database, as a recipe names it. */
export const PERSONS_TABLE = `db.table("persons", { primaryKey: "id" })`;

export const PERSONS_COLUMNS = ["id", "first", "last", "age", "v"];

/** Rows that are lists of the values of `PERSONS_COLUMNS`. */
export const named = (rows: readonly (readonly unknown[])[]): Record<string, unknown>[] =>
  rows.map((row) => Object.fromEntries(PERSONS_COLUMNS.map((name, i) => [name, row[i]])));

export function watchedDatabase({ kind, url, connector, rows, watching = rows, stop }: Watched): LabDatabase {
  const watcher = new RowWatcher(watching);
  return {
    ...{ kind, url, server: undefined },
    other: { connector, rows, watch: () => watcher.start(), watched: () => watcher.stop() },
    query: () => Promise.reject(new Error(`${kind}: rows are read by their watcher`)),
    async stop() {
      await watcher.stop().catch(() => undefined);
      await stop();
    },
  };
}
