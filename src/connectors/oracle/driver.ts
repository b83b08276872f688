/** The slice of oracledb that is used, so that the driver stays optional and a test can stand in for it. */

/** The module. Types of binds are its constants DB_TYPE_VARCHAR, … */
export interface OracleDriver {
  getConnection(attributes: Record<string, unknown>): Promise<OracleConnection>;
  readonly OUT_FORMAT_ARRAY: number;
  readonly STRING: unknown;
  readonly DB_TYPE_VARCHAR: unknown;
  readonly DB_TYPE_NVARCHAR: unknown;
  readonly DB_TYPE_CLOB: unknown;
  readonly DB_TYPE_NCLOB: unknown;
  readonly DB_TYPE_RAW: unknown;
  readonly DB_TYPE_BLOB: unknown;
  readonly DB_TYPE_BINARY_DOUBLE: unknown;
  readonly DB_TYPE_BINARY_FLOAT: unknown;
  readonly DB_TYPE_NUMBER: unknown;
}

/** A connection. */
export interface OracleConnection {
  callTimeout?: number | undefined;
  execute(sql: string, binds: unknown[], options: Record<string, unknown>): Promise<OracleResult>;
  executeMany(sql: string, binds: unknown[][], options: Record<string, unknown>): Promise<OracleManyResult>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  break(): Promise<void>;
  close(): Promise<void>;
}

/** What execute answers. */
export interface OracleResult {
  readonly rows?: unknown[] | undefined;
  readonly rowsAffected?: number | undefined;
}

/** What executeMany answers: the rows that failed among them, where `batchErrors` was asked for. */
export interface OracleManyResult {
  readonly rowsAffected?: number | undefined;
  readonly batchErrors?: readonly (Error & { offset?: number | undefined })[] | undefined;
}
