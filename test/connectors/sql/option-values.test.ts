/** What is wrong with an option is said when the recipe is loaded, of every connector, and no secret with it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { cassandra } from "../../../src/connectors/cassandra.js";
import { resolveOption, type Connector } from "../../../src/connectors/connector.js";
import { mongodb } from "../../../src/connectors/mongodb.js";
import { mssql } from "../../../src/connectors/mssql.js";
import { mysql } from "../../../src/connectors/mysql.js";
import { oracle } from "../../../src/connectors/oracle.js";
import { postgres } from "../../../src/connectors/postgres.js";
import { redis } from "../../../src/connectors/redis.js";
import { resolveRedis } from "../../../src/connectors/redis/options.js";
import { snowflake } from "../../../src/connectors/snowflake.js";
import { sqlite } from "../../../src/connectors/sqlite.js";
import { sqliteOptions, resolveSqlite } from "../../../src/connectors/sqlite/options.js";
import { resolveServer, serverOptions } from "../../../src/connectors/sql/server-options.js";
import { UserError } from "../../../src/errors.js";
import { NEVER } from "../../contract/harness.js";
import { tempDir } from "../../support/process.js";

/** Options that no type would let pass. */
const connectors = {
  mysql,
  postgres,
  sqlite,
  redis,
  cassandra,
  mongodb,
  mssql,
  oracle,
  snowflake,
} as unknown as Record<
  "mysql" | "postgres" | "sqlite" | "redis" | "cassandra" | "mongodb" | "mssql" | "oracle" | "snowflake",
  (options: unknown) => { table(name: string, options: object): Connector }
>;
const { mysql: anyMysql } = connectors;

const PORT = "a whole number from 1 to 65535";
const TIME = "a whole number from 1 to 2147483647";
const TLS = "true, false, or an object with Node's options of TLS";
const C = { contactPoints: "h", localDataCenter: "dc1" };

const wrong: readonly (readonly [kind: keyof typeof connectors, given: unknown, message: string])[] = [
  ["mysql", { port: 99_999 }, `port: expected ${PORT}, got 99999`],
  ["mysql", { port: "abc" }, `port: expected ${PORT}, got "abc"`],
  ["mysql", { port: NaN }, `port: expected ${PORT}, got NaN`],
  ["mysql", { url: "mysql://h/d", statementTimeoutMs: -1 }, `statementTimeoutMs: expected ${TIME}, got -1`],
  ["mysql", "mysql://h/d?connectTimeoutMs=soon", `connectTimeoutMs: expected ${TIME}, got "soon"`],
  ["mysql", { password: 12_345 }, "password: expected a text, got a number"],
  ["mysql", { password: { hunter2: 1 } }, "password: expected a text, got an object"],
  ["mysql", { url: 12_345 }, "url: expected a URL, got a number"],
  ["mysql", { port: "mysql://u:hunter2@h/d" }, `port: expected ${PORT}, got "mysql://u:[secret]@h/d"`],
  ["mysql", { ssl: "true" }, `ssl: expected ${TLS}, got "true"`],
  ["mysql", 12_345, "expected options or a URL, got a number"],
  ["postgres", { user: 5 }, "user: expected a text, got 5"],
  ["postgres", { tls: ["hunter2"] }, `tls: expected ${TLS}, got an array of 1`],
  ["sqlite", { file: 5 }, "file: expected the path of a file, got 5"],
  ["sqlite", { file: "" }, 'file: expected the path of a file, got ""'],
  ["sqlite", { file: ":memory:" }, "a database in memory is gone with its connection"],
  [
    "sqlite",
    { file: "a", busyTimeoutMs: "no" },
    'busyTimeoutMs: expected a whole number from 0 to 2147483647, got "no"',
  ],
  ["redis", { port: 0 }, `port: expected ${PORT}, got 0`],
  ["redis", { db: -1 }, "db: expected the number of a database, got -1"],
  ["redis", "redis://h/first", 'db: expected the number of a database, got "first"'],
  ["redis", { username: 5 }, "username: expected a text, got 5"],
  [
    "redis",
    { cluster: "redis://u:hunter2@h" },
    'cluster: expected a list of nodes, as "10.0.0.1:6379" or { host, port }, got a text',
  ],
  ["redis", { cluster: [{ host: "h", port: 0 }] }, `cluster: the port of a node: expected ${PORT}, got 0`],
  ["redis", { cluster: [{ host: 5 }] }, "cluster: a node has no host"],
  ["redis", { cluster: ["h:1"], db: 1 }, "a cluster has only database 0"],
  ["cassandra", { ...C, contactPoints: [] }, "contactPoints: expected a host or a list of hosts, got an array of 0"],
  ["cassandra", { ...C, consistency: "SOME" }, /consistency: expected one of ONE, .*LOCAL_ONE, got "SOME"$/.source],
  ["cassandra", { ...C, concurrency: 5_000 }, "concurrency: expected a whole number from 1 to 2048, got 5000"],
  ["cassandra", { ...C, password: 5 }, "password: expected a text, got a number"],
  ["cassandra", "cassandra://h/k?localDataCenter=a&port=x", `port: expected ${PORT}, got "x"`],
  ["mongodb", { port: 99_999 }, `port: expected ${PORT}, got 99999`],
  ["mongodb", { connectTimeoutMs: "no" }, `connectTimeoutMs: expected ${TIME}, got "no"`],
  ["mongodb", { url: ["hunter2"] }, "url: expected a URL, got an array"],
  ["mssql", { server: "h", encrypt: "strict" }, 'encrypt: expected true or false, got "strict"'],
  ["mssql", { port: "abc" }, `port: expected ${PORT}, got "abc"`],
  ["mssql", "mssql://h/d?connectTimeoutMs=0", `connectTimeoutMs: expected ${TIME}, got "0"`],
  ["oracle", { connectString: 5 }, "connectString: expected a text, got 5"],
  ["oracle", { walletPassword: 5 }, "walletPassword: expected a text, got a number"],
  ["snowflake", { account: 5 }, "account: expected a text, got 5"],
  ["snowflake", { privateKey: Buffer.from("hunter2") }, "privateKey: expected a text, got an object"],
  ["snowflake", { privateKeyPass: true }, "privateKeyPass: expected a text, got a boolean"],
];

