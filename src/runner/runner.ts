/** The process behind `wbsync run`: one capture, one task a recipe, and the registry that says which recipes there are. */
import { randomBytes } from "node:crypto";
import { setMaxListeners } from "node:events";
import type { Redis } from "ioredis";
import { ReplicationCapture } from "../capture/replication.js";
import { Parameters, useParameters } from "../config/parameters.js";
import { messageOf, UserError } from "../errors.js";
import type { Logger } from "../observe/logger.js";
import { WriteGuards } from "../pipeline/guards.js";
import { WriteBehindPipeline } from "../pipeline/write-behind.js";
import type { Server } from "../pipeline/sink-context.js";
import { WriteThroughPipeline } from "../pipeline/write-through.js";
import type { Recipe } from "../recipe/recipe.js";
import { connectRedis, describeTarget, type RedisTarget } from "../redis/client.js";
import { parseInfo } from "../redis/info.js";
import { THROUGH } from "../redis/keys.js";
import { DeadLetters } from "../registry/dead-letters.js";
import { Registry } from "../registry/registry.js";
import { checkTrust, type Trust } from "../registry/signature.js";
import type { Registration } from "../registry/types.js";
import type { Observation } from "../observe/observation.js";
import { type HttpServer, serveHttp } from "../observe/server.js";
import { runnerId } from "./holder.js";
import { lastWord } from "./last-word.js";
import { LoadedRecipes } from "./loaded.js";
import { RecipeTask } from "./recipe-task.js";
import type { TaskEnvironment } from "./task-environment.js";
import { tuneServer } from "./tune.js";

export interface RunnerOptions {
  /** Where the hashes are. */
  readonly redis: RedisTarget;
  /** Where recipes, parameters and dead letters are: often the same server. */
  readonly registry: RedisTarget;
  /** The recipes to execute; none named: all. */
  readonly names: readonly string[];
  /** Public keys; where given, only recipes signed by one of them are executed. */
  readonly trust?: Trust;
  /** What parameters are encrypted with. */
  readonly secretKey?: Buffer;
  /** Serve /healthz, /readyz and /metrics on this port. */
  readonly http?: number;
  /** May the server's settings be improved (notify-keyspace-events, repl-backlog-size)? */
  readonly tuneServer?: boolean;
  readonly log: Logger;
}

/** How long a bundle may take to load, in ms. */
const LOAD_TIMEOUT_MS = 2000;

