/**
 * Oracle. There is no Oracle server that the tests could start, so it is proven in two parts: the texts of the statements run on
 * H2 in its Oracle mode, and the driver's part is held against a double of the driver (test/support/h2/oracledb.ts), whose methods
 * have the driver's own types. WBSYNC_TEST_ORACLE_URL runs the whole contract on a real server, with the real driver.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type oracledb from "oracledb";
import { readTables } from "../../src/cli/init/catalog.js";
import { oracle, type OracleOptions } from "../../src/connectors/oracle.js";
import { oracleDialect, quote } from "../../src/connectors/oracle/dialect.js";
import type { OracleConnection, OracleDriver } from "../../src/connectors/oracle/driver.js";
import { classifyOracle } from "../../src/connectors/oracle/errors.js";
import { resolveOracle } from "../../src/connectors/oracle/options.js";
import { OracleDatabase } from "../../src/connectors/oracle/session.js";
import { isMany, type Many } from "../../src/connectors/oracle/statement.js";
import { oracleBinding, oracleKind, type OracleColumn, type OracleType } from "../../src/connectors/oracle/types.js";
import type { Steps } from "../../src/connectors/sql/database.js";
import { statementsOf as sentIn } from "../../src/connectors/sql/steps.js";
import { keyPage } from "../../src/connectors/sql/key-page.js";
import { sqlConnector } from "../../src/connectors/sql/sink.js";
import { RefusedRowsError, RefusedValueError, UserError } from "../../src/errors.js";
import type { Batch } from "../../src/model.js";
import type { WriteBehindRecipe } from "../../src/recipe/recipe.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, checkpoint, NEVER, type Connection, type Harness, type PortableType } from "../contract/harness.js";
import { RECIPES, statementsOf } from "../recipes/shop.js";
import { wbsync } from "../support/cli.js";
import { MAPPING_OF_EVERY_TYPE } from "../support/every-type.js";
import { missingForH2, startH2, type H2Server } from "../support/h2.js";
import { imitateDictionary, oracledbOnH2, type Call } from "../support/h2/oracledb.js";
import { freePort, tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";
import { type Lab, queryOn, type Rows } from "../support/sql-lab.js";
import { waitFor } from "../support/wait.js";

const given = process.env.WBSYNC_TEST_ORACLE_URL;
const missing = given === undefined ? await missingForH2() : undefined;

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "NUMBER(10)",
  int64: "NUMBER(19)",
  "decimal(20,4)": "NUMBER(20,4)",
  double: "BINARY_DOUBLE",
  boolean: "NUMBER(1)",
  "varchar(20)": "VARCHAR2(20 CHAR)",
  text: "CLOB",
  binary: "BLOB",
  date: "DATE",
  "time(3)": "VARCHAR2(20)",
  "datetime(3)": "TIMESTAMP(3)",
  "datetime(3) zoned": "TIMESTAMP(3) WITH TIME ZONE",
  json: "CLOB",
  uuid: "VARCHAR2(36)",
};

const CAPABILITIES = { transactional: true, refusesRows: true, schema: true, credentials: true, emptyText: false };

if (missing !== undefined) {
  test("Oracle: the connector contract on H2, behind a double of the driver", { skip: missing }, () => undefined);
} else {
  const where = "Oracle's SQL on H2, behind a double of the driver";
  connectorContract(given ? "the given Oracle" : where, {
    capabilities: CAPABILITIES,
    mayHarm: given === undefined,
    async start() {
      if (given !== undefined) return { ...harness(await realLab(given)), stop: async () => undefined };
      const server = await startH2("Oracle");
      await imitateDictionary(server);
      return { ...harness(h2Lab(server), server), stop: () => server.stop() };
    },
  });
}

function harness(lab: Lab, server?: H2Server): Harness {
  const query = queryOn(lab);
  return {
    capabilities: CAPABILITIES,
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    ...{ user: lab.user, password: lab.password, connector: lab.connector },
    demands: { boolean: "boolean", "time(3)": "time", json: "json" },
    // A name cannot hold a double quote.
    odd: { table: "we ird`a'b;l--e", columns: ["gr`oup", "UPPER lower ü", "?", "$1", ":1"] },
    async createTable(name, { columns, primaryKey }) {
      const list = columns.map(([column, type, constraint = ""]) => `${quote(column)} ${TYPES[type]} ${constraint}`);
      await query(
        `CREATE TABLE ${quote(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`,
      );
    },
    async rows(name, { columns, primaryKey }) {
      const list = columns.map(([column, type]) => shownAs(type, quote(column))).join(", ");
      const rows = await query(`SELECT ${list} FROM ${quote(name)} ORDER BY ${primaryKey.map(quote).join(", ")}`);
      return rows.map((row) =>
        Object.fromEntries(columns.map(([column, type], i) => [column, shown(type, row[i] ?? null)])),
      );
    },
    async insert(name, row) {
      const columns = Object.keys(row);
      await query(
        `INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${columns.map((_, i) => `:${i + 1}`).join(", ")})`,
        Object.values(row) as (string | null)[],
      );
    },
    async drop(name) {
      const names = /^\w+$/.test(name) ? [name, name.toUpperCase()] : [name];
      for (const one of names) await query(`DROP TABLE ${quote(one)}`).catch(() => undefined);
    },
    async hold(name) {
      const session = await lab.open();
      await session.query(`SELECT * FROM ${quote(name)} FOR UPDATE`);
      return () => session.end(false);
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          const connection = await server.connect();
          await waitFor(async () => (await connection.cut()) > 0);
          connection.destroy();
        },
      },
    }),
  };
}

/** H2, and the connector on the double of the driver. */
function h2Lab(server: H2Server): Lab {
  const credentials = { user: "wbsync", password: "secret" };
  const driver = oracledbOnH2(server, credentials);
  return {
    ...credentials,
    async open() {
      const connection = await server.connect();
      return {
        async query(sql, params = []) {
          const text = sql.replace(/:\d+(?=[,)])/g, "?");
          return (await connection.execute(text, [params])).rows ?? [];
        },
        async end(commit) {
          await (commit ? connection.commit() : connection.rollback()).catch(() => undefined);
          connection.destroy();
        },
      };
    },
    connector(table, options, connection = {}) {
      const { port = server.port, ...rest } = connection;
      const connectString = `127.0.0.1:${port as number}/H2`;
      const database = new OracleDatabase({ ...credentials, ...rest, connectString }, async () => driver);
      return sqlConnector(database, table, options);
    },
  };
}

