/**
 * H2 in its SQL Server mode as what stands behind a TDS server. H2 does not understand all of the statements; `translate` says what
 * is changed before they run, and everything else runs as it is. Errors of H2 become those that SQL Server has for the same mishap.
 */
import { H2Refusal, type H2Server, type H2Value } from "../h2.js";
import { SqlError, type Backend } from "../tds/server.js";

/** By H2's number: https://h2database.com/javadoc/org/h2/api/ErrorCode.html */
const NUMBERS: Readonly<Record<number, number>> = {
  ...{ 23505: 2627, 23502: 515, 23513: 547, 23506: 547, 23503: 547, 22001: 2628, 22003: 8115, 22018: 8114, 22007: 241 },
  ...{ 42101: 2714, 42102: 208, 42103: 208, 42104: 208, 42122: 207, 40001: 1205, 50200: 1222 },
};

const TYPES = ["bigint", "int", "smallint", "tinyint", "bit", "decimal", "float", "real", "nvarchar", "varbinary", "date", "time",
  "datetime2", "datetimeoffset", "uniqueidentifier"] as const; // prettier-ignore

const typeId = (name: (typeof TYPES)[number]): number => TYPES.indexOf(name) + 1;

/** The session was ended, or the database is closed: SQL Server closes the connection. */
const GONE = new Set([90_067, 90_098, 90_121]);

/** What SQL Server's catalog shows, as far as it is asked for, and functions that H2 does not have. */
const CATALOG = [
  `CREATE ALIAS IF NOT EXISTS SCHEMA_NAME AS 'String f() { return "PUBLIC"; }'`,
  `CREATE ALIAS IF NOT EXISTS DB_NAME AS 'String f() { return "H2"; }'`,
  `CREATE ALIAS IF NOT EXISTS SYSUTCDATETIME AS
     'java.time.LocalDateTime f() { return java.time.LocalDateTime.now(java.time.ZoneOffset.UTC); }'`,
  `CREATE ALIAS IF NOT EXISTS COLLATIONPROPERTY AS 'String f(String a, String b) { return a == null ? null : "1252"; }'`,
  `CREATE ALIAS IF NOT EXISTS UNHEX AS
     'byte[] f(String a) { return a == null ? null : java.util.HexFormat.of().parseHex(a); }'`,
  `CREATE SCHEMA IF NOT EXISTS "sys"`,
  `CREATE VIEW IF NOT EXISTS "sys".DATABASES AS SELECT 'H2' AS NAME, 150 AS COMPATIBILITY_LEVEL`,
  `CREATE VIEW IF NOT EXISTS "sys".SCHEMAS AS SELECT SCHEMA_NAME AS NAME, MOD(ORA_HASH(SCHEMA_NAME), 2000000000) AS SCHEMA_ID
     FROM INFORMATION_SCHEMA.SCHEMATA`,
  `CREATE VIEW IF NOT EXISTS "sys".OBJECTS AS SELECT TABLE_NAME AS NAME, CASE TABLE_TYPE WHEN 'VIEW' THEN 'V' ELSE 'U' END AS TYPE,
     MOD(ORA_HASH(TABLE_SCHEMA), 2000000000) AS SCHEMA_ID, MOD(ORA_HASH(TABLE_SCHEMA || '.' || TABLE_NAME), 2000000000) AS OBJECT_ID,
     CASE WHEN TABLE_SCHEMA = 'PUBLIC' THEN 0 ELSE 1 END AS IS_MS_SHIPPED FROM INFORMATION_SCHEMA.TABLES`,
  `CREATE VIEW IF NOT EXISTS "sys".TYPES AS SELECT * FROM (VALUES ${TYPES.map((name) => `('${name}', ${typeId(name)})`).join(", ")})
     T(NAME, USER_TYPE_ID)`,
  `CREATE VIEW IF NOT EXISTS "sys".COLUMNS AS SELECT COLUMN_NAME AS NAME, ORDINAL_POSITION AS COLUMN_ID,
     MOD(ORA_HASH(TABLE_SCHEMA || '.' || TABLE_NAME), 2000000000) AS OBJECT_ID,
     CASE DATA_TYPE WHEN 'BIGINT' THEN ${typeId("bigint")} WHEN 'INTEGER' THEN ${typeId("int")}
       WHEN 'BOOLEAN' THEN ${typeId("bit")} WHEN 'NUMERIC' THEN ${typeId("decimal")} WHEN 'DECIMAL' THEN ${typeId("decimal")}
       WHEN 'DOUBLE PRECISION' THEN ${typeId("float")} WHEN 'CHARACTER VARYING' THEN ${typeId("nvarchar")}
       WHEN 'BINARY VARYING' THEN ${typeId("varbinary")} WHEN 'DATE' THEN ${typeId("date")} WHEN 'TIME' THEN ${typeId("time")}
       WHEN 'TIMESTAMP' THEN ${typeId("datetime2")} WHEN 'TIMESTAMP WITH TIME ZONE' THEN ${typeId("datetimeoffset")}
       WHEN 'UUID' THEN ${typeId("uniqueidentifier")} END AS SYSTEM_TYPE_ID,
     CASE WHEN CHARACTER_MAXIMUM_LENGTH > 4000 THEN -1 WHEN DATA_TYPE = 'CHARACTER VARYING' THEN CHARACTER_MAXIMUM_LENGTH * 2
       ELSE CHARACTER_MAXIMUM_LENGTH END AS MAX_LENGTH,
     NUMERIC_PRECISION AS "PRECISION", COALESCE(NUMERIC_SCALE, DATETIME_PRECISION) AS SCALE,
     CASE IS_NULLABLE WHEN 'YES' THEN 1 ELSE 0 END AS IS_NULLABLE, CASE IS_IDENTITY WHEN 'YES' THEN 1 ELSE 0 END AS IS_IDENTITY,
     CASE IS_GENERATED WHEN 'ALWAYS' THEN 1 ELSE 0 END AS IS_COMPUTED, 0 AS GENERATED_ALWAYS_TYPE,
     CASE WHEN COLUMN_DEFAULT IS NULL THEN 0 ELSE 1 END AS DEFAULT_OBJECT_ID,
     CASE DATA_TYPE WHEN 'CHARACTER VARYING' THEN 'SQL_Latin1_General_CP1_CI_AS' END AS COLLATION_NAME
     FROM INFORMATION_SCHEMA.COLUMNS`,
  `CREATE VIEW IF NOT EXISTS "sys".INDEXES AS SELECT INDEX_NAME AS NAME, ORA_HASH(INDEX_NAME) AS INDEX_ID,
     MOD(ORA_HASH(TABLE_SCHEMA || '.' || TABLE_NAME), 2000000000) AS OBJECT_ID,
     CASE WHEN INDEX_TYPE_NAME IN ('UNIQUE INDEX', 'PRIMARY KEY') THEN 1 ELSE 0 END AS IS_UNIQUE, 0 AS HAS_FILTER,
     0 AS IS_DISABLED FROM INFORMATION_SCHEMA.INDEXES`,
  `CREATE VIEW IF NOT EXISTS "sys".INDEX_COLUMNS AS SELECT X.ORDINAL_POSITION AS KEY_ORDINAL, 0 AS IS_INCLUDED_COLUMN,
     ORA_HASH(X.INDEX_NAME) AS INDEX_ID, MOD(ORA_HASH(X.TABLE_SCHEMA || '.' || X.TABLE_NAME), 2000000000) AS OBJECT_ID,
     C.ORDINAL_POSITION AS COLUMN_ID FROM INFORMATION_SCHEMA.INDEX_COLUMNS X JOIN INFORMATION_SCHEMA.COLUMNS C
     ON C.TABLE_SCHEMA = X.TABLE_SCHEMA AND C.TABLE_NAME = X.TABLE_NAME AND C.COLUMN_NAME = X.COLUMN_NAME`,
];

