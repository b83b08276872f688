/** A place to measure in: a private Redis, a database, a load generator, a bare loop, and the runner as a user starts it. */
import type { Redis } from "ioredis";
import type { Status } from "../../src/registry/types.js";
import { STATUS } from "../../src/redis/keys.js";
import { project, wbsync } from "../support/cli.js";
import { startRedis, type RedisServer } from "../support/redis.js";
import { waitFor } from "../support/wait.js";
import type { BareJob } from "./bare.js";
import { startDatabase, type BenchDatabase, type DatabaseKind } from "./databases.js";
import type { LoadJob, LoadResult } from "./load.js";
import { RunnerProcess } from "./runner-process.js";
import { Worker } from "./worker.js";

const RECIPE = "Bench";

export interface LabOptions {
  readonly database: DatabaseKind;
  /** Further options of the recipe, as their text. */
  readonly recipe?: string;
  /** Where the runner writes CPU profiles. */
  readonly profileDir?: string | undefined;
}

export class Lab {
  readonly #options: LabOptions;
  readonly redis: RedisServer;
  /** Recipes are registered in a server of their own, so that the other can be emptied. */
  readonly registry: RedisServer;
  readonly client: Redis;
  readonly database: BenchDatabase;
  readonly #load = new Worker<LoadJob, LoadResult>("load.ts");
  readonly #bare = new Worker<BareJob, number>("bare.ts");
  #runner: RunnerProcess | undefined;
  readonly #registryClient: Redis;
  #nextId = 0;

  private constructor(options: LabOptions, redis: RedisServer, registry: RedisServer, database: BenchDatabase) {
    this.#options = options;
    this.redis = redis;
    this.registry = registry;
    this.database = database;
    this.client = redis.client();
    this.#registryClient = registry.client();
  }

  static async open(options: LabOptions): Promise<Lab> {
    const [redis, registry] = await Promise.all([startRedis(), startRedis()]);
    return new Lab(options, redis, registry, await startDatabase(options.database));
  }

  async close(): Promise<void> {
    await this.stopRunner();
    await Promise.all([this.#load.close(), this.#bare.close()]);
    await Promise.all([this.redis.stop(), this.registry.stop(), this.database.stop()]);
  }

  /** Ids that no hash and no row has had yet. */
  newIds(count: number): number {
    const first = this.#nextId;
    this.#nextId += count;
    return first;
  }

  /** Writes over one connection at full speed. */
  load(job: Omit<LoadJob, "port">): Promise<LoadResult> {
    return this.#load.do({ port: this.redis.port, ...job });
  }

  /** No hash, and no row. */
  async emptyBoth(): Promise<void> {
    await this.client.flushall();
    await this.untilCommitted();
    await this.database.clear();
  }

  /** Rows a second of the bare loop, into an empty table. */
  async bareLoop(rows: number): Promise<number> {
    await this.database.clear();
    const ms = await this.#bare.do({ target: this.database.bare, firstId: this.newIds(rows), rows });
    return (rows / ms) * 1000;
  }

  get bareLoopPid(): number {
    return this.#bare.pid;
  }

  async deploy(options = this.#options.recipe ?? ""): Promise<void> {
    const { name, argument } = this.database.connector;
    const source = `import { ${name}, writeBehind } from "wbsync";
export default writeBehind({
  name: ${JSON.stringify(RECIPE)}, version: "99.99.99", keysPrefix: "person",
  connector: ${name}(${JSON.stringify(argument)}).table("persons", { primaryKey: "id" }),
  mappings: { first_name: "first", last_name: "last", age: "age" }, ${options}
});`;
    const { code, stderr } = await wbsync(["deploy", "recipe.ts", ...this.#servers()], {
      cwd: project({ "recipe.ts": source }),
    });
    if (code !== 0) throw new Error(`wbsync deploy failed:\n${stderr}`);
  }

  /** Starts the runner, and returns when it captures. */
  async startRunner(): Promise<void> {
    this.#runner = new RunnerProcess(this.#servers(), this.#options.profileDir);
    await this.untilState("running");
  }

  async stopRunner(): Promise<void> {
    await this.#runner?.stop();
    this.#runner = undefined;
  }

  get runnerPid(): number {
    return this.#runner?.pid ?? 0;
  }

  /** Stops the runner where it is (SIGSTOP); `thaw` lets it go on. */
  freeze(): void {
    process.kill(this.runnerPid, "SIGSTOP");
  }

  thaw(): void {
    process.kill(this.runnerPid, "SIGCONT");
  }

  #servers(): string[] {
    return ["--url", this.redis.url, "--registry-url", this.registry.url];
  }

  async status(): Promise<Status | undefined> {
    const text = await this.#registryClient.hget(STATUS, RECIPE);
    return text === null ? undefined : (JSON.parse(text) as Status);
  }

  async untilState(state: Status["state"]): Promise<Status> {
    try {
      return await waitFor(
        async () => {
          const status = await this.status();
          return status?.state === state && status;
        },
        { what: `state ${state}`, everyMs: 5 },
      );
    } catch (error) {
      throw new Error(`the runner did not come to ${state}:\n${this.#runner?.stderr ?? ""}`, { cause: error });
    }
  }

  /** Resolves when so many changed keys are kept in the runner. */
  async untilBuffered(keys: number): Promise<void> {
    await waitFor(async () => ((await this.status())?.buffered ?? 0) >= keys, { what: `${keys} buffered keys` });
  }

  /** Offset of Redis's stream: what is written so far ends here. */
  async offset(): Promise<number> {
    return Number(((await this.client.call("ROLE")) as unknown[])[1]);
  }

  /** Which part of the stream between two offsets is in the table, as the checkpoints say: 0 to 1. */
  async partCommitted(from: number, to: number): Promise<number> {
    const lows = await this.database.committedOffsets();
    const parts = lows.map((low) => Math.min(Math.max((low - from) / (to - from), 0), 1));
    return parts.reduce((sum, part) => sum + part, 0) / parts.length;
  }

  /** How often a replica has begun to follow Redis, from anew or where it had stopped. */
  async linksOfReplicas(): Promise<number> {
    const stats = await this.client.info("stats");
    const counts = [...stats.matchAll(/^sync_(?:full|partial_ok):(\d+)/gm)].map(([, count]) => Number(count));
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Resolves when a replica receives what is written. */
  async untilReplicaOnline(): Promise<void> {
    const isOnline = async () => /^slave0:.*state=online/m.test(await this.client.info("replication"));
    await waitFor(isOnline, { what: "a replica that is online" });
  }

  /** Resolves when everything written so far is committed. */
  async untilCommitted(): Promise<void> {
    // A write of this connection, because WAIT waits for the last one of its own.
    await this.client.hset("bench:mark", "at", Date.now());
    const replicas = await this.client.call("WAIT", "1", "300000");
    if (replicas !== 1) throw new Error("WAIT timed out: the writes are not in the table");
  }

  /** Makes sure that what was measured was also done. */
  async expectRows(count: number): Promise<void> {
    const found = await this.database.count();
    if (found !== count) throw new Error(`${this.database.name}: expected ${count} rows in the table, found ${found}`);
  }
}

/** Opens a lab, and closes it whatever happens. */
export async function inLab<T>(options: LabOptions, work: (lab: Lab) => Promise<T>): Promise<T> {
  const lab = await Lab.open(options);
  try {
    return await work(lab);
  } finally {
    await lab.close();
  }
}