/** A real server, and the real driver. */
async function realLab(url: string): Promise<Lab> {
  const { default: driver } = await import("oracledb");
  const { connectString, user = "", password = "" } = await resolveOracle({ url });
  const handler = ({ dbType }: oracledb.Metadata<unknown>): oracledb.FetchTypeResponse | undefined => {
    if (dbType === driver.DB_TYPE_BLOB) return { type: driver.BUFFER };
    return dbType === driver.DB_TYPE_NUMBER || dbType === driver.DB_TYPE_CLOB ? { type: driver.STRING } : undefined;
  };
  return {
    ...{ user, password },
    async open() {
      const connection = await driver.getConnection({ connectString, user, password });
      return {
        async query(sql, params = []) {
          const options = { outFormat: driver.OUT_FORMAT_ARRAY, fetchTypeHandler: handler };
          return ((await connection.execute(sql, [...params], options)).rows ?? []) as Rows;
        },
        async end(commit) {
          await (commit ? connection.commit() : connection.rollback()).catch(() => undefined);
          await connection.close().catch(() => undefined);
        },
      };
    },
    connector(table, options, connection = {}) {
      return oracle({ url, ...overrides(connectString, connection) }).table(table, options);
    },
  };
}

/** The contract moves a port; Oracle has a connect string. */
const overrides = (connectString: string, { port, ...rest }: Connection): OracleOptions => ({
  ...rest,
  ...(port !== undefined && { connectString: connectString.replace(/:\d+/, `:${port as number}`) }),
});

function shownAs(type: PortableType, column: string): string {
  switch (type) {
    case "date":
    case "datetime(3)":
      return `TO_CHAR(${column}, 'YYYY-MM-DD HH24:MI:SS${type === "date" ? "" : ".FF3"}')`;
    case "datetime(3) zoned":
      return `TO_CHAR(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.FF3')`;
    default:
      return column;
  }
}

