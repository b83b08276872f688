/** One bare loop a database: the same driver, batch and number of connections as wbsync, and nothing around them. */
import { DatabaseSync } from "@photostructure/sqlite";
import { createConnection } from "mysql2/promise";
import pg from "pg";
import { COLUMNS } from "./person.js";

export interface BareTarget {
  readonly kind: "mariadb" | "postgres" | "sqlite";
  /** A URL, or a file's path. */
  readonly url: string;
}

export interface BareLoop {
  /** Writes batches, each the values of its rows in a flat array, until all are committed. */
  write(batches: readonly string[][]): Promise<void>;
  close(): Promise<void>;
}

const CONNECTIONS = 4;
const WIDTH = COLUMNS.length;
const INSERT = `INSERT INTO persons (${COLUMNS.join(", ")})`;
const rowsOf = (batch: readonly string[]): number => batch.length / WIDTH;

/** By kind of database. */
export const BARE_LOOPS: Readonly<Record<BareTarget["kind"], (url: string) => Promise<BareLoop>>> = {
  mariadb: async (url) => {
    const connections = await Promise.all(fourTimes(() => createConnection(url)));
    const sets = COLUMNS.slice(1).map((name) => `${name} = VALUES(${name})`);
    const sql = (rows: number) =>
      `${INSERT} VALUES ${Array<string>(rows).fill("(?,?,?,?)").join(",")} ON DUPLICATE KEY UPDATE ${sets.join(", ")}`;
    return {
      write: (batches) =>
        inParallel(connections, batches, async (connection, batch) => {
          await connection.execute(sql(rowsOf(batch)), batch);
        }),
      close: async () => void (await Promise.all(connections.map((connection) => connection.end()))),
    };
  },

  postgres: async (url) => {
    const clients = await Promise.all(
      fourTimes(async () => {
        const client = new pg.Client(url);
        await client.connect();
        return client;
      }),
    );
    const sets = COLUMNS.slice(1).map((name) => `${name} = EXCLUDED.${name}`);
    const text = (rows: number) => {
      const marks = Array.from(
        { length: rows },
        (_, i) => `($${WIDTH * i + 1},$${WIDTH * i + 2},$${WIDTH * i + 3},$${WIDTH * i + 4})`,
      );
      return `${INSERT} VALUES ${marks.join(",")} ON CONFLICT (id) DO UPDATE SET ${sets.join(", ")}`;
    };
    return {
      write: (batches) =>
        inParallel(clients, batches, async (client, batch) => {
          await client.query({ name: `upsert${batch.length}`, text: text(rowsOf(batch)), values: batch });
        }),
      close: async () => void (await Promise.all(clients.map((client) => client.end()))),
    };
  },

  // One connection, since SQLite has one writer; 32 rows a statement, since more are not faster.
  sqlite: async (url) => {
    // The runner moves its checkpoint every few seconds.
    const file = new DatabaseSync(url, { timeout: 5000 });
    file.exec("PRAGMA journal_mode = WAL");
    file.exec("PRAGMA synchronous = FULL");
    const sets = COLUMNS.slice(1).map((name) => `${name} = excluded.${name}`);
    const prepare = (rows: number) =>
      file.prepare(
        `${INSERT} VALUES ${Array<string>(rows).fill("(?,?,?,?)").join(",")} ON CONFLICT (id) DO UPDATE SET ${sets.join(", ")}`,
      );
    const [many, one] = [prepare(32), prepare(1)];
    const writeBatch = (batch: readonly string[]) => {
      file.exec("BEGIN IMMEDIATE");
      for (let at = 0; at < batch.length;) {
        const statement = batch.length - at >= 32 * WIDTH ? many : one;
        const end = at + (statement === many ? 32 : 1) * WIDTH;
        statement.run(...batch.slice(at, end));
        at = end;
      }
      file.exec("COMMIT");
    };
    return {
      write: async (batches) => batches.forEach(writeBatch),
      close: async () => file.close(),
    };
  },
};

function fourTimes<T>(make: () => Promise<T>): Promise<T>[] {
  return Array.from({ length: CONNECTIONS }, make);
}

/** Every connection takes the next batch when it has written one. */
async function inParallel<C>(
  connections: readonly C[],
  batches: readonly string[][],
  write: (connection: C, batch: string[]) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    connections.map(async (connection) => {
      while (next < batches.length) await write(connection, batches[next++] as string[]);
    }),
  );
}
