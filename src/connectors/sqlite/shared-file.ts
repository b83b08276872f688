/**
 * One connection a file, shared by all partitions of the process. SQLite has one writer at a time anyway, a transaction takes one
 * tick, and what one connection writes makes the pages that another has read worthless: four connections in turn read most of what
 * they change from the disk's cache again, each time.
 */
import { statSync } from "node:fs";

/** The slice of node:sqlite's interface that is used. */
export interface Driver {
  readonly DatabaseSync: new (file: string, options: Record<string, unknown>) => SqliteFile;
}

interface SqliteFile {
  exec(sql: string): void;
  prepare(sql: string): PreparedStatement;
  close(): void;
}

interface PreparedStatement {
  run(...params: unknown[]): { changes: number | bigint };
  all(...params: unknown[]): unknown[][];
  columns(): unknown[];
  setReturnArrays(on: boolean): void;
  setReadBigInts(on: boolean): void;
}

export interface Prepared {
  readonly statement: PreparedStatement;
  readonly isQuery: boolean;
}

/** By device and inode: two paths may lead to one file, and one path to another file tomorrow. */
const OPEN = new Map<string, SharedFile>();

export class SharedFile {
  readonly #id: string;
  readonly #file: SqliteFile;
  readonly #statements = new Map<string, Prepared>();
  #users = 0;
  #isOpen = true;

  private constructor(id: string, file: SqliteFile) {
    this.#id = id;
    this.#file = file;
  }

  /** Each use ends with `release`. */
  static use(driver: Driver, path: string): SharedFile {
    const { dev, ino } = statSync(path);
    const id = `${dev}:${ino}`;
    let shared = OPEN.get(id);
    if (!shared) {
      shared = new SharedFile(id, new driver.DatabaseSync(path, { timeout: 0 }));
      OPEN.set(id, shared);
    }
    shared.#users++;
    return shared;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  exec(sql: string): void {
    this.#file.exec(sql);
  }

  /** A statement stays prepared as long as the file is open, or until one is found unsound. */
  prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known) return known;
    const statement = this.#file.prepare(sql);
    const isQuery = statement.columns().length > 0;
    if (isQuery) {
      statement.setReturnArrays(true);
      statement.setReadBigInts(true);
    }
    const prepared = { statement, isQuery };
    this.#statements.set(sql, prepared);
    return prepared;
  }

  /** Whether a statement could be prepared now: another process may have changed its table. If it could not, none stays prepared. */
  isSound(sql: string): boolean {
    try {
      this.#file.prepare(sql);
      return true;
    } catch {
      this.#statements.clear();
      return false;
    }
  }

  release(): void {
    if (--this.#users === 0) this.close();
  }

  /** Nobody can use it any more: it is not known in which state it is. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    OPEN.delete(this.#id);
    this.#statements.clear();
    this.#file.close();
  }
}
