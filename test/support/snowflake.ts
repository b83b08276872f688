/** How the tests reach Snowflake: fakesnow, an emulator, or the account that WBSYNC_TEST_SNOWFLAKE_URL names. */
import { randomBytes } from "node:crypto";
import { snowflake, type SnowflakeOptions } from "../../src/connectors/snowflake.js";
import { quote } from "../../src/connectors/snowflake/dialect.js";
import { resolveAccount } from "../../src/connectors/snowflake/options.js";
import { canonical, type Connection, type Harness, type PortableType } from "../contract/harness.js";
import { type Fakesnow, missingForFakesnow } from "./fakesnow.js";
import { snowflakeSession } from "./snowflake-session.js";
import { waitFor } from "./wait.js";

export const given = process.env.WBSYNC_TEST_SNOWFLAKE_URL;
/** Why there is none; undefined: there is. */
export const missing = given === undefined ? await missingForFakesnow() : undefined;

export const [USER, PASSWORD] = ["WBSYNC", "se'cret&"];

const TYPES: Readonly<Record<PortableType, string>> = {
  int32: "NUMBER(10,0)",
  int64: "NUMBER(38,0)",
  "decimal(20,4)": "NUMBER(20,4)",
  double: "FLOAT",
  boolean: "BOOLEAN",
  "varchar(20)": "VARCHAR(20)",
  text: "VARCHAR",
  binary: "BINARY",
  date: "DATE",
  "time(3)": "TIME(3)",
  "datetime(3)": "TIMESTAMP_NTZ(3)",
  "datetime(3) zoned": "TIMESTAMP_TZ(3)",
  json: "VARIANT",
  uuid: "VARCHAR(36)",
};

export const CAPABILITIES = {
  ...{ transactional: true, refusesRows: true, schema: true, enforcesKeys: false },
  // A given account may know its user by a key.
  credentials: given === undefined || new URL(given).password !== "",
};

export function optionsOf({ accessUrl }: Fakesnow): SnowflakeOptions {
  return { account: "fakesnow", accessUrl, user: USER, password: PASSWORD, database: "TEST", schema: "PUBLIC" };
}

/** The account, or the emulator, as the contract wants it. */
export async function snowflakeHarness(options: SnowflakeOptions, server?: Fakesnow): Promise<Harness> {
  const { user, password = "" } = await resolveAccount(options);
  const query = async (sql: string, params: readonly (string | null)[] = []) => {
    const session = await snowflakeSession(options);
    try {
      return await session.query(sql, params);
    } finally {
      await session.close();
    }
  };

  return {
    ...{ capabilities: CAPABILITIES, user, password },
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    // fakesnow stumbles over quotes in names.
    ...(given === undefined && { odd: { table: "we ird`a;l--e", columns: ["gr`oup", "UPPER lower ü", "?", "$1"] } }),
    connector: (table, tableOptions, connection = {}) =>
      snowflake({ ...options, ...overrides(connection) }).table(table, tableOptions),
    async createTable(name, { columns, primaryKey }) {
      const list = columns.map(([column, type, constraint = ""]) => `${quote(column)} ${TYPES[type]} ${constraint}`);
      await query(
        `CREATE TABLE ${quote(name)} (${list.join(", ")}, PRIMARY KEY (${primaryKey.map(quote).join(", ")}))`,
      );
    },
    async rows(name, { columns, primaryKey }) {
      const names = columns.map(([column]) => quote(column)).join(", ");
      const rows = await query(`SELECT ${names} FROM ${quote(name)} ORDER BY ${primaryKey.map(quote).join(", ")}`);
      return rows.map((row) =>
        Object.fromEntries(columns.map(([column, type], i) => [column, shown(type, row[i] as string | null)])),
      );
    },
    async insert(name, row) {
      const columns = Object.keys(row);
      await query(
        `INSERT INTO ${quote(name)} (${columns.map(quote).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
        Object.values(row) as (string | null)[],
      );
    },
    async drop(name) {
      await query(`DROP TABLE IF EXISTS ${quote(name)}`);
      // The checkpoint table's name is folded, where it is a plain one.
      if (/^\w+$/.test(name)) await query(`DROP TABLE IF EXISTS ${quote(name.toUpperCase())}`);
    },
    async hold(name) {
      const session = await snowflakeSession(options);
      await session.query("BEGIN");
      await session.query(`UPDATE ${quote(name)} SET "name" = "name"`);
      return async () => {
        await session.query("ROLLBACK").catch(() => undefined);
        await session.close();
      };
    },
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          await waitFor(async () => (await server.cut()) > 0);
        },
      },
    }),
  };
}

/** The contract moves a port; Snowflake has an address. */
const overrides = ({ port, ...rest }: Connection): SnowflakeOptions => ({
  ...rest,
  ...(port !== undefined && { accessUrl: `http://127.0.0.1:${port as number}` }),
});

function shown(type: PortableType, value: string | null) {
  if (value === null) return null;
  if (type === "binary") return Buffer.from(value, "hex");
  // In UTC, since the session is.
  if (type === "datetime(3) zoned") return canonical(type, value.replace(/ [+-]0000$/, ""));
  return canonical(type, type === "boolean" ? value.toLowerCase() : value);
}