/** The message, and nothing of a secret. */
function refused(kind: string, message: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof UserError && error.code === "RECIPE_INVALID", String(error));
    if (message.endsWith("$")) assert.match(error.message, new RegExp(message));
    else assert.equal(error.message, `${kind}: ${message}`);
    assert.doesNotMatch(`${error.message} ${error.hint} ${error.stack}`, /hunter2|12345|12_345/);
    return true;
  };
}

describe("values that are there when a recipe is loaded are checked then", () => {
  for (const [index, [kind, given, message]] of wrong.entries()) {
    test(`${index}: ${kind}: ${message}`, () => {
      assert.throws(() => connectors[kind](given), refused(kind, message));
    });
  }

  test("values that are resolved later are checked then, and by the same rule", async () => {
    const kind = { kind: "mysql", schemes: ["mysql"], port: 3306 };
    for (const port of [() => 99_999, Promise.resolve(99_999), async () => 99_999]) {
      const options = serverOptions(kind, { port });
      await assert.rejects(resolveServer(kind, options), refused("mysql", `port: expected ${PORT}, got 99999`));
    }
    await assert.rejects(
      resolveSqlite(sqliteOptions(() => 5 as never)),
      refused("sqlite", "file: expected the path of a file, got 5"),
    );
    const nobody = { cluster: () => undefined as never };
    await assert.rejects(resolveRedis(nobody), /cluster: expected a list of nodes, .* got nothing/);
  });

  test("what is undefined is not given, and a number may be a text: so are environment variables", async () => {
    const unset = undefined as never;
    for (const kind of ["mysql", "postgres", "redis", "mongodb", "mssql", "oracle", "snowflake"] as const) {
      connectors[kind]({ url: unset, password: unset, user: unset, connectTimeoutMs: null, statementTimeoutMs: "50" });
    }
    connectors.cassandra({ ...C, port: unset, keyspace: null, concurrency: "7" });
    connectors.mssql({ server: "h", encrypt: "0", port: "1433" });
    const server = await resolveRedis({ host: "h", port: "7000" as never, db: "3" as never, user: unset });
    assert.deepEqual([server.port, server.db, server.user], [7000, 3, undefined]);
    const file = await resolveSqlite(sqliteOptions({ file: "/a", busyTimeoutMs: "0" as never }));
    assert.deepEqual(file, { file: "/a", busyTimeoutMs: 0 });
  });
});

