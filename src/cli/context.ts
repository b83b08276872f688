/** Composition: what a command gets to work with, made of flags and environment, and closed behind it. */
import type { Command } from "commander";
import type { Redis } from "ioredis";
import { type ConnectionFlags, redisTarget, registryTarget } from "../config/options.js";
import { WbsyncError } from "../errors.js";
import type { RedisTarget } from "../redis/target.js";
import type { Registry } from "../registry/registry.js";
import { ofRegistry } from "./registry-hint.js";

/** A command's connections. Each is opened when it is first asked for. */
export class Context {
  /** The Redis whose changes are carried. */
  readonly redisTarget: RedisTarget;
  /** The Redis that holds recipes, parameters and dead letters. */
  readonly registryTarget: RedisTarget;
  #redis: Promise<Redis> | undefined;
  #registryRedis: Promise<Redis> | undefined;

  constructor(flags: ConnectionFlags) {
    this.redisTarget = redisTarget(flags, process.env);
    this.registryTarget = registryTarget(flags, process.env, this.redisTarget);
  }

  /** The Redis with the hashes. Throws REDIS_UNREACHABLE. */
  async redis(): Promise<Redis> {
    this.#redis ??= connect(this.redisTarget);
    return await this.#redis;
  }

  /** The registry's Redis. Throws REDIS_UNREACHABLE. */
  async registryRedis(): Promise<Redis> {
    this.#registryRedis ??= connect(this.registryTarget);
    return await this.#registryRedis;
  }

  async registry(): Promise<Registry> {
    const { Registry } = await import("../registry/registry.js");
    return new Registry(await this.registryRedis());
  }

  close(): void {
    // Who waited for the connection has seen its error.
    for (const connection of [this.#redis, this.#registryRedis]) {
      connection?.then((redis) => redis.disconnect()).catch(() => undefined);
    }
  }

  /** What a command's error means: ioredis has its own words for a lost connection, and the registry its own flag. */
  async explain(error: unknown): Promise<unknown> {
    if (!(error instanceof WbsyncError || isRedisError(error))) return error;
    const { explainRedisError } = await import("../redis/explain.js");
    return ofRegistry(explainRedisError(error, this.registryTarget), this);
  }
}

// Loaded when needed: whoever asks for help or a version has no use for it.
async function connect(target: RedisTarget): Promise<Redis> {
  const { connectRedis } = await import("../redis/client.js");
  return await connectRedis(target, { name: "wbsync-cli" });
}

function isRedisError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const lost = error.message === "Connection is closed." || error.name === "MaxRetriesPerRequestError";
  return lost || error.name === "ReplyError" || (error as { syscall?: unknown }).syscall === "read";
}

/** Makes a commander action of a function that wants a context first, then the command's arguments and options. */
export function action<Params extends readonly unknown[]>(
  run: (context: Context, ...params: Params) => Promise<void>,
): (...params: [...Params, Command]) => Promise<void> {
  return async (...params) => {
    const command = params.at(-1) as Command;
    const context = new Context(command.optsWithGlobals());
    try {
      await run(context, ...(params.slice(0, -1) as unknown as Params));
    } catch (error) {
      throw await context.explain(error);
    } finally {
      context.close();
    }
  };
}