export class Runner {
  readonly #options: RunnerOptions;
  readonly #log: Logger;
  readonly #id = runnerId(randomBytes(3).toString("hex"));
  /** The last step of a write-through is known to the write-behind beside it, if it is in the same process. */
  readonly #marker = `${THROUGH}${this.#id}`;
  readonly #guards = new WriteGuards();
  readonly #tasks = new Map<string, RecipeTask>();
  readonly #running = new Set<Promise<void>>();
  readonly #loaded = new LoadedRecipes();
  readonly #problems = new Map<string, string>();
  /** The recipes that are registered; undefined: nobody knows yet. */
  #registered: ReadonlySet<string> | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
    this.#log = options.log;
  }

  /** Executes recipes until the signal; then everything captured is written, and it returns. */
  async run(signal: AbortSignal): Promise<void> {
    // Every recipe and each of its partitions waits for the same signals: many are no leak.
    setMaxListeners(0);
    const connections = await this.#connect(signal);
    const { data, control, subscriber, registry: registryRedis } = connections;
    const registry = new Registry(registryRedis);
    const parameters = new Parameters(registryRedis, this.#options.secretKey);
    useParameters((name) => parameters.get(name));
    const hard = new AbortController();
    if (this.#options.tuneServer !== false) await tuneServer(control, this.#log);
    const capture = new ReplicationCapture({
      target: this.#options.redis,
      control,
      subscriber,
      mayConfigure: this.#options.tuneServer !== false,
      isOwn: (marker) => !marker.startsWith(THROUGH) || marker === this.#marker,
      log: this.#log,
    });
    const runId = parseInfo(await control.info("server"))["run_id"];
    const server: Server = { db: this.#options.redis.db, runIds: runId === undefined ? [] : [runId] };
    const environment = this.#environment({ registry, registryRedis, data, capture, server });
    const capturing = capture.run(hard.signal);
    let http: HttpServer | undefined;
    const onRejection = (error: unknown) => this.#onRejection(error);
    process.on("unhandledRejection", onRejection);
    try {
      if (this.#options.http !== undefined)
        http = await serveHttp(this.#options.http, () => this.#observe(), this.#log);
      this.#log.info(`runner ${this.#id} reads from ${describeTarget(this.#options.redis)}`);
      await this.#follow({ registry, parameters, environment, hard: hard.signal }, signal);
      await Promise.all([...this.#tasks.values()].map((task) => task.stop("drain")));
    } finally {
      hard.abort();
      await Promise.allSettled([...this.#running, capturing]);
      await http?.close();
      process.off("unhandledRejection", onRejection);
      for (const redis of Object.values(connections)) redis.disconnect();
    }
  }

  async #connect(signal: AbortSignal): Promise<{ data: Redis; control: Redis; subscriber: Redis; registry: Redis }> {
    const { redis, registry } = this.#options;
    // Fails fast, once: a wrong address or password should not look like a server that will come back.
    (await connectRedis(redis, { name: "wbsync-probe", signal })).disconnect();
    (await connectRedis(registry, { name: "wbsync-probe", signal })).disconnect();
    const open = (target: RedisTarget, name: string) => connectRedis(target, { name, signal, retry: true });
    const [data, control, subscriber, registryRedis] = await Promise.all([
      open(redis, "wbsync-data"),
      open(redis, "wbsync-control"),
      open(redis, "wbsync-events"),
      open(registry, "wbsync-registry"),
    ]);
    return { data, control, subscriber, registry: registryRedis };
  }

  /** Does what the registry says, until the signal. */
  async #follow(
    {
      registry,
      parameters,
      environment,
      hard,
    }: { registry: Registry; parameters: Parameters; environment: TaskEnvironment; hard: AbortSignal },
    signal: AbortSignal,
  ): Promise<void> {
    let backup: ReadonlyMap<string, string> = new Map();
    const attend = async (): Promise<void> => {
      try {
        const restored = await parameters.restore(backup);
        if (restored > 0) this.#log.warn(`${restored} parameters had vanished from Redis and were put back`);
        // Merged: what vanishes between these two lines is still remembered.
        backup = new Map([...backup, ...(await parameters.backup())]);
        // Told to end while Redis was silent: nothing is begun any more.
        if (signal.aborted) return;
        await this.#reconcile(registry, environment, hard);
        await Promise.all([...this.#tasks.values()].map((task) => task.mindLetters()));
        this.#problems.delete("registry");
      } catch (error) {
        if (!signal.aborted) this.#tellProblem("registry", `the registry cannot be read: ${messageOf(error)}`);
      }
    };
    for await (const _ of registry.watch(signal)) await lastWord(attend(), signal);
  }

  async #reconcile(registry: Registry, environment: TaskEnvironment, hard: AbortSignal): Promise<void> {
    const wanted = new Map<string, Registration>();
    for (const { name, registration, problem } of await registry.list()) {
      if (!this.#isMine(name)) continue;
      if (registration) wanted.set(name, registration);
      else this.#tellOnce(name, problem);
    }
    this.#registered = new Set(wanted.keys());
    this.#tellMissing(wanted);
    const bundles = await registry.bundles();
    for (const [name, task] of this.#tasks) {
      const isRobbed = this.#loaded.get(task.registration) !== undefined && !bundles.has(task.registration.sha256);
      if (!wanted.has(name) || isRobbed) await this.#missing(registry, name, task);
    }
    for (const [name, registration] of wanted) {
      const task = this.#tasks.get(name);
      if (task) task.update(registration);
      else this.#begin(registration, environment, hard);
    }
  }

  /** A name that nobody has deployed may be misspelt, or come later. */
  #tellMissing(wanted: ReadonlyMap<string, Registration>): void {
    for (const name of this.#options.names) {
      if (wanted.has(name) || this.#problems.has(name)) continue;
      this.#problems.set(name, "missing");
      this.#log.warn(`no recipe "${name}" is registered: it runs once it is deployed. See wbsync list`);
    }
  }

  #observe(): Observation {
    const registered = this.#registered;
    return {
      recipes: [...this.#tasks.values()],
      hasBegun: registered !== undefined,
      missing: registered ? this.#options.names.filter((name) => !registered.has(name)) : [],
    };
  }

  #isMine(name: string): boolean {
    return this.#options.names.length === 0 || this.#options.names.includes(name);
  }

  #begin(registration: Registration, environment: TaskEnvironment, hard: AbortSignal): void {
    const task = new RecipeTask(registration, environment);
    this.#tasks.set(registration.name, task);
    const running: Promise<void> = task.run(hard).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** Undeployed, or lost by the registry's server: FLUSHALL and eviction are no way to undeploy. */
  async #missing(registry: Registry, name: string, task: RecipeTask): Promise<void> {
    // A version that was never loaded cannot be put back; the one that works goes on.
    const known = [task.registration, task.applied].find((registration) => this.#loaded.get(registration));
    const fate = known ? await registry.restore(known, this.#loaded.get(known)!.code) : "undeployed";
    if (fate === "restored")
      this.#log.warn({ recipe: name }, "its registration had vanished from Redis and was put back");
    if (fate !== "undeployed") return;
    this.#log.info({ recipe: name }, `undeployed; ${task.status().buffered} changed keys were still buffered`);
    this.#tasks.delete(name);
    await task.stop("at the next batch");
    this.#loaded.keep(name, []);
    await registry.forget(name);
  }

  #environment(parts: {
    readonly registry: Registry;
    readonly registryRedis: Redis;
    readonly data: Redis;
    readonly capture: ReplicationCapture;
    readonly server: Server;
  }): TaskEnvironment {
    const { registry, registryRedis, data, capture, server } = parts;
    return {
      runner: this.#id,
      log: this.#log,
      load: (registration) => this.#load(registry, registration),
      makePipeline: (recipe, log, onChange) => {
        const common = { capture, redis: data, server, guards: this.#guards, log, onChange };
        if (recipe.mode === "write-through")
          return new WriteThroughPipeline({ ...common, recipe, marker: this.#marker });
        return new WriteBehindPipeline({ ...common, recipe, letters: new DeadLetters(registryRedis, recipe.name) });
      },
      hold: (task) => capture.hold(task),
      release: (task) => capture.release(task),
      report: (name, status) => registry.report(name, status),
      lastReport: async (name) => (await registry.statuses()).get(name),
      retries: (name) => new DeadLetters(registryRedis, name).retries(),
    };
  }

  /** The registered code, if it is what was registered and by whom it should be. */
  async #load(registry: Registry, registration: Registration): Promise<Recipe> {
    const { name, version, sha256 } = registration;
    const before = this.#loaded.get(registration);
    const code = before?.code ?? (await registry.bundle(sha256));
    const distrust = this.#options.trust && checkTrust(registration, code, this.#options.trust);
    if (distrust !== undefined) throw new UserError("UNTRUSTED", distrust);
    if (before) return before.recipe;
    // With all connectors: a runner without recipes has started before.
    const { loadBundle } = await import("../recipe/load.js");
    const recipe = loadBundle(code, labelOf(name, version), { timeoutMs: LOAD_TIMEOUT_MS }).find(
      (one) => one.name === name,
    );
    if (!recipe)
      throw new UserError("BUNDLE", `The bundle of ${name} ${version} has no recipe of that name. Deploy it again.`);
    this.#loaded.set(registration, { code, recipe });
    const task = this.#tasks.get(name);
    if (task) this.#loaded.keep(name, [registration, task.registration, task.applied]);
    return recipe;
  }

  /** A promise that a recipe's own code left alone: told, and no reason to stop anybody. */
  #onRejection(error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? "") : "";
    const task = [...this.#tasks.values()].find(({ registration: { name, version } }) =>
      stack.includes(labelOf(name, version)),
    );
    const log = task ? this.#log.child({ recipe: task.name }) : this.#log;
    log.error({ err: error }, "a promise was rejected and nobody handled it");
  }

  #tellOnce(name: string, problem: string): void {
    this.#tellProblem(name, `the registration of ${name} cannot be used: ${problem}. Deploy it again.`);
  }

  /** Tells of something that goes on, but not every second. */
  #tellProblem(subject: string, problem: string): void {
    if (this.#problems.get(subject) === problem) return;
    this.#problems.set(subject, problem);
    this.#log.error(problem);
  }
}

function labelOf(name: string, version: string): string {
  return `wbsync:${name}@${version}`;
}
