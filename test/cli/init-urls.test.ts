/** `wbsync init`: what a connection URL says stands in the recipe, or is refused by name. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, test } from "node:test";
import { databaseOfUrl, parseConnection } from "../../src/cli/init/connection.js";
import { redisUrlOf } from "../../src/cli/init/redis-url.js";
import { redisTarget } from "../../src/config/options.js";
import { UserError } from "../../src/errors.js";
import { typeErrors } from "../../src/recipe/type-check.js";
import { wbsync } from "../support/cli.js";
import { tempDir } from "../support/process.js";

let dir: string;
const read = (name: string) => readFileSync(join(dir, name), "utf8");

/** Nobody answers at port 1: `init` without `--from` asks no Redis. */
const init = async (url: string, ...args: string[]) =>
  await wbsync(["init", "shop", "--yes", "--template", databaseOfUrl(url)!, "--connection", url, ...args], {
    cwd: dir,
    env: { REDIS_URL: "redis://127.0.0.1:1" },
  });

beforeEach(() => {
  dir = tempDir("wbsync-init-urls");
});

const NO_CHECK = "  tls: { rejectUnauthorized: false },";
const expressed: readonly (readonly [url: string, lines: readonly string[]])[] = [
  ["postgres://app:secret@h/db?sslmode=require", [NO_CHECK]],
  ["postgres:///db?host=/run/postgresql", ['  host: "/run/postgresql",']],
  [
    "mysql://app:secret@h/db?sslmode=verify-full&statementTimeoutMs=5000",
    ["  tls: true,", "  statementTimeoutMs: 5000,"],
  ],
  ["mysql://app@localhost/db?socketPath=/run/my.sock", ['  socketPath: "/run/my.sock", // instead of host and port']],
  ["mysql://app@[::1]:3307/db", ['  host: "::1",', "  port: 3307,"]],
  ["rediss://app@h/3", ["  db: 3,", "  tls: true,"]],
  ["mongodb://app@h/db?authSource=admin&tls=true", ['  authSource: "admin",', "  tls: true,"]],
  [
    "cassandra://app@h/k?localDataCenter=dc2&ssl=no-verify",
    ['  localDataCenter: "dc2",', "  ssl: { rejectUnauthorized: false },"],
  ],
  ["mssql://app@h/db?encrypt=1&trustServerCertificate=true", ["  encrypt: true,", "  trustServerCertificate: true,"]],
  ["oracle://app@[::1]:1521/X?walletLocation=/w", ['  connectString: "[::1]:1521/X",', '  walletLocation: "/w",']],
  ["snowflake://app@a/D/S?role=LOADER&warehouse=W", ['  role: "LOADER",', '  warehouse: "W",']],
];
for (const [url, lines] of expressed) {
  test(`the recipe says what ${url} says`, async () => {
    const made = await init(url);
    assert.equal(made.code, 0, made.stderr);
    const recipe = read("shop/recipe.ts");
    for (const line of lines) assert.ok(recipe.split("\n").includes(line), `${line} in\n${recipe}`);
    assert.deepEqual(await typeErrors(join(dir, "shop/recipe.ts")), []);
  });
}

for (const [url, name] of [
  ["postgres://app:se-cret@h/db?sslmode=verify-full&sslrootcert=/ca.pem", "sslrootcert"],
  ["postgres://app:se-cret@h/db?host=/run/postgresql", "host"],
  ["mysql://app@h/db?password=se-cret", "password"],
  ["mysql://app@h/db?connectTimeoutMs=soon", "connectTimeoutMs"],
  ["redis://app@h/0?db=se-cret", "db"],
  ["mongodb://app@h/db?replicaSet=rs0", "replicaSet"],
  ["mssql://app@h/db?encrypt=strict", "encrypt"],
  ["oracle://app@h/X?walletPassword=se-cret", "walletPassword"],
  ["snowflake://app@a/D?privateKey=se-cret", "privateKey"],
  ["cassandra://app@h/k?toString=x", "toString"],
] as const) {
  test(`the parameter ${name} of a ${databaseOfUrl(url)} URL is refused by its name`, () => {
    assert.throws(
      () => parseConnection(databaseOfUrl(url)!, url),
      (error) =>
        error instanceof UserError &&
        error.code === "USAGE" &&
        error.message.includes(`parameter "${name}"`) &&
        !error.message.includes("se-cret"),
    );
  });
}

test('a "%" that is no escape is the mistake of who wrote the URL', async () => {
  for (const args of [
    ["--yes", "--connection", "mysql://app:p%ss@h/db"],
    ["--from", "mysql://app:p%ss@h/db"],
    ["--from", "snowflake://app@a/D%/S"],
  ]) {
    const { code, stderr } = await wbsync(["init", "shop", ...args], { cwd: dir });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /a "%" in it is not followed by two hex digits/);
    assert.ok(!stderr.includes("p%ss"));
  }
  assert.ok(!existsSync(join(dir, "shop")));
});

test(".env has the Redis of the flags, and README.md does not tell to overwrite it", async () => {
  const url = "mysql://app:secret@h/db";
  const made = await init(url, "--host", "cache", "--port", "6390", "--password", "p@ss", "--db", "2");
  assert.equal(made.code, 0, made.stderr);
  assert.match(read("shop/.env"), /^REDIS_URL=redis:\/\/:p%40ss@cache:6390\/2$/m);
  assert.doesNotMatch(read("shop/README.md"), /cp \.env/);
  writeFileSync(join(dir, "ca.pem"), "");
  const withTls = await init(url, "--force", "--cacert", "ca.pem");
  assert.match(read("shop/.env"), /^REDIS_URL=rediss:\/\/127\.0\.0\.1:1$/m);
  assert.match(withTls.stderr, /says nothing of certificates: add --cacert/);
  assert.equal((await init("mysql://app@h/db", "--force")).code, 0);
  assert.match(read("shop/README.md"), /1\. `cp \.env\.example \.env`/);
});

test("a URL of Redis means the server that it was made of", () => {
  for (const flags of [
    {},
    { host: "::1", port: 1, user: "a:b", password: "p/@%", db: 3 },
    { host: "h", tls: true, password: "x" },
    { socket: "/run/a b?.sock", db: 2, password: "s@/c" },
  ]) {
    const target = redisTarget(flags, {});
    const again = redisTarget({ url: redisUrlOf(target) }, {});
    if (target.path === undefined) assert.deepEqual(again, target);
    else assert.deepEqual({ ...again, host: target.host, port: target.port }, target);
  }
});
