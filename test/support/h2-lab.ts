/** H2 in place of a database that cannot be had, as the laboratory asks of a database. */
import { RowWatcher } from "../e2e/row-watcher.js";
import type { H2Server } from "./h2.js";
import type { LabDatabase } from "./lab-databases.js";

const COLUMNS = ["id", "first", "last", "age", "v"];

/** How often a runner is killed: a round takes two seconds here, so fifty are made when somebody asks for them. */
export const KILLS = Number(process.env.WBSYNC_TEST_KILLS ?? 10);

export interface H2LabOptions {
  readonly kind: "mssql" | "oracle";
  /** What a recipe names. */
  readonly url: string;
  /** Makes the table `persons`, in H2's own words. */
  readonly create: string;
  readonly stop: () => Promise<void>;
}

/** Makes the table, and looks into it over a connection of its own. */
export async function h2Lab(server: H2Server, { kind, url, create, stop }: H2LabOptions): Promise<LabDatabase> {
  const connection = await server.connect();
  await connection.execute(create);
  await connection.commit();
  const rows = async () => {
    const { rows: found = [] } = await connection.execute(`SELECT ${COLUMNS.join(", ")} FROM persons`);
    await connection.commit();
    return found.map((row) => Object.fromEntries(COLUMNS.map((name, i) => [name, row[i]])));
  };
  const watcher = new RowWatcher(rows);
  return {
    ...{ kind, url, server: undefined },
    other: {
      ...{ connector: `db.table("persons", { primaryKey: "id" })`, rows },
      ...{ watch: () => watcher.start(), watched: () => watcher.stop() },
    },
    query: () => Promise.reject(new Error("rows are read by their watcher")),
    async stop() {
      await watcher.stop().catch(() => undefined);
      connection.destroy();
      await stop();
    },
  };
}
