/** The slice of mssql that is used, so that the driver stays optional and a test can stand in for it. */

/** The module. */
export interface MssqlDriver {
  readonly ConnectionPool: new (config: Record<string, unknown> & { server: string }) => MssqlPool;
  readonly Transaction: new (pool: never) => MssqlTransaction;
  readonly Request: new (parent: never) => MssqlRequest;
  readonly NVarChar: (length: number) => unknown;
  readonly MAX: number;
  readonly ISOLATION_LEVEL: { readonly READ_COMMITTED: number };
}

/** What the driver shows of a connection before it connects. */
export interface MssqlConnection {
  close(): void;
  on(event: "errorMessage", listener: (message: { readonly number: number }) => void): unknown;
}

/** A pool, of one connection here. */
export interface MssqlPool {
  connect(): Promise<unknown>;
  close(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): unknown;
}

/** A transaction, which holds a connection of the pool. */
export interface MssqlTransaction {
  begin(isolationLevel?: number): Promise<unknown>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  on(event: "error" | "rollback", listener: () => void): unknown;
}

/** One statement. */
export interface MssqlRequest {
  arrayRowMode: boolean;
  input(name: string, type: never, value: string | null): unknown;
  query(sql: string): Promise<{ readonly recordset?: unknown; readonly rowsAffected: number[] }>;
}
