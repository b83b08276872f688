/** What the SQL sink needs of a database: implemented once per database, in the folder of its name. */
import type { Column, Kind, Row, Value } from "../../model.js";
import type { ErrorClass } from "../connector.js";
import type { TableName } from "./table.js";

/** One SQL statement. Values travel as parameters, never inside the text. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly unknown[];
}

/** What a statement answered. */
export interface Result {
  readonly rows: readonly (readonly unknown[])[];
  /** Rows inserted, matched by an update, or deleted. */
  readonly affected: number;
}

/**
 * The statements of one transaction. It yields a statement, or several that need not wait for one another, is given the result (or has
 * the error thrown into it), and its return means commit, its throw means roll back. So the same steps run over asynchronous drivers
 * and, within one tick, over SQLite's synchronous one.
 */
export type Steps = Generator<Statement | readonly Statement[], void, Result>;

/** A column as the sink needs it, with what the catalog says beyond `Column`. */
export interface CatalogColumn extends Column {
  /** The database computes it; nobody may write it. */
  readonly generated: boolean;
  /** NOT NULL without a default: a new row needs it. */
  readonly required: boolean;
  /** The name as the catalog spells it, where the recipe may spell it otherwise ("id" for ID). */
  readonly stored?: string;
}

/** A PRIMARY KEY or UNIQUE index. */
export interface UniqueKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** It holds for every row and for whole values: no WHERE, no expression, no prefix, not deferred. */
  readonly exact: boolean;
}

/** A table as the catalog describes it. */
export interface CatalogTable<C extends CatalogColumn = CatalogColumn> {
  /** The table's name as the catalog spells it, where the recipe may spell it otherwise. */
  readonly table?: TableName;
  readonly columns: readonly C[];
  readonly uniqueKeys: readonly UniqueKey[];
}

/** The table that a sink writes, checked: every column that the recipe names exists, and the key is unique. */
export interface Target<C extends CatalogColumn = CatalogColumn> {
  /** Quoted, with its schema. */
  readonly table: string;
  readonly key: readonly C[];
  /** Every column that the recipe names, the key's among them. */
  readonly columns: ReadonlyMap<string, C>;
  /** Columns that a new row cannot do without. */
  readonly required: readonly string[];
  /** Unique indexes beside the key's. */
  readonly otherUniqueKeys: readonly UniqueKey[];
}

/** An open connection. `cut` is the only way to end a wait: whoever waits gets an error then. */
export interface Session<C extends CatalogColumn = CatalogColumn> {
  readonly dialect: Dialect<C>;
  /** undefined: no such table, or none that this user may see. Throws where the table cannot be used at all. */
  describe(table: TableName): Promise<CatalogTable<C> | undefined>;
  /** One statement in a transaction of its own. */
  run(statement: Statement): Promise<Result>;
  /**
   * Runs all of these steps in one transaction: one after the other, or at once, where the driver need not wait for an answer before
   * it sends the next statement; then the first statements go out in this order. After an error that `isHealthy` accepts the session
   * can be used again.
   */
  transact(steps: readonly Steps[]): Promise<void>;
  /** Whether the connection is still good and no transaction is open. */
  isHealthy(): boolean;
  /** Ends the connection in an orderly way, not waiting for long. Never throws. */
  close(): Promise<void>;
  /** Ends the connection now. */
  cut(): void;
}

/** The parts of a statement that inserts a checkpoint. */
export interface CheckpointRow {
  readonly table: string;
  readonly columns: readonly string[];
  /** Placeholders and expressions, one a column. */
  readonly values: readonly string[];
  /** How many of the columns, from the first, are the key. */
  readonly keyLength: number;
}

/** The statement that moves a checkpoint, its parameters counted from this number on. */
export type Move = (firstParam: number) => Statement;

/** The SQL of one database. */
export interface Dialect<C extends CatalogColumn = CatalogColumn> {
  readonly quote: (identifier: string) => string;
  /** The n-th parameter, counted from 1. */
  readonly placeholder: (n: number) => string;
  /** Quotes the names of wbsync's own table, where unquoted names are folded to upper case and people expect them so. */
  readonly quoteOwn?: (identifier: string) => string;
  /** The query, cut off after so many rows; "… LIMIT n" where nothing is said. */
  readonly firstRows?: (query: string, count: number) => string;
  /** A stored value of a key as a text that its kind has in Redis, where the driver would make something else of it. */
  keyText?(column: C, name: string): string;
  /** A value that is compared with a key, and how the statement takes it; both as they are where nothing is said. */
  keyParam?(column: C, value: Value): unknown;
  keyValue?(column: C, placeholder: string): string;
  /** Whether wbsync can have stored a key, where a column may also hold what it cannot name; all of them where nothing is said. */
  keyIsOurs?(column: C, name: string): string;
  /** The current time as an SQL expression. */
  readonly now: string;
  /** The checkpoint table's statement; must be harmless where the table exists. `table` is quoted. */
  createCheckpointTable(table: string): string;
  /**
   * Inserts a checkpoint's row; where the key is taken it fails with what `isDuplicate` knows, or inserts nothing. Everything is
   * quoted; the key's columns come first. INSERT … VALUES where nothing is said, which needs a key that the database enforces.
   */
  insertCheckpoint?(row: CheckpointRow): string;
  /** A type for a missing column, for the hint's ALTER TABLE. */
  readonly exampleType: string;
  readonly exampleKeyType: string;
  /** What comes before a new column in ALTER TABLE; "ADD COLUMN" where nothing is said. */
  readonly addColumn?: string;
  /** The statement that makes the columns a key, for a hint; CREATE UNIQUE INDEX where nothing is said. All names are quoted. */
  readonly addKey?: (table: string, name: string, columns: string) => string;
  /** Whether "id" and "ID" are one column. */
  readonly caseInsensitiveColumns: boolean;
  /** Inserts the rows, or updates those that exist. */
  upsert(target: Target<C>, columns: readonly C[], rows: readonly Row[]): Steps;
  /**
   * The rows and the move of a checkpoint as one statement, where the database knows such. It answers a row if the checkpoint was
   * moved, and writes nothing if it was not. undefined: these rows take more than one statement.
   */
  upsertAndMove?(target: Target<C>, columns: readonly C[], rows: readonly Row[], move: Move): Statement | undefined;
  /** Updates one row by its key; `affected` counts the row also when nothing changed. */
  update(target: Target<C>, columns: readonly C[], row: Row): Statement;
  remove(target: Target<C>, rows: readonly Row[]): Steps;
}

/** A database that a recipe's options lead to. */
export interface Database<C extends CatalogColumn = CatalogColumn> {
  readonly kind: string;
  /** Resolves the options and connects; the signal ends the wait. */
  connect(signal: AbortSignal): Promise<Session<C>>;
  /** The error says that a row of this key exists. */
  isDuplicate(error: unknown): boolean;
  /** The error says that a table does not exist. */
  isMissingTable(error: unknown): boolean;
  /** What to do about an error of the driver or of the server. Decided by codes. */
  /** `kinds`: what the columns hold that were being written. */
  classify(error: unknown, kinds: readonly Kind["kind"][]): ErrorClass;
}

/** The table's name, quoted. */
export function quoteTable({ quote }: Pick<Dialect, "quote">, table: TableName): string {
  return (table.schema === undefined ? "" : `${quote(table.schema)}.`) + quote(table.name);
}

/** The column's name as the catalog spells it, quoted. */
export function quoteColumn({ quote }: Pick<Dialect, "quote">, column: CatalogColumn): string {
  return quote(column.stored ?? column.name);
}
