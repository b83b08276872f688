import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mysql } from "../../../src/connectors/mysql.js";
import { postgres } from "../../../src/connectors/postgres.js";
import { sqlite } from "../../../src/connectors/sqlite.js";
import {
  parseUrl,
  resolveServer,
  serverOptions,
  type ServerOptions,
} from "../../../src/connectors/sql/server-options.js";
import { tableReference } from "../../../src/connectors/sql/table.js";
import { UserError } from "../../../src/errors.js";

const KIND = { kind: "mysql", schemes: ["mysql", "mariadb"], port: 3306 };
const DEFAULTS = {
  ...{ user: undefined, password: undefined, database: undefined, socketPath: undefined },
  ...{ tls: false, connectTimeoutMs: 10_000, statementTimeoutMs: 60_000 },
};
const resolve = (options: ServerOptions | string) => resolveServer(KIND, serverOptions(KIND, options));

describe("connection options", () => {
  const cases: readonly (readonly [ServerOptions | string, object])[] = [
    [{}, { host: "localhost", port: 3306, address: "localhost:3306" }],
    [
      "mysql://app:s%40cret%3A@db.example:3307/te%20st",
      {
        host: "db.example",
        port: 3307,
        user: "app",
        password: "s@cret:",
        database: "te st",
        address: "db.example:3307",
      },
    ],
    ["mariadb://h/d", { host: "h", port: 3306, database: "d", address: "h:3306" }],
    ["mysql://[::1]/d", { host: "::1", port: 3306, database: "d", address: "[::1]:3306" }],
    [
      { url: "mysql://a:b@h/d", password: "c", port: 1 },
      { host: "h", port: 1, user: "a", password: "c", database: "d", address: "h:1" },
    ],
    [{ host: "/run/x" }, { host: "/run/x", port: 3306, socketPath: "/run/x", address: "/run/x" }],
    [
      "mysql://h/d?socketPath=/run/s",
      { host: "h", port: 3306, database: "d", socketPath: "/run/s", address: "/run/s" },
    ],
    ["mysql://h/d?ssl=true", { host: "h", port: 3306, database: "d", tls: true, address: "h:3306" }],
    [
      "mysql://h/d?sslmode=require",
      { host: "h", port: 3306, database: "d", tls: { rejectUnauthorized: false }, address: "h:3306" },
    ],
    ["mysql://h/d?sslmode=disable", { host: "h", port: 3306, database: "d", tls: false, address: "h:3306" }],
    [
      "mysql://h/d?connectTimeoutMs=5",
      { host: "h", port: 3306, database: "d", connectTimeoutMs: 5, address: "h:3306" },
    ],
    [
      { host: "h", ssl: true },
      { host: "h", port: 3306, tls: true, address: "h:3306" },
    ],
  ];
  for (const [given, expected] of cases) {
    test(`${JSON.stringify(given)} is understood`, async () => {
      assert.deepEqual(await resolve(given), { ...DEFAULTS, ...expected });
    });
  }

  test("an option may be a function or a promise, and is asked for at every attempt", async () => {
    let port = 1;
    const options = {
      host: async () => "h",
      port: () => port++,
      user: Promise.resolve("u"),
      password: undefined as never,
    };
    assert.equal((await resolve(options)).port, 1);
    assert.deepEqual(await resolve(options), { ...DEFAULTS, host: "h", port: 2, user: "u", address: "h:2" });
    const url = serverOptions(KIND, () => `mysql://h:${port}/d`);
    assert.equal((await resolveServer(KIND, url)).port, 3);
  });

  test("what cannot be right is refused without showing a password", async () => {
    for (const given of ["nonsense hunter2", "http://u:hunter2@h/d", "mysql://u:hunter2@h:99999/d", ""]) {
      await assert.rejects(
        async () => resolve(given),
        (error: unknown) => {
          assert.ok(error instanceof UserError && error.code === "RECIPE_INVALID");
          assert.doesNotMatch(`${error.message}${error.hint}${error.stack}`, /hunter2/);
          return true;
        },
      );
    }
    for (const given of [{ port: 0 }, { port: 1.5 }, { host: 5 }, { password: 5 }, { statementTimeoutMs: -1 }]) {
      await assert.rejects(async () => resolve(given as never), UserError);
    }
    assert.throws(() => mysql({ hots: "x" } as never), { message: 'mysql: unknown option "hots"' });
    assert.throws(() => postgres("mysql://x/y"), /expected a URL that begins with postgres:\/\/ or postgresql:\/\//);
    assert.throws(() => postgres(5 as never), UserError);
    assert.throws(() => sqlite(":memory:"), UserError);
    assert.throws(() => sqlite({} as never), { message: "sqlite: expected the path of a file" });
    assert.throws(() => sqlite({ fle: "x" } as never), { message: 'sqlite: unknown option "fle"' });
    assert.throws(() => sqlite({ file: "x", fiel: 1 } as never), /unknown option "fiel"/);
  });

  test("the parts of a URL", () => {
    assert.deepEqual(parseUrl(KIND, "mysql://h"), { host: "h" });
  });
});

describe("tables", () => {
  const cases: readonly (readonly [string, object, object])[] = [
    ["persons", { primaryKey: "id" }, { label: "persons", table: { schema: undefined, name: "persons" } }],
    ["shop.persons", { primaryKey: "id" }, { label: "shop.persons", table: { schema: "shop", name: "persons" } }],
    ["a.b", { primaryKey: "id", schema: "s" }, { label: "s.a.b", table: { schema: "s", name: "a.b" } }],
    [".x", { primaryKey: "id" }, { label: ".x", table: { schema: undefined, name: ".x" } }],
  ];
  for (const [name, options, expected] of cases) {
    test(`"${name}" with ${JSON.stringify(options)}`, () => {
      const { label, table } = tableReference(name, options as never);
      assert.deepEqual({ label, table }, expected);
    });
  }

  test("the checkpoint table lives beside the table", () => {
    const { checkpointTable } = tableReference("shop.persons", { primaryKey: "id" });
    assert.deepEqual(checkpointTable, { schema: "shop", name: "wbsync_checkpoint" });
    assert.deepEqual(tableReference("shop.persons", { primaryKey: "id", checkpointTable: "ops.cp" }).checkpointTable, {
      schema: "ops",
      name: "cp",
    });
  });

  test("what cannot be right is refused", () => {
    for (const [name, options] of [
      ["", { primaryKey: "id" }],
      ["t", {}],
      ["t", undefined],
      ["t", { primaryKey: [] }],
      ["t", { primaryKey: ["a", "a"] }],
      ["t", { primaryKey: [1] }],
      ["t", { primaryKey: "id", schema: "" }],
      ["t", { primaryKey: "id", checkpointTable: 5 }],
      ["t", { primaryKye: "id" }],
      [5, { primaryKey: "id" }],
    ] as const) {
      assert.throws(() => tableReference(name as never, options as never), UserError, JSON.stringify([name, options]));
    }
  });
});
