/**
 * Cassandra against the connector contract. Runs on a private Apache Cassandra (its jars come from Maven Central), or on the
 * cluster that WBSYNC_TEST_CASSANDRA_URL names ("cassandra://user:password@host/keyspace?localDataCenter=…"); nobody kills that one.
 */
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { auth, Client, types } from "cassandra-driver";
import { cassandra } from "../../src/connectors/cassandra.js";
import { quote } from "../../src/connectors/cassandra/cql.js";
import { cassandraType } from "../../src/connectors/cassandra/types.js";
import { connectorContract } from "../contract/connector-contract.js";
import { canonical, type Capabilities, type Harness, type PortableType, type TableSpec } from "../contract/harness.js";
import { openShop, RECIPES, rowsBecome, statementsOf } from "../recipes/shop.js";
import { missingForCassandra, startCassandra, type CassandraServer } from "../support/cassandra.js";
import { order } from "./cassandra/order.js";
import { refusals } from "./cassandra/refusals.js";
import { types as everyType } from "./cassandra/types.js";

const given = process.env["WBSYNC_TEST_CASSANDRA_URL"];
const missing = given === undefined ? await missingForCassandra() : undefined;

/** Rows and checkpoint are not one transaction, but a stale token is refused before anything is written. */
const CAPABILITIES: Capabilities = {
  // Only a server of our own can be made to stand still.
  holds: given === undefined,
  transactional: true,
  refusesRows: false,
  schema: false,
  credentials: true,
  atomic: false,
};

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "int",
  int64: "bigint",
  "decimal(20,4)": "decimal",
  double: "double",
  boolean: "boolean",
  "varchar(20)": "text",
  text: "text",
  binary: "blob",
  date: "date",
  "time(3)": "time",
  "datetime(3)": "timestamp",
  "datetime(3) zoned": "timestamp",
  json: "text",
  uuid: "uuid",
};

/** One server for the whole file: it takes its time to start. */
let server: CassandraServer | undefined;
after(() => server?.stop());

if (missing === undefined) {
  connectorContract(given === undefined ? "Cassandra" : "the given Cassandra", {
    capabilities: CAPABILITIES,
    mayHarm: given === undefined,
    async start() {
      if (given === undefined) server = await startCassandra();
      return harness(server?.url ?? given!, server);
    },
  });
} else {
  test("Cassandra: the connector contract", { skip: missing }, () => undefined);
}

// These make tables of their own names, and roles: not in somebody else's cluster.
describe("Cassandra", { skip: missing ?? (given === undefined ? false : "a cluster is given") }, () => {
  const running = (): CassandraServer => server!;
  describe("order", () => order(running));
  describe("types", () => everyType(running));
  describe("refusals", () => refusals(running));

  test("the recipe that comes with wbsync carries hashes", async (t) => {
    const schema = readFileSync(join(RECIPES, "cassandra.sql"), "utf8");
    for (const statement of statementsOf(schema)) await running().query(statement);
    const shop = await openShop({ CASSANDRA_URL: running().url });
    t.after(() => shop.stop());
    await shop.deploy(join(RECIPES, "cassandra.ts"));
    const [first, second] = ["sensor:roof-1:2024-02-29", "sensor:roof-1:2024-03-01"];
    await shop.client.hset(first, { low: "-3.50", high: "9.25", samples: "288", updated: "2024-02-29T23:55:00Z" });
    await shop.client.hset(second, { low: "0.1" });
    const rows = async () => {
      const found = await running().query(
        "SELECT day, low, high, samples, updated FROM daily_readings WHERE sensor = 'roof-1'",
      );
      return found.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, asText(value)])));
    };
    const today = { day: "2024-03-01", low: "0.1", high: null, samples: "0", updated: null };
    const before = {
      day: "2024-02-29",
      low: "-3.5",
      high: "9.25",
      samples: "288",
      updated: "2024-02-29T23:55:00.000Z",
    };
    await rowsBecome(rows, [today, before]);
    await shop.client.del(first);
    await rowsBecome(rows, [today]);
  });
});

