/** The databases that are measured, each a private one with an empty table `persons`. */
import { join } from "node:path";
import { DatabaseSync } from "@photostructure/sqlite";
import type { Connection, RowDataPacket } from "mysql2/promise";
import type { Client } from "pg";
import { startMariadb } from "../support/mariadb.js";
import { startPostgres } from "../support/postgres.js";
import { tempDir } from "../support/process.js";
import type { BareTarget } from "./bare-loops.js";
import { CREATE_TABLE } from "./person.js";

export interface BenchDatabase {
  readonly name: string;
  readonly bare: BareTarget;
  /** Of its server, where there is one process of it. */
  readonly pid?: number;
  /** What a recipe imports from wbsync, and how it calls it. */
  readonly connector: { readonly name: string; readonly argument: string };
  count(): Promise<number>;
  /** What the checkpoint of each partition says: everything up to here is in the table. Asked over a connection that stays. */
  committedOffsets(): Promise<number[]>;
  /** Removes all rows. */
  clear(): Promise<void>;
  /** Asks again and again, over one connection, until the row of this id holds this text. */
  poller(): Promise<Poller>;
  /** Takes the server away, its data stays; where there is none, undefined. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
  stop(): Promise<void>;
}

export interface Poller {
  /** The column "first" of this row. */
  first(id: string): Promise<string | undefined>;
  close(): Promise<void>;
}

export type DatabaseKind = BareTarget["kind"];

/** Starts one. */
export function startDatabase(kind: DatabaseKind): Promise<BenchDatabase> {
  return STARTERS[kind]();
}

/** The tests' servers are small; here the table should fit into memory, as it does where somebody cares for speed. */
const ROOMY_MARIADB = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=512M", "--local-infile=1"];
const ROOMY_POSTGRES = ["shared_buffers=512MB", "max_wal_size=2GB"];

const OFFSETS = "SELECT low_offset FROM wbsync_checkpoint";

const STARTERS: Readonly<Record<DatabaseKind, () => Promise<BenchDatabase>>> = {
  mariadb: async () => {
    const server = await startMariadb(ROOMY_MARIADB);
    await server.query(CREATE_TABLE);
    const { createConnection } = await import("mysql2/promise");
    let asking: Connection | undefined;
    return {
      name: "MariaDB",
      pid: server.pid,
      bare: { kind: "mariadb", url: server.url },
      connector: { name: "mysql", argument: server.url },
      count: async () => Number((await server.query("SELECT COUNT(*) AS n FROM persons"))[0]?.n),
      committedOffsets: async () => {
        asking ??= await createConnection(server.url);
        const [rows] = await asking.query<RowDataPacket[]>(OFFSETS);
        return rows.map((row) => Number(row.low_offset));
      },
      clear: async () => void (await server.query("TRUNCATE TABLE persons")),
      poller: async () => {
        const connection = await createConnection(server.url);
        const sql = "SELECT first FROM persons WHERE id = ?";
        return {
          first: async (id) => ((await connection.execute(sql, [id]))[0] as { first: string }[])[0]?.first,
          close: () => connection.end(),
        };
      },
      outage: { begin: () => server.kill(), end: () => server.start() },
      stop: async () => {
        asking?.destroy();
        await server.stop();
      },
    };
  },

  postgres: async () => {
    const server = await startPostgres(ROOMY_POSTGRES);
    await server.query(CREATE_TABLE);
    const { default: pg } = await import("pg");
    let asking: Client | undefined;
    return {
      name: "PostgreSQL",
      bare: { kind: "postgres", url: server.url },
      connector: { name: "postgres", argument: server.url },
      count: async () => Number((await server.query("SELECT COUNT(*) AS n FROM persons"))[0]?.n),
      committedOffsets: async () => {
        if (!asking) await (asking = new pg.Client(server.url)).connect();
        const { rows } = await asking.query<{ low_offset: string }>(OFFSETS);
        return rows.map((row) => Number(row.low_offset));
      },
      clear: async () => void (await server.query("TRUNCATE TABLE persons")),
      poller: async () => {
        const client = new pg.Client(server.url);
        await client.connect();
        const query = { name: "poll", text: "SELECT first FROM persons WHERE id = $1" };
        return {
          first: async (id) => (await client.query<{ first: string }>({ ...query, values: [id] })).rows[0]?.first,
          close: () => client.end(),
        };
      },
      outage: { begin: () => server.kill(), end: () => server.start() },
      stop: async () => {
        await asking?.end();
        await server.stop();
      },
    };
  },

  sqlite: async () => {
    const path = join(tempDir("wbsync-bench"), "bench.db");
    const file = new DatabaseSync(path);
    file.exec("PRAGMA journal_mode = WAL");
    file.exec(CREATE_TABLE);
    const select = file.prepare("SELECT first FROM persons WHERE id = ?");
    return {
      name: "SQLite",
      bare: { kind: "sqlite", url: path },
      connector: { name: "sqlite", argument: path },
      count: async () => Number((file.prepare("SELECT COUNT(*) AS n FROM persons").get() as { n: number }).n),
      committedOffsets: async () =>
        file
          .prepare(OFFSETS)
          .all()
          .map((row) => Number((row as { low_offset: number }).low_offset)),
      clear: async () => file.exec("DELETE FROM persons"),
      poller: async () => ({
        first: async (id) => (select.get(id) as { first: string } | undefined)?.first,
        close: async () => undefined,
      }),
      stop: async () => file.close(),
    };
  },
};
