/** The server's settings that decide how long a runner may be away without a gap. */
import type { Redis } from "ioredis";
import { messageOf } from "../errors.js";
import type { Logger } from "../observe/logger.js";

/** Redis keeps 1 MB of the stream by default: at 10,000 writes a second that is one second. */
const BACKLOG_BYTES = 64 * 2 ** 20;

/** Raises a backlog of the default size; says so, and what to do where it is not allowed. */
export async function tuneServer(redis: Redis, log: Logger): Promise<void> {
  try {
    const [, size] = (await redis.config("GET", "repl-backlog-size")) as string[];
    if (size === undefined || Number(size) >= BACKLOG_BYTES) return;
    await redis.config("SET", "repl-backlog-size", BACKLOG_BYTES);
    log.info(
      `repl-backlog-size raised from ${size} to ${BACKLOG_BYTES} bytes, until the server restarts: set it in redis.conf`,
    );
  } catch (error) {
    log.warn(
      `repl-backlog-size cannot be read or raised (${messageOf(error)}). Set it to at least ${BACKLOG_BYTES} in redis.conf: it decides how long the runner may be away before a snapshot has to fill a gap.`,
    );
  }
}
