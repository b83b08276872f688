/** What the conformance suite needs to know about a database, and small helpers that its parts share. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { TestContext } from "node:test";
import type { Connector, Opened, Option, Sink } from "../../src/connectors/connector.js";
import type { Batch, Bytes, Checkpoint, Column, Row, Value } from "../../src/model.js";
import { converterFor } from "../../src/recipe/convert.js";
import type { ColumnType } from "../../src/recipe/recipe.js";

/** Column types that every database has in some form. */
export type PortableType =
  | "int32"
  | "int64"
  | "decimal(20,4)"
  | "double"
  | "boolean"
  | "varchar(20)"
  | "text"
  | "binary"
  | "date"
  | "time(3)"
  | "datetime(3)"
  | "datetime(3) zoned"
  | "json"
  | "uuid";

export interface TableSpec {
  readonly columns: readonly (readonly [name: string, type: PortableType, constraint?: "NOT NULL" | "UNIQUE"])[];
  readonly primaryKey: readonly string[];
}

/** What a database can promise. The suite skips what it cannot, and says so. */
export interface Capabilities {
  /** Rows and checkpoints change together or not at all, and a stale token is refused. */
  readonly transactional: boolean;
  /** Tables have types and constraints that refuse rows. */
  readonly refusesRows: boolean;
  /** Tables are made before rows are written, so missing ones are noticed. */
  readonly schema: boolean;
  /** There is a user with a password. */
  readonly credentials: boolean;
  /** false: where every column but the key is NULL there is no row. */
  readonly emptyRows?: boolean;
  /** false: after a crash there may be rows whose checkpoint is still to come. */
  readonly atomic?: boolean;
  /** false: nothing can be held, since there are no locks and the server is somebody else's. */
  readonly holds?: boolean;
  /** false: PRIMARY KEY and UNIQUE are declared, and nobody enforces them. */
  readonly enforcesKeys?: boolean;
  /** false: floats next to zero, which have no full precision, are refused. */
  readonly denormals?: boolean;
  /** false: an empty text, or no bytes, is the same as NULL. */
  readonly emptyText?: boolean;
}

/** The connection of one connector. */
export interface Connection {
  /** Overrides for the next connection attempts; asked for afresh at each. */
  readonly user?: Option<string>;
  readonly password?: Option<string>;
  readonly port?: Option<number>;
  readonly statementTimeoutMs?: number;
}

/** How the suite deals with one database. */
export interface Harness {
  readonly capabilities: Capabilities;
  /** Names in the database that nobody else uses begin with this. */
  readonly prefix: string;
  /** Types that the server at hand does not have, though the database does. */
  readonly lacks?: readonly PortableType[];
  /** What a mapping has to demand of a column, where the database has no type of its own. "uuid" is always demanded. */
  readonly demands?: Partial<Record<PortableType, ColumnType>>;
  /** Odd names that are allowed here: the end of a table's, and those of columns. Without it all that SQL can quote. */
  readonly odd?: { readonly table: string; readonly columns: readonly string[] };
  /** Rows of a large batch, where 10,000 take the server at hand too long. */
  readonly large?: number;
  connector(
    table: string,
    options: { primaryKey: string | readonly string[]; checkpointTable?: string },
    connection?: Connection,
  ): Connector;
  createTable(name: string, spec: TableSpec): Promise<void>;
  /** Every row, columns in canonical text (see convert.ts), binary as Buffer, ordered by the primary key. */
  rows(name: string, spec: TableSpec): Promise<readonly Readonly<Record<string, Value>>[]>;
  /** Puts a row in, as another writer would; values in canonical text. */
  insert(name: string, row: Readonly<Record<string, Value>>): Promise<void>;
  /** Removes a table if it is there. */
  drop(name: string): Promise<void>;
  /** Keeps the table's rows from being written until the returned function is called. */
  hold(name: string): Promise<() => Promise<void>>;
  /** Correct credentials, where there are any. */
  readonly user?: string;
  readonly password?: string;
  /** A private server that may be harmed; undefined: somebody else's, or none. */
  readonly server?: {
    /** SIGKILL. */
    kill(): Promise<void>;
    /** In order. */
    shutdown(): Promise<void>;
    start(): Promise<void>;
    /** Ends the connections on which a statement is being executed, as an administrator would. Waits until there is one. */
    cutConnections(): Promise<void>;
  };
}

