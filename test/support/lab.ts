/**
 * A whole installation for end-to-end tests: a private Redis, a private database, recipes as files, and the command line and
 * runners as processes of their own, as a user starts them.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Redis } from "ioredis";
import { STATUS } from "../../src/redis/keys.js";
import type { State, Status } from "../../src/registry/types.js";
import { type CliOptions, type CliResult, type RunningCli, startWbsync, wbsync } from "./cli.js";
import { type DatabaseKind, type LabDatabase, PERSONS, startDatabase } from "./lab-databases.js";
import { compareTable, MAPPINGS, type TableOptions } from "./lab-tables.js";
import { tempDir } from "./process.js";
import { type RedisServer, type RedisServerOptions, startRedis } from "./redis.js";
import { waitFor } from "./wait.js";

export interface LabOptions {
  readonly database?: DatabaseKind;
  /** Options of the database server. */
  readonly databaseArgs?: readonly string[];
  readonly redis?: RedisServerOptions;
  /** Another Redis for recipes, parameters and dead letters. */
  readonly registry?: RedisServer;
  /** The statement that makes the table; null: none. */
  readonly schema?: string | null;
  /** Added to the environment of commands and runners. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A recipe, where it differs from the usual one: hashes person:<id> to the table persons. */
export interface RecipeText {
  readonly name?: string;
  readonly version?: string;
  readonly prefix?: string;
  readonly table?: string;
  readonly primaryKey?: string | readonly string[];
  readonly mappings?: Readonly<Record<string, unknown>>;
  readonly mode?: "writeBehind" | "writeThrough";
  /** The argument of `mysql(…)`, as source text. */
  readonly connection?: string;
  /** Further options, as source text. */
  readonly more?: string;
  /** Statements before the recipe. */
  readonly head?: string;
}

/** A runner at work. */
export interface LabRunner extends RunningCli {
  /** Resolves when it reports the recipe in this state, or one of these. */
  is(state: State | readonly State[], name?: string): Promise<Status>;
  /** kill -9, and waits until it has gone. */
  kill(): Promise<CliResult>;
}