describe("misspelt names", () => {
  const cases: readonly (readonly [work: () => unknown, hint: RegExp])[] = [
    [() => anyMysql({ hots: "h" }), /^Did you mean "host"\? Options are url, host, /],
    [() => anyMysql({ hots: "h", pasword: "x" }), /^Did you mean "host", "password"\?/],
    [() => anyMysql({ zebra: 1 }), /^Options are url, /],
    [() => connectors.sqlite({ fiel: "x" }), /^Did you mean "file"\? Options are file, busyTimeoutMs\.$/],
    [() => connectors.redis({ clutser: [] }), /^Did you mean "cluster"\?/],
    [() => connectors.cassandra({ ...C, keySpace: "k" }), /^Did you mean "keyspace"\?/],
    [() => connectors.mongodb({ ulr: "x" }), /^Did you mean "url"\?/],
    [() => connectors.mssql({ sever: "x" }), /^Did you mean "server"\?/],
    [() => anyMysql({}).table("t", { primarykey: "id" }), /^Did you mean "primaryKey"\? A table takes /],
    [() => redis({}).hashes("h", { primarykey: "id" } as never), /^Did you mean "primaryKey"\? hashes takes /],
    [() => mongodb({}).collection("c", { typs: {} } as never), /^Did you mean "types"\? A collection takes /],
  ];
  for (const [work, hint] of cases) {
    test(`the hint is ${hint.source}`, () => {
      assert.throws(work, (error) => {
        assert.ok(error instanceof UserError && error.code === "RECIPE_INVALID");
        assert.match(error.message, /unknown option "/);
        assert.match(error.hint ?? "", hint);
        return true;
      });
    });
  }
});

describe("what a URL says and nobody would hear", () => {
  const cases: readonly (readonly [kind: keyof typeof connectors, url: string, message: string])[] = [
    ["mysql", "mysql://u:hunter2@h/d?foo=bar", 'the URL has an unknown parameter "foo"'],
    ["postgres", "postgres://u:hunter2@h/d?application_name=x", 'the URL has an unknown parameter "application_name"'],
    ["postgres", "postgres://h/d?host=/run", "the URL names a second host as its parameter"],
    ["redis", "redis://u:hunter2@h?db=3", 'the URL has an unknown parameter "db"'],
    ["cassandra", "cassandra://u:hunter2@h/k?compression=lz4", 'the URL has an unknown parameter "compression"'],
    ["mssql", "mssql://u:hunter2@h/d?toString=1", 'the URL has an unknown parameter "toString"'],
  ];
  for (const [kind, url, message] of cases) {
    test(`${url} is refused`, () => {
      assert.throws(() => connectors[kind](url), refused(kind, message));
      assert.throws(() => connectors[kind]({ url }), refused(kind, message));
    });
  }

  test("the hint names the parameters that are known", () => {
    assert.throws(() => mysql("mysql://h/d?foo=bar"), {
      hint: "Leave it out. Parameters are sslmode, ssl-mode, ssl, tls, socketPath, socket, host, connectTimeoutMs, statementTimeoutMs.",
    });
  });

  test("a password with a bare question mark or per cent sign is no parameter, and not shown", () => {
    const unreadable = "the URL cannot be read; special characters in a password are written as %xx";
    for (const kind of ["mysql", "postgres", "redis", "cassandra", "mssql", "oracle", "snowflake"] as const) {
      for (const rest of ["app:12?hunter2@h/d", "app:12?hunter2!=h/d", "app:hunter2%zz@h/d"]) {
        assert.throws(() => connectors[kind](`${kind}://${rest}`), refused(kind, unreadable));
      }
    }
  });

  test("every parameter that is known is heard", async () => {
    const kind = { kind: "postgres", schemes: ["postgres"], port: 5432 };
    const heard = async (query: string) => await resolveServer(kind, serverOptions(kind, `postgres:///d?${query}`));
    assert.equal((await heard("host=h2")).host, "h2");
    assert.equal((await heard("host=/run/x")).socketPath, "/run/x");
    assert.equal((await heard("socket=/run/x")).socketPath, "/run/x");
    assert.equal((await heard("socketPath=/run/x")).socketPath, "/run/x");
    assert.equal((await heard("statementTimeoutMs=7")).statementTimeoutMs, 7);
    for (const name of ["sslmode", "ssl-mode", "ssl", "tls"])
      assert.equal((await heard(`${name}=verify-full`)).tls, true);
  });

  test("a recipe's `ssl` wins over its URL, as its `tls` does", async () => {
    const kind = { kind: "postgres", schemes: ["postgres"], port: 5432 };
    const url = "postgres://h/d?sslmode=disable";
    for (const options of [
      { url, ssl: true },
      { url, tls: true },
    ]) {
      assert.equal((await resolveServer(kind, serverOptions(kind, options))).tls, true);
    }
    const off = await resolveRedis({ url: "rediss://h", ssl: false });
    const on = await resolveRedis({ url: "rediss://h" });
    assert.deepEqual([off.tls, on.tls], [false, true]);
  });
});

describe("a function that is an option", () => {
  /** What `console.log` was given until the test ends. */
  function printed(t: TestContext): string[] {
    const lines: string[] = [];
    t.mock.method(console, "error", (line: string) => void lines.push(`stderr ${line}`));
    t.mock.method(console, "log", (line: string) => void lines.push(`stdout ${line}`));
    return lines;
  }

  test("it cannot end the process, and its lines are no data", async (t) => {
    const lines = printed(t);
    const exit = () => {
      console.log("leaving");
      return process.exit(7);
    };
    const sink = sqlite({ file: exit }).table("t", { primaryKey: "id" }).sink({ recipe: "r", columns: [] });
    t.after(() => sink.close());
    await assert.rejects(sink.open(NEVER), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, /^the option "file" of sqlite called process\.exit\(\)/);
      assert.equal(sink.classify(error), "fatal");
      return true;
    });
    assert.deepEqual(lines, ["stderr leaving"]);
    await assert.rejects(async () => resolveOption(async () => process.exit(7)), /called process\.exit/);
  });

  test("what it returns is the option, and an error of its own comes through", async () => {
    const file = join(tempDir("wbsync-option"), "a.db");
    assert.equal((await resolveSqlite(sqliteOptions(() => file))).file, file);
    assert.equal((await resolveSqlite(sqliteOptions(async () => file))).file, file);
    const failing = () => {
      throw new TypeError("no vault");
    };
    await assert.rejects(resolveSqlite(sqliteOptions(failing)), { name: "TypeError", message: "no vault" });
  });
});
