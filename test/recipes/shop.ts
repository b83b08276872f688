/** A private Redis with a runner in it, for recipes that are deployed from their own files. */
import { fileURLToPath } from "node:url";
import { DatabaseSync } from "@photostructure/sqlite";
import type { Redis } from "ioredis";
import pg from "pg";
import { type CliResult, startWbsync, wbsync } from "../support/cli.js";
import { tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

export type Row = Record<string, unknown>;

export interface Shop {
  readonly client: Redis;
  /** The folder that the runner was started in. */
  readonly dir: string;
  wbsync(...args: string[]): Promise<CliResult>;
  /** Deploys a file of recipes/, and waits until every recipe in it runs. Throws what the command said where it failed. */
  deploy(file: string): Promise<void>;
  stop(): Promise<void>;
}

export const RECIPES = fileURLToPath(new URL("../../recipes/", import.meta.url));

/** Starts Redis and `wbsync run` with these environment variables. */
export async function openShop(env: Readonly<Record<string, string>>): Promise<Shop> {
  const redis = await startRedis();
  const dir = tempDir("wbsync-recipes");
  const options = { cwd: dir, env: { ...env, REDIS_URL: redis.url } };
  const runner = startWbsync(["run"], options);
  return {
    client: redis.client(),
    dir,
    wbsync: (...args) => wbsync(args, options),
    async deploy(file) {
      // The types were checked with those of the tests.
      const { code, stderr } = await wbsync(["deploy", file, "--wait", "--no-check"], options);
      if (code !== 0) throw new Error(`${stderr}\n${runner.stderr()}`);
      // A snapshot that is still under way reads hashes as they are by then, also what a write with "+" keeps from the row.
      const areRunning = async () => {
        const { stdout } = await wbsync(["list", "--json"], options);
        return (JSON.parse(stdout) as { state: string }[]).every(({ state }) => state === "running");
      };
      await waitFor(areRunning, { what: "every recipe to run" });
    },
    async stop() {
      await runner.stop();
      await redis.stop();
    },
  };
}

/** Runs SQL in an SQLite file. */
export function sqliteQuery(file: string, sql: string): Row[] {
  const db = new DatabaseSync(file);
  try {
    return db.prepare(sql).all() as Row[];
  } finally {
    db.close();
  }
}

/** Makes an SQLite file of a schema. */
export function sqliteCreate(file: string, schema: string): void {
  const db = new DatabaseSync(file);
  db.exec(schema);
  db.close();
}

/** Waits until a query returns exactly these rows. */
export async function rowsBecome(query: () => Row[] | Promise<Row[]>, expected: readonly Row[]): Promise<void> {
  let last = "nothing";
  const isSo = async () => (last = JSON.stringify(await query())) === JSON.stringify(expected);
  await waitFor(isSo, { what: `rows ${JSON.stringify(expected)}`, timeoutMs: 15_000 }).catch((cause: unknown) => {
    throw new Error(`expected ${JSON.stringify(expected)}, found ${last}`, { cause });
  });
}

/** Runs one SQL statement in a PostgreSQL database; values come as the server's text. */
export async function postgresQuery(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url, types: { getTypeParser: () => String } });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows ?? [];
  } finally {
    await client.end();
  }
}

/** Statements of a schema's file, one by one. */
export function statementsOf(schema: string): string[] {
  const statements = schema.replace(/^--.*$/gm, "").split(";");
  return statements.filter((statement) => statement.trim() !== "");
}
