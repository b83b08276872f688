/** A second session of the database, which holds rows, meets the runner's transactions, and cuts them. */
import { createConnection } from "mysql2/promise";
import pg from "pg";
import type { LabDatabase } from "../support/lab-databases.js";

/** A session with an open transaction. */
export interface Session {
  query(sql: string): Promise<unknown>;
  /** Rolls back, and ends it. */
  end(): Promise<void>;
}

/** Opens a session, and begins a transaction in it. */
export async function openSession(db: LabDatabase): Promise<Session> {
  if (db.kind === "postgres") {
    const client = new pg.Client({ connectionString: db.url });
    client.on("error", () => undefined);
    await client.connect();
    await client.query("BEGIN");
    return { query: (sql) => client.query(sql), end: () => client.end() };
  }
  const connection = await createConnection(db.url);
  await connection.query("BEGIN");
  return { query: (sql) => connection.query(sql), end: async () => connection.destroy() };
}

/** Ends the connections of transactions that wait for a lock, as an administrator does. Returns how many there were. */
export async function cutWaiting(db: LabDatabase): Promise<number> {
  if (db.kind === "postgres") {
    const cut = await db.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wbsync' AND wait_event_type = 'Lock'`,
    );
    return cut.length;
  }
  const waiting = await db.query(
    "SELECT trx_mysql_thread_id AS id FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
  );
  for (const { id } of waiting) await db.query(`KILL CONNECTION ${String(id as number)}`).catch(() => undefined);
  return waiting.length;
}