function shown(type: PortableType, value: string | Buffer | number | null) {
  if (value === null || type === "binary") return value as Buffer | null;
  const text = String(value).replace(/^(-?)\./, "$10.");
  return canonical(type, type === "date" ? text.replace(/ 00:00:00$/, "") : text);
}

// What the connector takes the driver for is what the driver's own types say: this does not compile otherwise.
const slice = (driver: typeof oracledb): Pick<OracleDriver, "getConnection" | "OUT_FORMAT_ARRAY"> => driver;
const connectionSlice = (connection: oracledb.Connection): OracleConnection => connection;

const column = (name: string, dataType: string, more: Partial<OracleType> = {}): OracleColumn => {
  const none = { length: undefined, charLength: undefined, precision: undefined, scale: undefined };
  const type: OracleType = { ...none, countsBytes: false, ...more, dataType };
  const plain = { name, type: dataType, nullable: true, generated: false, required: false };
  return { ...plain, kind: oracleKind(type), ...oracleBinding(type, true) };
};

describe("Oracle's driver", () => {
  test("it has the methods and types that the connector uses", async () => {
    const { default: driver } = await import("oracledb");
    assert.equal(typeof slice(driver).getConnection, "function");
    assert.equal(typeof connectionSlice, "function");
    const types = ["VARCHAR", "NVARCHAR", "CLOB", "NCLOB", "RAW", "BLOB", "BINARY_DOUBLE", "BINARY_FLOAT", "NUMBER"];
    for (const name of types) assert.ok((driver as unknown as Record<string, unknown>)[`DB_TYPE_${name}`], name);
  });

  test("the real one says that nobody listens, and that may be tried again", async () => {
    const connectString = `127.0.0.1:${await freePort()}/FREEPDB1`;
    const sink = oracle({ connectString, user: "u", password: "p" })
      .table("t", { primaryKey: "id" })
      .sink({ recipe: "r", columns: [] });
    await assert.rejects(sink.open(NEVER), (error: unknown) => {
      assert.match((error as Error).message, /cannot be reached: NJS-503.*ECONNREFUSED/);
      assert.equal(sink.classify(error), "retry");
      return true;
    });
  });

  test("its errors are classified by number", () => {
    const cases: readonly (readonly [string, string])[] = [
      ...["ORA-00001", "ORA-01400", "ORA-12899", "ORA-01438", "ORA-02290", "ORA-01722"].map(
        (code) => [code, "reject"] as const,
      ),
      ...["ORA-20001", "ORA-20999"].map((code) => [code, "reject"] as const),
      ...["ORA-00060", "ORA-03113", "ORA-12514", "ORA-01653", "ORA-01033"].map((code) => [code, "retry"] as const),
      ...["NJS-500", "NJS-123", "NJS-503", "NJS-510", "ECONNRESET"].map((code) => [code, "retry"] as const),
      ...["ORA-01017", "ORA-28000", "ORA-00942", "ORA-01031", "ORA-21000"].map((code) => [code, "fatal"] as const),
      ...["NJS-515", "NJS-011", "anything"].map((code) => [code, "fatal"] as const),
    ];
    for (const [code, expected] of cases) assert.equal(classifyOracle({ code }), expected, code);
    assert.equal(classifyOracle({ errorNum: 1400 }), "reject");
    assert.equal(classifyOracle(undefined), "fatal");
  });
});

