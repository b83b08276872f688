/** Advice for a registry that has a Redis of its own: other flags do not say where that is. Pure. */
import { WbsyncError } from "../errors.js";
import { describeTarget, type RedisTarget } from "../redis/target.js";

const HINT =
  "Check --registry-url (or WBSYNC_REGISTRY_URL): redis://user:password@host:port/db, rediss:// for TLS, unix:// for a socket.";

/** The flags that say where the Redis with the hashes is. */
const OTHER_FLAGS = /--(host|port|url|socket|user|password|db|tls|cacert)\b/;

interface Targets {
  readonly redisTarget: RedisTarget;
  readonly registryTarget: RedisTarget;
}

/**
 * The same error, with a hint that names --registry-url where the error is the registry's alone. A runner connects to both by
 * itself: which of them an error is about shows in the server that it names.
 */
export function ofRegistry(error: WbsyncError, { redisTarget, registryTarget }: Targets): WbsyncError {
  const server = describeTarget(registryTarget);
  if (error.code !== "REDIS_UNREACHABLE" || server === describeTarget(redisTarget)) return error;
  if (!error.message.startsWith(`Redis at ${server} `) || !OTHER_FLAGS.test(error.hint ?? "")) return error;
  return new WbsyncError(error.code, error.message, { hint: HINT, cause: error.cause });
}