export const NEVER: AbortSignal = new AbortController().signal;

let tables = 0;

/** A table, a sink on it, and the pipeline's part of the work: converting, and keeping the token. */
export class Fixture {
  readonly harness: Harness;
  readonly name: string;
  readonly spec: TableSpec;
  readonly recipe = `recipe-${randomUUID()}`;
  readonly connector: Connector;
  readonly sink: Sink;
  #opened: Opened | undefined;
  #token: string | undefined;
  #offset = 0;

  constructor(
    harness: Harness,
    name: string,
    spec: TableSpec,
    options: { connection?: Connection; columns?: readonly string[]; checkpointTable?: string },
  ) {
    this.harness = harness;
    this.name = name;
    this.spec = spec;
    this.connector = harness.connector(
      name,
      { primaryKey: spec.primaryKey, checkpointTable: options.checkpointTable ?? `${harness.prefix}checkpoint` },
      options.connection,
    );
    const columns =
      options.columns ?? spec.columns.map(([column]) => column).filter((column) => !spec.primaryKey.includes(column));
    this.sink = this.connector.sink({
      ...{ recipe: this.recipe, columns },
      // Without a catalog the recipe's types are all that there is.
      ...(!harness.capabilities.schema && { types: columnTypes(spec) }),
    });
  }

  /** Creates a table and opens a sink on it. */
  static async open(
    t: TestContext,
    harness: Harness,
    spec: TableSpec,
    options: { name?: string; connection?: Connection; columns?: readonly string[]; checkpointTable?: string } = {},
  ): Promise<Fixture> {
    const name = options.name ?? `${harness.prefix}t${++tables}`;
    await harness.createTable(name, spec);
    t.after(() => harness.drop(name));
    const fixture = new Fixture(harness, name, spec, options);
    t.after(() => fixture.sink.close());
    await fixture.open();
    return fixture;
  }

  /** Opens (again), and takes over the stored token. */
  async open(): Promise<Opened> {
    this.#opened = await this.sink.open(NEVER);
    this.#token = this.#opened.checkpoints.find(({ partition }) => partition === 0)?.token;
    return this.#opened;
  }

  get columns(): readonly Column[] {
    return this.#opened?.columns ?? [];
  }

  get token(): string | undefined {
    return this.#token;
  }

  column(name: string): Column {
    const found = this.columns.find((column) => column.name === name);
    assert.ok(found, `column ${name}`);
    return found;
  }