/** Makes H2 answer what the connector asks of SQL Server's catalog. */
export async function imitateCatalog(server: H2Server): Promise<void> {
  const connection = await server.connect();
  for (const sql of CATALOG) await connection.execute(sql);
  connection.destroy();
}

/**
 * A statement as H2 understands it, and what is bound, in the order of its question marks:
 *
 * - [name] is "name", since H2 does not know the doubled bracket
 * - OPENJSON(@p1) WITH (c0 nvarchar(max) '$[0]', …) is TABLE(c0 VARCHAR = ?, …), whose lists are taken out of the JSON here
 * - WITH (HOLDLOCK) and COLLATE are left out
 * - CONVERT(varbinary(…), x, 2), from hex, is a function of the same effect
 * - datetimeoffset is TIMESTAMP WITH TIME ZONE
 * - @p1 is CAST(? AS VARCHAR): the driver sends the type of a parameter beside the text
 */
export function translate(sql: string, inputs: ReadonlyMap<string, string | null>): { sql: string; params: H2Value[] } {
  const params: H2Value[] = [];
  const text = sql.replace(TOKENS, (found, ...groups: (string | undefined)[]) => {
    const [name, json, list, parameter, precision] = groups;
    if (name !== undefined) return `"${name.replaceAll("]]", "]").replaceAll('"', '""')}"`;
    if (json !== undefined && list !== undefined)
      return table(JSON.parse(inputs.get(json) ?? "[]") as unknown[][], list, params);
    if (parameter !== undefined) {
      params.push(inputs.get(parameter) ?? null);
      return "CAST(? AS VARCHAR)";
    }
    if (precision !== undefined) return `TIMESTAMP(${precision}) WITH TIME ZONE`;
    return found.startsWith("'") ? found : "";
  });
  return {
    sql: text.replace(/CONVERT\(varbinary\((?:max|\d+)\), ([^,()]+|CAST\(\? AS VARCHAR\)), 2\)/g, "UNHEX($1)"),
    params,
  };
}

const TOKENS =
  /'(?:[^']|'')*'|\[((?:[^\]]|\]\])+)\]|OPENJSON\(@(p\d+)\) WITH \(((?:[^()']|\([^)]*\)|'[^']*')*)\)|@(p\d+)|\bdatetimeoffset\((\d)\)|WITH \(HOLDLOCK\) | COLLATE \w+/g;

function table(rows: readonly unknown[][], list: string, params: H2Value[]): string {
  const columns = [...list.matchAll(/(\w+) nvarchar\((?:max|\d+)\) '\$\[(\d+)\]'/g)].map(([, name, index]) => {
    const values = rows.map((row) => row[Number(index)] as string | number | null);
    params.push(values.map((value) => (value === null ? null : String(value))));
    return `${name} VARCHAR = ?`;
  });
  return `TABLE(${columns.join(", ")})`;
}

/** Every TDS connection has a connection of its own. */
export const backendOnH2 = (server: H2Server): Backend => ({
  async connect() {
    const connection = await server.connect();
    return {
      async execute(sql, inputs) {
        const translated = translate(sql, inputs);
        try {
          return await connection.execute(translated.sql, [translated.params]);
        } catch (error) {
          if (!(error instanceof H2Refusal) || GONE.has(error.error.code)) throw error;
          const { code, message } = error.error;
          throw new SqlError(NUMBERS[code] ?? 102, `${message} (H2's ${code})`);
        }
      },
      commit: () => connection.commit(),
      rollback: () => connection.rollback(),
      destroy: () => connection.destroy(),
    };
  },
});