function harness(url: string, server: CassandraServer | undefined): Harness & { stop(): Promise<void> } {
  const { username, password, hostname, port, pathname, searchParams } = new URL(url);
  const user = decodeURIComponent(username);
  const secret = decodeURIComponent(password);
  const connect = async (): Promise<Client> => {
    const client = new Client({
      contactPoints: hostname.split(","),
      protocolOptions: { port: Number(port) || 9042 },
      localDataCenter: searchParams.get("localDataCenter") ?? "datacenter1",
      keyspace: pathname.slice(1),
      authProvider: new auth.PlainTextAuthProvider(user, secret),
    });
    await client.connect();
    return client;
  };
  const query = async (cql: string, params: unknown[] = [], prepare = false): Promise<types.Row[]> => {
    const client = await connect();
    try {
      return (await client.execute(cql, params, { prepare, fetchSize: 100_000 })).rows ?? [];
    } finally {
      await client.shutdown();
    }
  };

  const specs = new Map<string, TableSpec>();
  return {
    capabilities: CAPABILITIES,
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    user,
    password: secret,
    connector: (table, { checkpointTable, ...options }, connection = {}) =>
      cassandra({ url, ...connection }).table(legal(table), {
        ...options,
        ...(checkpointTable !== undefined && { checkpointTable: legal(checkpointTable) }),
      }),
    async createTable(name, spec) {
      const { columns, primaryKey } = spec;
      specs.set(name, spec);
      const list = columns.map(([column, type]) => `${quote(column)} ${TYPES[type]}`);
      await query(
        `CREATE TABLE ${legal(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`,
      );
    },
    async rows(name, { columns, primaryKey }) {
      const rows = await query(`SELECT * FROM ${legal(name)}`);
      const found = rows.map((row) =>
        Object.fromEntries(columns.map(([column, type]) => [column, shown(type, row[column])])),
      );
      return found.sort((a, b) => compare(primaryKey.map((key) => [a[key], b[key]])));
    },
    async insert(name, row) {
      const types = new Map(specs.get(name)?.columns.map(([column, type]) => [column, TYPES[type]]));
      const values = Object.entries(row).map(([column, value]) => {
        const encode = cassandraType(types.get(column) ?? "text")?.encode;
        return typeof value === "string" && encode ? encode(value) : value;
      });
      await query(
        `INSERT INTO ${legal(name)} (${Object.keys(row).map(quote).join(", ")}) VALUES (${values.map(() => "?").join(", ")})`,
        values,
        true,
      );
    },
    async drop(name) {
      await query(`DROP TABLE IF EXISTS ${legal(name)}`);
    },
    async hold() {
      // Cassandra has no locks: the whole server stands still.
      server?.pause();
      return async () => server?.resume();
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        cutConnections: () => server.kill(),
      },
    }),
    stop: async () => undefined,
  };
}

/** As the driver shows it. */
function asText(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : (value as types.LocalDate).toString();
}

/** Tables have plain names only, unlike columns. */
function legal(name: string): string {
  return name.replace(/[^a-z0-9_]/g, (character) => character.codePointAt(0)!.toString(16)).slice(0, 48);
}

function shown(type: PortableType, value: unknown): string | Buffer | null {
  if (value instanceof Date) return canonical(type, value.toISOString().replace("T", " ").replace("Z", ""));
  if (type === "date" || type === "time(3)")
    return canonical(type, value === null ? null : (value as types.LocalDate).toString());
  return canonical(type, value);
}

/** As the suite expects them: numbers by value, texts by code unit. */
function compare(pairs: readonly (readonly [unknown, unknown])[]): number {
  for (const [a, b] of pairs) {
    const [left, right] = [String(a), String(b)];
    if (left === right) continue;
    if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) return BigInt(left) < BigInt(right) ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