  /** As a mapping would say where the database has no type of its own for it. */
  #demanded(name: string): ColumnType | undefined {
    const type = this.spec.columns.find(([column]) => column === name)?.[1];
    return type === "uuid" ? "uuid" : type && this.harness.demands?.[type];
  }

  /** A row of these fields; keys and values are given as UTF-8 text or as bytes. */
  row(fields: Readonly<Record<string, string | Buffer | null>>): { columns: readonly string[]; row: Row } {
    const convert = (name: string, isKey: boolean): Value => {
      const given = fields[name];
      if (given === null || given === undefined) return null;
      const raw: Bytes = Buffer.from(given).toString("latin1");
      const demanded = this.#demanded(name);
      return converterFor(this.column(name), { isKey, ...(demanded && { type: demanded }) }).fromBytes(raw);
    };
    const columns = Object.keys(fields).filter((name) => !this.spec.primaryKey.includes(name));
    const id = this.spec.primaryKey.map((name) => convert(name, true));
    return { columns, row: { id, values: columns.map((name) => convert(name, false)), offset: ++this.#offset } };
  }

  /** A batch; rows that set the same columns travel together. */
  batch(
    sets: readonly Readonly<Record<string, string | Buffer | null>>[],
    deletes: readonly Readonly<Record<string, string | Buffer>>[] = [],
  ): Batch {
    const groups = new Map<string, { columns: readonly string[]; rows: Row[] }>();
    for (const fields of sets) {
      const { columns, row } = this.row(fields);
      const group = groups.get(columns.join("\u0000")) ?? { columns, rows: [] };
      groups.set(columns.join("\u0000"), group);
      group.rows.push(row);
    }
    return {
      upserts: [...groups.values()],
      deletes: deletes.map((fields) => ({ ...this.row(fields).row, values: [] })),
    };
  }

  /** Writes with the next token; where that fails the token stays. */
  async write(batch: Batch, low = ++this.#offset): Promise<void> {
    const token = randomUUID();
    await this.sink.write(batch, [{ partition: 0, from: this.#token, to: checkpoint(0, token, low) }], NEVER);
    this.#token = token;
  }

  async set(...rows: readonly Readonly<Record<string, string | Buffer | null>>[]): Promise<void> {
    await this.write(this.batch(rows));
  }

  /** The ids of all rows, as they stand in the names of keys, read in pages of so many. */
  async keys(count: number): Promise<string[]> {
    const found: (readonly Bytes[])[] = [];
    for (let page; (page = (await this.sink.keys?.(found.at(-1), count, NEVER)) ?? []).length > 0;) found.push(...page);
    return found.map((id) => id.map((part) => Buffer.from(part, "latin1").toString()).join(":"));
  }

  rows(): Promise<readonly Readonly<Record<string, Value>>[]> {
    return this.harness.rows(this.name, this.spec);
  }

  /** What `rows` returns where these were written. */
  stored(given: readonly Readonly<Record<string, Value>>[]): readonly Readonly<Record<string, Value>>[] {
    const rows = given.map((row) =>
      Object.fromEntries(Object.entries(row).map(([name, value]) => [name, this.storedValue(value)])),
    );
    if (this.harness.capabilities.emptyRows !== false) return rows;
    const isEmpty = (row: Readonly<Record<string, Value>>) =>
      Object.entries(row).every(([name, value]) => value === null || this.spec.primaryKey.includes(name));
    return rows.filter((row) => !isEmpty(row));
  }

  /** What a value becomes when it is stored. */
  storedValue(value: Value): Value {
    return this.harness.capabilities.emptyText === false && value?.length === 0 ? null : value;
  }

  /** The error of what must fail, with its class. */
  async failure(work: () => Promise<unknown>): Promise<{ error: Error; kind: string }> {
    try {
      await work();
    } catch (error) {
      assert.ok(error instanceof Error);
      return { error, kind: this.sink.classify(error) };
    }
    return assert.fail("expected an error");
  }
}

/** The types that mappings would demand of these columns. */
function columnTypes({ columns }: TableSpec): Record<string, ColumnType> {
  return Object.fromEntries(columns.map(([name, type]) => [name, COLUMN_TYPES[type]]));
}

const COLUMN_TYPES: Readonly<Record<PortableType, ColumnType>> = {
  ...{ int32: "integer", int64: "integer", "decimal(20,4)": "decimal", double: "float", boolean: "boolean" },
  ...{ "varchar(20)": "text", text: "text", binary: "binary", json: "json", uuid: "uuid" },
  ...{ date: "date", "time(3)": "time", "datetime(3)": "datetime", "datetime(3) zoned": "datetime" },
};

/** What a database shows for a value, in the canonical text of convert.ts. */
export function canonical(type: PortableType, value: unknown): Value {
  if (value === null || value === undefined) return null;
  if (type === "binary") return Buffer.from(value as Uint8Array);
  const text = `${value as number}`;
  switch (type) {
    case "decimal(20,4)":
      return trimFraction(text);
    case "double":
      return String(Number(text));
    case "boolean":
      return /^(1|t|true)$/.test(text) ? "1" : "0";
    case "time(3)":
    case "datetime(3)":
    case "datetime(3) zoned":
      return trimFraction(text.replace(/\+00$/, ""));
    default:
      return text;
  }
}

const trimFraction = (text: string): string => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);

/** A checkpoint with something in every field. */
export function checkpoint(partition: number, token: string, low = 1): Checkpoint {
  return {
    partition,
    token,
    replid: "8c9b0c1f2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f70",
    low,
    db: 3,
    high: low + 5,
    snapshot: "done",
    version: "1.2.3",
  };
}
