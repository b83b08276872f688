/** What the process's exit code says. */
import { WbsyncError } from "../errors.js";

export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  redisUnreachable: 3,
  databaseUnreachable: 4,
  /** 128 + SIGINT, as shells have it. */
  interrupted: 130,
} as const;

/** The exit code for anything that was thrown. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof WbsyncError)) return EXIT.failed;
  switch (error.code) {
    case "USAGE":
      return EXIT.usage;
    case "REDIS_UNREACHABLE":
      return EXIT.redisUnreachable;
    case "DATABASE_UNREACHABLE":
      return EXIT.databaseUnreachable;
    default:
      return EXIT.failed;
  }
}