describe("Oracle's statements", () => {
  const id = column("id", "NUMBER", { precision: 19, scale: 0 });
  const name = column("name", "VARCHAR2", { charLength: 20 });
  const at = column("at", "TIMESTAMP(3)", { scale: 3 });
  const target = {
    ...{ table: '"T"', key: [id], required: [], otherUniqueKeys: [] },
    columns: new Map([id, name, at].map((one) => [one.name, one])),
  };

  test("an upsert is one MERGE, whose binds have types, and whose values are never text", () => {
    const evil = "'; DROP TABLE T; -- :1";
    const row = { id: ["9007199254740993"], values: [evil, "2024-02-29 10:00:00.5"], offset: 1 };
    const sent = [...sentBy(oracleDialect.upsert(target, [name, at], [row, { ...row, values: [null, null] }]))];
    assert.equal(sent.length, 1);
    assert.equal(
      sent[0]!.sql,
      'MERGE INTO "T" t USING (SELECT CAST(:1 AS NUMBER) AS c0, :2 AS c1, ' +
        "TO_TIMESTAMP(:3, 'YYYY-MM-DD HH24:MI:SS.FF9') AS c2 FROM DUAL) s ON (t.\"id\" = s.c0) " +
        'WHEN MATCHED THEN UPDATE SET "name" = s.c1, "at" = s.c2 ' +
        'WHEN NOT MATCHED THEN INSERT ("id", "name", "at") VALUES (s.c0, s.c1, s.c2)',
    );
    assert.deepEqual(sent[0]!.rows, [
      ["9007199254740993", evil, "2024-02-29 10:00:00.500000000"],
      ["9007199254740993", null, null],
    ]);
    assert.deepEqual(sent[0]!.defs, [
      { type: "VARCHAR", maxSize: 16 },
      { type: "VARCHAR", maxSize: evil.length },
      { type: "VARCHAR", maxSize: 29 },
    ]);
  });

  test("keys are listed as texts, and compared as what they are", () => {
    const key = [at, column("code", "CHAR", { charLength: 5 })];
    const page = (after?: string[]) => keyPage(oracleDialect, { ...target, key }, after, 10);
    const shown = `TO_CHAR("at", 'YYYY-MM-DD HH24:MI:SS.FF9'), RTRIM("code")`;
    const end = 'ORDER BY "at", "code" FETCH FIRST 10 ROWS ONLY';
    assert.equal(page().sql, `SELECT ${shown} FROM "T" ${end}`);
    assert.deepEqual(page(["2024-02-29 10:00:00.5", "a"]), {
      sql:
        `SELECT ${shown} FROM "T" WHERE ("at" > TO_TIMESTAMP(:1, 'YYYY-MM-DD HH24:MI:SS.FF9')) OR ` +
        `("at" = TO_TIMESTAMP(:2, 'YYYY-MM-DD HH24:MI:SS.FF9') AND "code" > CAST(:3 AS CHAR(5 CHAR))) ${end}`,
      params: ["2024-02-29 10:00:00.500000000", "2024-02-29 10:00:00.500000000", "a"],
    });
  });

  test("what NUMBER would round is refused", () => {
    const plain = column("n", "NUMBER");
    for (const value of ["1".repeat(38), `${"1".repeat(38)}00`, "-0.000000000001", "1e125", "0"]) plain.bind(value);
    for (const value of ["1".repeat(39), `0.${"1".repeat(39)}`, "1e126", "1e-131"]) {
      assert.throws(() => plain.bind(value), RefusedValueError, value);
    }
    const hundreds = column("n", "NUMBER", { precision: 5, scale: -2 });
    hundreds.bind("1200");
    assert.throws(() => hundreds.bind("1234"), RefusedValueError);
    const small = column("n", "NUMBER", { precision: 2, scale: 5 });
    small.bind("0.00012");
    assert.throws(() => small.bind("0.0012"), RefusedValueError);
  });

  test("types say how they are bound, and a character set that is not Unicode takes ASCII alone", () => {
    assert.deepEqual(
      ["NVARCHAR2", "NCLOB", "CLOB", "BLOB", "RAW", "BINARY_DOUBLE", "BINARY_FLOAT", "DATE"].map(
        (type) => column("c", type).bindType,
      ),
      ["NVARCHAR", "NCLOB", "CLOB", "BLOB", "RAW", "BINARY_DOUBLE", "BINARY_FLOAT", "VARCHAR"],
    );
    const type = {
      dataType: "VARCHAR2",
      length: 20,
      charLength: 20,
      countsBytes: true,
      precision: undefined,
      scale: undefined,
    };
    assert.deepEqual(oracleKind(type), { kind: "text", maxBytes: 20 });
    const { bind } = oracleBinding(type, false);
    assert.equal(bind("abc"), "abc");
    assert.throws(() => bind("äbc"), RefusedValueError);
    assert.equal(oracleBinding({ ...type, dataType: "NVARCHAR2" }, false).bind("äbc"), "äbc");
  });

  test("a row that somebody else inserts in the meantime is written once more, and then refused", () => {
    const row = { id: ["1"], values: ["a"], offset: 1 };
    const steps = oracleDialect.upsert(target, [name], [row]);
    const first = steps.next().value;
    const duplicate = new RefusedRowsError([{ row, error: { code: "ORA-00001" } }]);
    assert.equal(steps.throw(duplicate).value, first);
    assert.throws(() => steps.throw(duplicate), duplicate);
  });

  test("a name with a double quote is refused, since Oracle has none", () => {
    assert.throws(() => quote('a"b'), UserError);
  });
});

