/**
 * Stands in for the driver oracledb: the same methods, over H2 in its Oracle mode. It runs the statements' texts as they are, but
 * for the placeholders: ":1" becomes "CAST(? AS …)" with the type that the bind was defined with, which Oracle's driver sends
 * beside the text and JDBC cannot. Errors of H2 become those that Oracle has for the same mishap.
 */
import type {
  OracleConnection,
  OracleDriver,
  OracleManyResult,
  OracleResult,
} from "../../../src/connectors/oracle/driver.js";
import { H2Gone, H2Refusal, type H2Connection, type H2Error, type H2Server, type H2Value } from "../h2.js";

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What was asked of the driver, in order. */
export interface Call {
  readonly method: string;
  readonly sql?: string;
  readonly binds?: unknown;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** An error as the driver makes them. */
export class OracleError extends Error {
  readonly code: string;
  readonly errorNum: number;
  readonly offset: number;

  constructor(code: string, message: string, offset = 0) {
    super(`${code}: ${message}`);
    this.code = code;
    this.errorNum = Number(code.slice(4));
    this.offset = offset;
  }
}

/** By H2's number: https://h2database.com/javadoc/org/h2/api/ErrorCode.html */
const CODES: Readonly<Record<number, string>> = {
  ...{ 23505: "ORA-00001", 23502: "ORA-01400", 23513: "ORA-02290", 23506: "ORA-02291", 23503: "ORA-02292" },
  ...{ 22001: "ORA-12899", 22003: "ORA-01438", 22004: "ORA-01438", 22018: "ORA-01722", 22007: "ORA-01843" },
  ...{ 42101: "ORA-00955", 42102: "ORA-00942", 42103: "ORA-00942", 42104: "ORA-00942", 42122: "ORA-00904" },
  ...{ 42000: "ORA-00900", 42001: "ORA-00900", 40001: "ORA-00060", 50200: "ORA-00054", 90121: "ORA-01089" },
};

const TYPES: Readonly<Record<string, string>> = {
  ...{ DB_TYPE_VARCHAR: "VARCHAR", DB_TYPE_NVARCHAR: "VARCHAR", DB_TYPE_CLOB: "CLOB", DB_TYPE_NCLOB: "CLOB" },
  ...{ DB_TYPE_RAW: "VARBINARY", DB_TYPE_BLOB: "BLOB", DB_TYPE_BINARY_DOUBLE: "BINARY_DOUBLE" },
  DB_TYPE_BINARY_FLOAT: "BINARY_FLOAT",
};

/** What Oracle's data dictionary shows, as far as it is asked for, and a function that H2 does not have. */
const DICTIONARY = [
  `CREATE ALIAS IF NOT EXISTS SYS_CONTEXT AS 'String context(String a, String b) { return "PUBLIC"; }'`,
  `CREATE VIEW IF NOT EXISTS NLS_DATABASE_PARAMETERS AS SELECT 'NLS_CHARACTERSET' AS PARAMETER, 'AL32UTF8' AS "VALUE"`,
  `CREATE VIEW IF NOT EXISTS ALL_OBJECTS AS SELECT TABLE_SCHEMA AS OWNER, TABLE_NAME AS OBJECT_NAME,
     CASE TABLE_TYPE WHEN 'BASE TABLE' THEN 'TABLE' ELSE TABLE_TYPE END AS OBJECT_TYPE FROM INFORMATION_SCHEMA.TABLES`,
  `CREATE VIEW IF NOT EXISTS ALL_TAB_COLS AS SELECT TABLE_SCHEMA AS OWNER, TABLE_NAME, COLUMN_NAME, ORDINAL_POSITION AS COLUMN_ID,
     CASE DATA_TYPE WHEN 'NUMERIC' THEN 'NUMBER' WHEN 'DOUBLE PRECISION' THEN 'BINARY_DOUBLE' WHEN 'REAL' THEN 'BINARY_FLOAT'
       WHEN 'CHARACTER VARYING' THEN 'VARCHAR2' WHEN 'CHARACTER' THEN 'CHAR' WHEN 'CHARACTER LARGE OBJECT' THEN 'CLOB'
       WHEN 'BINARY VARYING' THEN 'RAW' WHEN 'BINARY LARGE OBJECT' THEN 'BLOB' WHEN 'BOOLEAN' THEN 'BOOLEAN'
       WHEN 'TIMESTAMP' THEN CASE DATETIME_PRECISION WHEN 0 THEN 'DATE' ELSE 'TIMESTAMP(' || DATETIME_PRECISION || ')' END
       WHEN 'TIMESTAMP WITH TIME ZONE' THEN 'TIMESTAMP(' || DATETIME_PRECISION || ') WITH TIME ZONE'
       ELSE DATA_TYPE END AS DATA_TYPE,
     CHARACTER_OCTET_LENGTH AS DATA_LENGTH, CHARACTER_MAXIMUM_LENGTH AS CHAR_LENGTH, 'C' AS CHAR_USED,
     CASE DATA_TYPE WHEN 'NUMERIC' THEN NUMERIC_PRECISION END AS DATA_PRECISION,
     CASE DATA_TYPE WHEN 'NUMERIC' THEN NUMERIC_SCALE ELSE DATETIME_PRECISION END AS DATA_SCALE,
     CASE IS_NULLABLE WHEN 'YES' THEN 'Y' ELSE 'N' END AS NULLABLE, LENGTH(COLUMN_DEFAULT) AS DEFAULT_LENGTH,
     CASE IS_GENERATED WHEN 'ALWAYS' THEN 'YES' ELSE 'NO' END AS VIRTUAL_COLUMN, IS_IDENTITY AS IDENTITY_COLUMN,
     'NO' AS HIDDEN_COLUMN FROM INFORMATION_SCHEMA.COLUMNS`,
  `CREATE VIEW IF NOT EXISTS ALL_CONSTRAINTS AS SELECT CONSTRAINT_SCHEMA AS OWNER, TABLE_NAME, CONSTRAINT_NAME,
     CASE CONSTRAINT_TYPE WHEN 'PRIMARY KEY' THEN 'P' WHEN 'UNIQUE' THEN 'U' END AS CONSTRAINT_TYPE, 'ENABLED' AS STATUS,
     'VALIDATED' AS VALIDATED, 'NOT DEFERRABLE' AS "DEFERRABLE" FROM INFORMATION_SCHEMA.TABLE_CONSTRAINTS`,
  `CREATE VIEW IF NOT EXISTS ALL_CONS_COLUMNS AS SELECT CONSTRAINT_SCHEMA AS OWNER, CONSTRAINT_NAME, COLUMN_NAME,
     ORDINAL_POSITION AS "POSITION" FROM INFORMATION_SCHEMA.KEY_COLUMN_USAGE`,
  `CREATE VIEW IF NOT EXISTS ALL_INDEXES AS SELECT INDEX_SCHEMA AS OWNER, TABLE_SCHEMA AS TABLE_OWNER, TABLE_NAME, INDEX_NAME,
     'NORMAL' AS INDEX_TYPE, CASE WHEN INDEX_TYPE_NAME IN ('UNIQUE INDEX', 'PRIMARY KEY') THEN 'UNIQUE' ELSE 'NONUNIQUE' END
     AS UNIQUENESS FROM INFORMATION_SCHEMA.INDEXES`,
  `CREATE VIEW IF NOT EXISTS ALL_IND_COLUMNS AS SELECT INDEX_SCHEMA AS INDEX_OWNER, INDEX_NAME, COLUMN_NAME,
     ORDINAL_POSITION AS COLUMN_POSITION FROM INFORMATION_SCHEMA.INDEX_COLUMNS`,
];

/** Makes H2 answer what the connector asks of Oracle's data dictionary. */
export async function imitateDictionary(server: H2Server): Promise<void> {
  const connection = await server.connect();
  for (const sql of DICTIONARY) await connection.execute(sql);
  connection.destroy();
}

/** The double of the module. `calls` collects what is asked of it. */
export function oracledbOnH2(
  server: Pick<H2Server, "connect">,
  { user, password }: Credentials,
  calls: Call[] = [],
): OracleDriver {
  const types = Object.fromEntries(Object.keys(TYPES).map((name) => [name, name]));
  return {
    ...(types as unknown as OracleDriver),
    ...{ OUT_FORMAT_ARRAY: 4001, STRING: "STRING", DB_TYPE_NUMBER: "DB_TYPE_NUMBER" },
    async getConnection(attributes) {
      calls.push({ method: "getConnection", options: attributes });
      const port = Number(/:(\d+)\//.exec(String(attributes.connectString))?.[1]);
      const connection = await server.connect(port).catch((error: Error) => {
        throw new OracleError(
          "NJS-503",
          `connection to host 127.0.0.1 port ${port} could not be established.\n${error.message}`,
        );
      });
      if (attributes.user === user && attributes.password === password) return new Connection(connection, calls);
      connection.destroy();
      throw new OracleError("ORA-01017", "invalid credential or not authorized; logon denied");
    },
  };
}

class Connection implements OracleConnection {
  callTimeout: number | undefined;
  readonly #h2: H2Connection;
  readonly #calls: Call[];
  /** Ends what is being waited for, as the server would. */
  #interrupt: ((error: Error) => void) | undefined;

  constructor(h2: H2Connection, calls: Call[]) {
    this.#h2 = h2;
    this.#calls = calls;
  }

  async execute(sql: string, binds: unknown[], options: Record<string, unknown>): Promise<OracleResult> {
    this.#calls.push({ method: "execute", sql, binds, options });
    if (sql.startsWith("ALTER SESSION SET ")) return {};
    const text = sql.replace(PLACEHOLDERS, (found, name: string | undefined) => (name ? "CAST(? AS VARCHAR)" : found));
    const { rows, affected } = await this.#call(() => this.#h2.execute(text, [binds as H2Value[]]));
    if (options.autoCommit === true) await this.#call(() => this.#h2.commit());
    return rows ? { rows: [...rows] } : { rowsAffected: affected };
  }

  async executeMany(sql: string, binds: unknown[][], options: Record<string, unknown>): Promise<OracleManyResult> {
    this.#calls.push({ method: "executeMany", sql, binds, options });
    const defs = options.bindDefs as readonly { type: string; maxSize?: number }[];
    binds.forEach((row, i) => checkRow(row, defs, i));
    let n = 0;
    const text = sql.replace(PLACEHOLDERS, (found, name: string | undefined) =>
      name ? `CAST(? AS ${TYPES[defs[n++]!.type]})` : found,
    );
    // As the driver does: it makes no LOB of nothing.
    const rows = binds.map((row) =>
      row.map((value) => ((value as string | null)?.length === 0 ? null : (value as H2Value))),
    );
    const { affected, errors = [] } = await this.#call(() =>
      this.#h2.execute(text, rows, options.batchErrors === true),
    );
    return {
      rowsAffected: affected,
      ...(errors.length > 0 && { batchErrors: errors.map((error) => oracleError(error)) }),
    };
  }

  async commit(): Promise<void> {
    this.#calls.push({ method: "commit" });
    await this.#call(() => this.#h2.commit());
  }

  async rollback(): Promise<void> {
    this.#calls.push({ method: "rollback" });
    await this.#call(() => this.#h2.rollback());
  }

  async break(): Promise<void> {
    this.#calls.push({ method: "break" });
    this.#interrupt?.(new OracleError("ORA-01013", "user requested cancel of current operation"));
    this.#h2.destroy();
  }

  async close(): Promise<void> {
    this.#calls.push({ method: "close" });
    this.#h2.destroy();
  }

  async #call<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const interrupted = new Promise<never>((_, reject) => {
      this.#interrupt = reject;
      const late = () => {
        reject(new OracleError("NJS-123", `call timeout of ${this.callTimeout} ms exceeded`));
        this.#h2.destroy();
      };
      timer = this.callTimeout ? setTimeout(late, this.callTimeout) : undefined;
    });
    try {
      return await Promise.race([work(), interrupted]);
    } catch (error) {
      if (error instanceof H2Gone) throw new OracleError("NJS-500", "connection to the Oracle Database was broken");
      throw error instanceof H2Refusal ? oracleError(error.error) : error;
    } finally {
      clearTimeout(timer);
      this.#interrupt = undefined;
    }
  }
}

