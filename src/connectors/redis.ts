/** Another Redis, or a Redis Cluster, through the driver ioredis. */
import type { Connector, Option } from "./connector.js";
import { hashesReference, type HashesOptions } from "./redis/hashes.js";
import { redisOptions, type RedisOptions } from "./redis/options.js";
import { RedisSink } from "./redis/sink.js";

export type { HashesOptions, RedisOptions };

/**
 * Another Redis server, or a cluster of them.
 *
 * ```ts
 * const replica = redis("rediss://app:secret@cache-2.example.org:6380/0"); // or redis({ host, port, user, password, db, tls })
 * const cluster = redis({ cluster: ["10.0.0.1:6379", "10.0.0.2:6379"], password: () => configGet("CopyPassword") });
 * const copies = replica.hashes("copy"); // person:5 becomes copy:5
 * ```
 */
export function redis(options: RedisOptions | Option<string>): {
  hashes(prefix: string, options?: HashesOptions): Connector;
} {
  const server = redisOptions(options);
  return {
    hashes(prefix, hashesOptions = {}) {
      const reference = hashesReference(prefix, hashesOptions);
      return {
        kind: "redis",
        table: reference.prefix,
        primaryKey: reference.primaryKey,
        sink: (context) => new RedisSink(server, reference, context),
      };
    },
  };
}
