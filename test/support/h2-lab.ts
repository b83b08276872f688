/** H2 in place of a database that cannot be had, as the laboratory asks of a database. */
import { named, PERSONS_COLUMNS, PERSONS_TABLE, watchedDatabase } from "../e2e/watched-database.js";
import type { H2Server } from "./h2.js";
import type { LabDatabase } from "./lab-databases.js";

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
    const { rows: found = [] } = await connection.execute(`SELECT ${PERSONS_COLUMNS.join(", ")} FROM persons`);
    await connection.commit();
    return named(found);
  };
  return watchedDatabase({
    ...{ kind, url, connector: PERSONS_TABLE, rows },
    async stop() {
      connection.destroy();
      await stop();
    },
  });
}