/** A bind, but not what looks like one inside a quoted name or a text. */
const PLACEHOLDERS = /"[^"]*"|'[^']*'|:(\d+)/g;

/** What the driver checks before it sends anything. */
function checkRow(row: readonly unknown[], defs: readonly { type: string; maxSize?: number }[], index: number): void {
  if (row.length !== defs.length) throw new OracleError("NJS-009", "invalid number of parameters");
  row.forEach((value, i) => {
    const { type, maxSize } = defs[i]!;
    if (!(type in TYPES)) throw new OracleError("NJS-059", `type must be specified for bind at position ${i + 1}`);
    const needsSize = ["DB_TYPE_VARCHAR", "DB_TYPE_NVARCHAR", "DB_TYPE_RAW"].includes(type);
    if (needsSize && maxSize === undefined)
      throw new OracleError("NJS-056", `maxSize must be specified for bind ${i + 1}`);
    if (value === null) return;
    const expected = /BINARY/.test(type) ? "number" : /RAW|BLOB/.test(type) ? "object" : "string";
    if (typeof value !== expected)
      throw new OracleError("NJS-011", `bind value and type mismatch at ${i + 1}, row ${index}`);
    if (needsSize && Buffer.byteLength(value as string | Buffer) > maxSize!) {
      throw new OracleError("NJS-058", `maxSize of ${maxSize} is too small for value in row ${index}`);
    }
  });
}

function oracleError({ code, message, row }: H2Error): OracleError {
  return new OracleError(CODES[code] ?? "ORA-00900", `${message} (H2's ${code})`, row);
}
