/** The ways in which a batch can reach a database, beside the one that wbsync takes. */
import { once } from "node:events";
import { Readable } from "node:stream";
import { type Connection, createConnection, type QueryOptions } from "mysql2";
import pg from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { Flights } from "../../src/connectors/mysql/flight.js";
import { COLUMNS, CREATE_TABLE } from "./person.js";

/** One connection. */
export interface Way {
  /** Writes one batch in one transaction: new rows are inserted, others changed. Values of rows in a flat array. */
  write(batch: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

export interface NamedWay {
  readonly name: string;
  readonly open: (url: string) => Promise<Way>;
}

const WIDTH = COLUMNS.length;
const INSERT = `INSERT INTO persons (${COLUMNS.join(", ")})`;
const TEMPORARY = CREATE_TABLE.replace("CREATE TABLE persons", "CREATE TEMPORARY TABLE batch").replace(
  " PRIMARY KEY",
  "",
);
const MYSQL_SETS = `ON DUPLICATE KEY UPDATE ${COLUMNS.slice(1)
  .map((name) => `${name} = VALUES(${name})`)
  .join(", ")}`;
const POSTGRES_SETS = `ON CONFLICT (id) DO UPDATE SET ${COLUMNS.slice(1)
  .map((name) => `${name} = EXCLUDED.${name}`)
  .join(", ")}`;

/** The one that wbsync takes comes first. */
export const MARIADB_WAYS: readonly NamedWay[] = [
  { name: "prepared rows, the packet made by wbsync", open: (url) => mariadb(url, preparedByUs) },
  { name: "prepared rows, the packet made by the driver", open: (url) => mariadb(url, preparedByDriver) },
  { name: "LOAD DATA LOCAL INFILE into a temporary table, INSERT … SELECT", open: (url) => mariadb(url, loadData) },
];

/** The same. */
export const POSTGRES_WAYS: readonly NamedWay[] = [
  { name: "unnest of one array a column", open: (url) => postgres(url, unnest) },
  { name: "VALUES of 4,000 parameters", open: (url) => postgres(url, values) },
  { name: "COPY into a temporary table, INSERT … SELECT", open: (url) => postgres(url, copy) },
];

type Write = (batch: readonly string[]) => Promise<void>;

async function mariadb(url: string, prepare: (connection: Connection) => Promise<Write>): Promise<Way> {
  const connection = createConnection({ uri: url });
  await once(connection, "connect");
  const write = await prepare(connection);
  return { write, close: async () => connection.destroy() };
}

const run = (connection: Connection, options: QueryOptions): Promise<unknown> =>
  new Promise((resolve, reject) => {
    connection.query(options, (error: Error | null, result: unknown) => (error ? reject(error) : resolve(result)));
  });

const upsertRows = (batch: readonly string[]): string =>
  `${INSERT} VALUES ${Array<string>(batch.length / WIDTH)
    .fill("(?,?,?,?)")
    .join(",")} ${MYSQL_SETS}`;

async function preparedByDriver(connection: Connection): Promise<Write> {
  return (batch) =>
    new Promise((resolve, reject) => {
      connection.execute(upsertRows(batch), [...batch], (error) => (error ? reject(error) : resolve()));
    });
}

async function preparedByUs(connection: Connection): Promise<Write> {
  const queue = connection as unknown as { addCommand(command: unknown): void };
  const flights = new Flights((command) => queue.addCommand(command));
  return (batch) =>
    new Promise((resolve, reject) => {
      connection.prepare(upsertRows(batch), (error, statement) => {
        if (error) return reject(error);
        const { id } = statement as unknown as { id: number };
        flights.send(id, batch, (failure) => (failure ? reject(failure) : resolve()));
      });
    });
}

async function loadData(connection: Connection): Promise<Write> {
  await run(connection, { sql: `${TEMPORARY} ENGINE = MEMORY` });
  return async (batch) => {
    const text = Buffer.from(linesOf(batch));
    await run(connection, {
      sql: "LOAD DATA LOCAL INFILE 'batch' INTO TABLE batch",
      infileStreamFactory: () => Readable.from([text]),
    });
    await run(connection, { sql: `${INSERT} SELECT * FROM batch ${MYSQL_SETS}` });
    await run(connection, { sql: "TRUNCATE TABLE batch" });
  };
}

async function postgres(url: string, prepare: (client: pg.Client) => Promise<Write>): Promise<Way> {
  const client = new pg.Client(url);
  await client.connect();
  const write = await prepare(client);
  return { write, close: () => client.end() };
}

async function unnest(client: pg.Client): Promise<Write> {
  const text = `${INSERT} SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[]) ${POSTGRES_SETS}`;
  return async (batch) => {
    const arrays = COLUMNS.map((_, n) => `{${batch.filter((__, i) => i % WIDTH === n).join(",")}}`);
    await client.query({ name: "unnest", text, values: arrays });
  };
}

async function values(client: pg.Client): Promise<Write> {
  return async (batch) => {
    const marks = Array.from({ length: batch.length / WIDTH }, (_, row) => {
      const first = WIDTH * row;
      return `($${first + 1},$${first + 2},$${first + 3},$${first + 4})`;
    });
    const text = `${INSERT} VALUES ${marks.join(",")} ${POSTGRES_SETS}`;
    await client.query({ name: `values${batch.length}`, text, values: [...batch] });
  };
}

async function copy(client: pg.Client): Promise<Write> {
  await client.query(`${TEMPORARY} ON COMMIT DELETE ROWS`);
  return async (batch) => {
    await client.query("BEGIN");
    const stream = client.query(copyFrom("COPY batch FROM STDIN"));
    stream.end(linesOf(batch));
    await once(stream, "finish");
    await client.query(`${INSERT} SELECT * FROM batch ${POSTGRES_SETS}`);
    await client.query("COMMIT");
  };
}

/** Rows as LOAD DATA and COPY read them; the values measured with need no escapes. */
function linesOf(batch: readonly string[]): string {
  let text = "";
  for (let i = 0; i < batch.length; i += WIDTH) text += `${batch.slice(i, i + WIDTH).join("\t")}\n`;
  return text;
}