describe(
  "Oracle's session, on H2 behind a double of the driver",
  { skip: given !== undefined ? "not here" : missing },
  () => {
    const credentials = { user: "wbsync", password: "secret" };
    let server: H2Server;
    before(async () => {
      server = await startH2("Oracle");
      await imitateDictionary(server);
    });
    after(() => server?.stop());

    const databaseOn = (calls?: Call[]) =>
      new OracleDatabase({ ...credentials, connectString: `127.0.0.1:${server.port}/H2` }, async () =>
        oracledbOnH2(server, credentials, calls),
      );
    const open = async (ddl: string, table: string, columns: readonly string[], calls: Call[] = []) => {
      const connection = await server.connect();
      await connection.execute(ddl);
      connection.destroy();
      const database = databaseOn(calls);
      const sink = sqlConnector(database, table, { primaryKey: "id" }).sink({ recipe: "r", columns });
      await sink.open(NEVER);
      calls.length = 0;
      return { sink, rows: async (sql: string) => (await (await server.connect()).execute(sql)).rows };
    };
    const batch = (columns: readonly string[], rows: readonly (readonly (string | null)[])[]): Batch => ({
      upserts: [{ columns, rows: rows.map(([id = null, ...values], i) => ({ id: [id], values, offset: i })) }],
      deletes: [],
    });

    test("rows and checkpoint are one transaction without autocommit, and a refused row is named and rolled back", async (t) => {
      const calls: Call[] = [];
      const ddl = 'CREATE TABLE "a" ("id" NUMBER(10) PRIMARY KEY, "name" VARCHAR2(20) NOT NULL)';
      const { sink } = await open(ddl, "a", ["name"], calls);
      t.after(() => sink.close());
      const move = { partition: 0, from: undefined, to: checkpoint(0, "t1") };
      await sink.write(batch(["name"], [["1", "x"], ["2", "y"]]), [move], NEVER); // prettier-ignore
      assert.deepEqual(
        calls.map(({ method }) => method),
        ["execute", "executeMany", "commit"],
      );
      const [insert, many] = calls;
      assert.match(insert!.sql ?? "", /^INSERT INTO "WBSYNC_CHECKPOINT"/);
      assert.equal(insert!.options?.autoCommit, false);
      assert.deepEqual(many!.options, {
        ...{ autoCommit: false, batchErrors: true },
        bindDefs: [
          { type: "DB_TYPE_VARCHAR", maxSize: 1 },
          { type: "DB_TYPE_VARCHAR", maxSize: 1 },
        ],
      });
      calls.length = 0;
      const next = { partition: 0, from: "t1", to: checkpoint(0, "t2") };
      const bad = batch(["name"], [["3", "a"], ["4", null], ["5", "b"], ["6", null]]); // prettier-ignore
      await assert.rejects(sink.write(bad, [next], NEVER), (error: unknown) => {
        assert.ok(error instanceof RefusedRowsError);
        assert.deepEqual(
          error.rows.map(({ row }) => row.id),
          [["4"], ["6"]],
        );
        assert.equal(sink.classify(error), "reject");
        return true;
      });
      assert.deepEqual(
        calls.map(({ method }) => method),
        ["execute", "executeMany", "rollback"],
      );
      await sink.write(batch(["name"], [["3", "a"]]), [next], NEVER);
    });

    test("a recipe may write names in lower case, as people write them without quotes", async (t) => {
      const ddl = "CREATE TABLE persons (id NUMBER(10) PRIMARY KEY, first_name VARCHAR2(20))";
      const { sink, rows } = await open(ddl, "persons", ["first_name"]);
      t.after(() => sink.close());
      await sink.write(batch(["first_name"], [["1", "Ada"]]), [], NEVER);
      assert.deepEqual(await rows("SELECT id, first_name FROM persons"), [["1", "Ada"]]);
      assert.deepEqual(await sink.keys?.(undefined, 10, NEVER), [["1"]]);
      assert.deepEqual(await sink.keys?.(["1"], 10, NEVER), []);
    });

    const run = async (...statements: readonly string[]) => {
      const connection = await server.connect();
      for (const statement of statements) await connection.execute(statement);
      connection.destroy();
    };

    test("the recipe that comes with wbsync deploys, and its schema has what it names", async (t) => {
      await run(...statementsOf(readFileSync(join(RECIPES, "oracle.sql"), "utf8")));
      const redis = await startRedis();
      t.after(() => redis.stop());
      const cli = (...args: string[]) => wbsync(args, { env: { REDIS_URL: redis.url } });
      const deployed = await cli("deploy", join(RECIPES, "oracle.ts"));
      assert.equal(deployed.code, 0, deployed.stderr);
      const { connector, mappings } = (await loadRecipe(join(RECIPES, "oracle.ts"))).default;
      const { table, primaryKey } = connector;
      const sink = sqlConnector(databaseOn(), table, { primaryKey }).sink({
        ...{ recipe: "r", columns: mappings.map(({ column }) => column) },
      });
      t.after(() => sink.close());
      const { columns } = await sink.open(NEVER);
      assert.deepEqual(
        columns.map(({ name, kind }) => `${name}: ${kind.kind}`),
        ["customer_no: integer", "invoice_no: integer", "customer: text", "total: decimal", "issued: datetime"].concat([
          ...["paid: datetime", "note: text"],
        ]),
      );
    });

    test("init writes a schema that is accepted whatever the types, and finds tables as the catalog has them", async (t) => {
      const dir = tempDir("wbsync-init-oracle");
      const answers = ["--table", "goods", "--primary-key", "a:integer, b", "--mapping", MAPPING_OF_EVERY_TYPE];
      const made = await wbsync(["init", "shop", "--yes", "--template", "oracle", ...answers], { cwd: dir });
      assert.equal(made.code, 0, made.stderr);
      await run(...statementsOf(readFileSync(join(dir, "shop/schema.sql"), "utf8")));
      const session = await databaseOn().connect(NEVER);
      t.after(() => session.close());
      const [found, ...others] = await readTables("oracle", session, ["GOODS"]);
      assert.equal(others.length, 0);
      assert.deepEqual(found?.uniqueKeys[0]?.columns, ["A", "B"]);
      assert.equal(found?.columns.length, 13);
      await assert.rejects(readTables("oracle", session, ["goods"]), /There is no table "goods"/);
    });

    test("blanks at the end of a CHAR key do not make another row of it", async (t) => {
      const ddl = 'CREATE TABLE "c" ("id" CHAR(5) PRIMARY KEY, "n" NUMBER(10))';
      const { sink, rows } = await open(ddl, "c", ["n"]);
      t.after(() => sink.close());
      await sink.write(batch(["n"], [["ab", "1"]]), [], NEVER);
      await sink.write(batch(["n"], [["ab", "2"]]), [], NEVER);
      assert.deepEqual(await rows('SELECT "n" FROM "c"'), [["2"]]);
    });
  },
);

/** A recipe's module, as written. */
const loadRecipe = async (file: string) => (await import(file)) as { readonly default: WriteBehindRecipe };

function* sentBy(steps: Steps): Generator<Many> {
  for (let next = steps.next(); !next.done; next = steps.next({ rows: [], affected: 1 })) {
    for (const statement of sentIn(next.value)) {
      assert.ok(isMany(statement));
      yield statement;
    }
  }
}
