/** What the tests of `wbsync init` begin with: a private Redis, and an empty folder for each of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, beforeEach } from "node:test";
import type { Redis } from "ioredis";
import { type CliResult, wbsync } from "../support/cli.js";
import { tempDir } from "../support/process.js";
import { type RedisServer, startRedis } from "../support/redis.js";

export interface InitLab {
  /** The folder. */
  readonly dir: string;
  readonly redisUrl: string;
  /** A connection to the Redis, which is empty when a test begins. */
  client(): Redis;
  /** Runs wbsync in the folder. */
  readonly run: (...args: string[]) => Promise<CliResult>;
  /** The text of a file in the folder. */
  readonly read: (name: string) => string;
}

/** Hooks Redis and folder into the tests of this file. */
export function initLab(): InitLab {
  let redis: RedisServer;
  let dir: string;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());
  beforeEach(async () => {
    dir = tempDir("wbsync-init");
    await redis.client().flushall();
  });
  return {
    get dir() {
      return dir;
    },
    get redisUrl() {
      return redis.url;
    },
    client: () => redis.client(),
    run: async (...args) => await wbsync(args, { cwd: dir, env: { REDIS_URL: redis.url } }),
    read: (name) => readFileSync(join(dir, name), "utf8"),
  };
}
