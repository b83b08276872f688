/** Writes down where a Redis is, for REDIS_URL. Pure. */
import type { RedisTarget } from "../../redis/target.js";

/** The URL of a server; certificates have no place in it. */
export function redisUrlOf({ host, port, username = "", password, db, tls, path }: RedisTarget): string {
  const secret = password === undefined ? "" : `:${encodeURIComponent(password)}`;
  const user = `${encodeURIComponent(username)}${secret}`;
  const credentials = user === "" ? "" : `${user}@`;
  if (path !== undefined) {
    const socket = path.split("/").map(encodeURIComponent).join("/");
    return `unix://${credentials}${socket}${db === 0 ? "" : `?db=${db}`}`;
  }
  const server = `${host.includes(":") ? `[${host}]` : encodeURIComponent(host)}:${port}`;
  return `${tls === undefined ? "redis" : "rediss"}://${credentials}${server}${db === 0 ? "" : `/${db}`}`;
}
