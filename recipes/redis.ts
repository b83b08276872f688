/**
 * Another Redis: hashes `session:<id>` are copied to hashes `visit:<id>` of a second server, for reports that must not burden the
 * first. Shows fields that get other names, one that is brought into one spelling, and one that stays behind.
 *
 *     wbsync deploy recipes/redis.ts
 *     COPY_URL=redis://127.0.0.1:6380/0 wbsync run
 *     redis-cli HSET session:1 user 7 seen 2024-02-29T13:30:00+01:00 csrf stays-here
 *     redis-cli -p 6380 HGETALL visit:1
 */
import { redis, writeBehind } from "wbsync";

const reports = redis(() => process.env.COPY_URL ?? "redis://127.0.0.1:6380/0");

export default writeBehind({
  name: "SessionsCopy",
  version: "1.0.0",
  keysPrefix: "session",
  connector: reports.hashes("visit"),
  mappings: {
    user: "user_id",
    seen: { column: "last_seen", type: "datetime" }, // 2024-02-29 12:30:00, always UTC
    pages: { column: "pages", type: "integer", default: 0 },
  },
  // A session that has expired is of no interest any more.
  onExpire: "delete",
});
