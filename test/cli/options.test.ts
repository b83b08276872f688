/** Which Redis flags and environment name. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ConnectionFlags, redisTarget, registryTarget } from "../../src/config/options.js";
import type { RedisTarget } from "../../src/redis/target.js";
import { tempDir } from "../support/process.js";

type Case = readonly [what: string, flags: ConnectionFlags, env: Record<string, string>, target: RedisTarget];

const local = { host: "127.0.0.1", port: 6379, db: 0 };
const cases: readonly Case[] = [
  ["nothing is the local server", {}, {}, local],
  [
    "the environment's URL",
    {},
    { REDIS_URL: "redis://u:p@h:7/3" },
    { host: "h", port: 7, username: "u", password: "p", db: 3 },
  ],
  ["--url wins over the environment's", { url: "redis://a" }, { REDIS_URL: "redis://b" }, { ...local, host: "a" }],
  [
    "each flag wins over its part of the URL",
    { url: "redis://u:p@h:7/3", host: "g", port: 8, user: "v", password: "q", db: 4 },
    {},
    { host: "g", port: 8, username: "v", password: "q", db: 4 },
  ],
  [
    "a flag keeps the other parts of the URL",
    { port: 8 },
    { REDIS_URL: "redis://u:p@h:7/3" },
    { host: "h", port: 8, username: "u", password: "p", db: 3 },
  ],
  ["database 0 is a database to choose", { db: 0 }, { REDIS_URL: "redis://h/3" }, { ...local, host: "h" }],
  ["REDISCLI_AUTH is the password where none is given", {}, { REDISCLI_AUTH: "s" }, { ...local, password: "s" }],
  [
    "the URL's password wins over REDISCLI_AUTH",
    {},
    { REDIS_URL: "redis://:p@h", REDISCLI_AUTH: "s" },
    { ...local, host: "h", password: "p" },
  ],
  [
    "--password wins over both",
    { password: "f" },
    { REDIS_URL: "redis://:p@h", REDISCLI_AUTH: "s" },
    { ...local, host: "h", password: "f" },
  ],
  ["an empty variable counts as none", {}, { REDIS_URL: "", REDISCLI_AUTH: "" }, local],
  ["--tls", { tls: true }, {}, { ...local, tls: {} }],
  ["rediss:// is TLS", { url: "rediss://h" }, {}, { ...local, host: "h", tls: {} }],
  [
    "--socket takes the place of host and port",
    { socket: "/r.sock" },
    { REDIS_URL: "rediss://h:7/2" },
    { host: "h", port: 7, db: 2, path: "/r.sock" },
  ],
  [
    "--host takes the place of a URL's socket",
    { host: "h" },
    { REDIS_URL: "unix:///r.sock?db=1" },
    { host: "h", port: 6379, db: 1 },
  ],
];

for (const [what, flags, env, target] of cases) {
  test(`connection flags: ${what}`, () => assert.deepEqual(redisTarget(flags, env), target));
}

test("connection flags: certificates are read from their files, and mean TLS", () => {
  const dir = tempDir("wbsync-certs");
  const file = (name: string) => {
    writeFileSync(join(dir, name), `the ${name}`);
    return join(dir, name);
  };
  const flags = { cacert: file("ca"), cert: file("cert"), key: file("key") };
  assert.deepEqual(redisTarget(flags, {}).tls, { ca: "the ca", cert: "the cert", key: "the key" });
});

test("the registry is in the same Redis, unless its own URL is given", () => {
  const redis = redisTarget({ host: "h" }, {});
  assert.equal(registryTarget({}, {}, redis), redis);
  assert.deepEqual(registryTarget({}, { WBSYNC_REGISTRY_URL: "redis://r/1" }, redis), { ...local, host: "r", db: 1 });
  const flags = { registryUrl: "redis://s" };
  assert.deepEqual(registryTarget(flags, { WBSYNC_REGISTRY_URL: "redis://r" }, redis), { ...local, host: "s" });
});