/** Starts Redis and a database with the table `persons`. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const [redis, db] = await Promise.all([
    startRedis(options.redis),
    startDatabase(options.database ?? "mysql", options.databaseArgs),
  ]);
  if (options.schema !== null) await db.query(options.schema ?? PERSONS);
  return new Lab(redis, db, options.registry, { ...options.env });
}

export class Lab {
  readonly client: Redis;
  readonly dir = tempDir("wbsync-lab");
  readonly #registryClient: Redis;
  readonly #runners = new Set<LabRunner>();

  constructor(
    readonly redis: RedisServer,
    readonly db: LabDatabase,
    readonly registry: RedisServer | undefined,
    readonly env: Record<string, string> = {},
  ) {
    this.client = redis.client();
    this.#registryClient = registry?.client() ?? this.client;
  }

  /** Writes a recipe, and returns its path. */
  recipe(text: RecipeText = {}): string {
    const { name = "Persons", version = "1.0.0", prefix = "person", mode = "writeBehind", more = "" } = text;
    const { table = "persons", primaryKey = "id", mappings = MAPPINGS, head = "" } = text;
    const { kind, url, other } = this.db;
    const named = `db.table(${JSON.stringify(table)}, { primaryKey: ${JSON.stringify(primaryKey)} })`;
    const file = join(this.dir, `${name}-${version}.ts`.replace(/[^\w.-]/g, "_"));
    writeFileSync(
      file,
      `import { ${kind}, ${mode} } from "wbsync";
${head}
const db = ${kind}(${text.connection ?? JSON.stringify(url)});
export default ${mode}({
  name: ${JSON.stringify(name)},
  version: ${JSON.stringify(version)},
  keysPrefix: ${JSON.stringify(prefix)},
  connector: ${other?.connector ?? named},
  mappings: ${JSON.stringify(mappings)},
  ${more}
});
`,
    );
    return file;
  }

  /** Runs a command to its end. */
  async cli(...args: readonly string[]): Promise<CliResult> {
    return await wbsync(args, this.#environment());
  }

  /** Runs a command that has to succeed, and returns what it printed. */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args);
    assert.equal(code, 0, `wbsync ${args.join(" ")}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Deploys a recipe without the compiler, which takes a second. */
  async deploy(text: RecipeText = {}, ...flags: readonly string[]): Promise<void> {
    await this.ok("deploy", this.recipe(text), "--no-check", ...flags);
  }

  /** What `wbsync list --json` says of a recipe. */
  async listed(name = "Persons"): Promise<Record<string, unknown>> {
    const list = JSON.parse(await this.ok("list", "--json")) as Record<string, unknown>[];
    return list.find((recipe) => recipe["name"] === name) ?? {};
  }

  /** The dead letters of a recipe, as `wbsync dlq list --json` shows them. */
  async letters(name = "Persons"): Promise<Record<string, unknown>[]> {
    return JSON.parse(await this.ok("dlq", "list", name, "--json")) as Record<string, unknown>[];
  }

  /** What a recipe's runner has last reported: what `list` shows, without the cost of a process. */
  async status(name = "Persons"): Promise<Status | undefined> {
    const text = await this.#registryClient.hget(STATUS, name);
    return text === null ? undefined : (JSON.parse(text) as Status);
  }

  /** Starts a runner. It is ended by `stop`, if not before. */
  startRunner(...args: readonly string[]): LabRunner {
    const running = startWbsync(["run", ...args], this.#environment());
    const mine = `-${running.child.pid}-`;
    const runner: LabRunner = {
      ...running,
      is: async (state, name = "Persons") => {
        const states = [state].flat();
        const ask = async () => {
          assert.equal(running.child.exitCode, null, "the runner has ended");
          const status = await this.status(name);
          return status?.runner.includes(mine) && states.includes(status.state) && status;
        };
        return await waitFor(ask, { what: `${name} to be ${states.join(" or ")}` }).catch((cause: unknown) => {
          throw new Error(`the runner does not say so. Its log:\n${running.stderr().slice(-4000)}`, { cause });
        });
      },
      kill: () => running.stop("SIGKILL"),
    };
    this.#runners.add(runner);
    void running.ended.finally(() => this.#runners.delete(runner));
    return runner;
  }

  /** Starts a runner and waits until it carries changes as they come. */
  async running(...args: readonly string[]): Promise<LabRunner> {
    const runner = this.startRunner(...args);
    await runner.is("running");
    return runner;
  }

  /** Returns when everything that was written so far is in every table: by WAIT, as any client can do it. */
  async caughtUp(replicas = 1, timeoutMs = 120_000): Promise<void> {
    const client = this.redis.client();
    try {
      await client.set("lab:mark", Date.now());
      const acknowledged = await client.wait(replicas, timeoutMs);
      assert.ok(acknowledged >= replicas, `WAIT ${replicas} ${timeoutMs} returned ${acknowledged}`);
    } finally {
      client.disconnect();
    }
  }

  /** Waits until everything is written, and asserts that table and hashes are equal. Returns how many rows there are. */
  async compare(options?: TableOptions): Promise<number> {
    await this.caughtUp();
    return await compareTable(this.client, this.db, options);
  }

  /** kill -9 of every runner. */
  async killRunners(): Promise<void> {
    await Promise.all([...this.#runners].map((runner) => runner.kill()));
  }

  /** Ends everything. */
  async stop(): Promise<void> {
    await this.killRunners();
    await Promise.all([this.redis.stop(), this.registry?.stop(), this.db.stop()]);
  }

  #environment(): CliOptions {
    const registry = this.registry && { WBSYNC_REGISTRY_URL: this.registry.url };
    return { cwd: this.dir, env: { REDIS_URL: this.redis.url, NO_COLOR: "1", ...registry, ...this.env } };
  }
}
