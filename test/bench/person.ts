/** The row that everything is measured with: the same text in the hash, in the bare loop and in the table. */

export const CREATE_TABLE =
  "CREATE TABLE persons (id VARCHAR(64) NOT NULL PRIMARY KEY, first VARCHAR(100), last VARCHAR(100), age INT)";

export const COLUMNS = ["id", "first", "last", "age"] as const;

/** Values of a row in the order of its columns. `write` is the number of the write, so that each one changes the row. */
export function person(id: number, write = id): [id: string, first: string, last: string, age: string] {
  return [String(id), `First${write}`, `Last${write % 1000}`, String(write % 100)];
}

/** HSET of the same values, as bytes of the protocol. */
export function hset(id: number, write = id): string {
  const [name, first, last, age] = person(id, write);
  return (
    `*8\r\n$4\r\nHSET\r\n${bulk(`person:${name}`)}` +
    `$10\r\nfirst_name\r\n${bulk(first)}$9\r\nlast_name\r\n${bulk(last)}$3\r\nage\r\n${bulk(age)}`
  );
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

/** Of `count` numbers from 0 on the i-th, in an order that is none: databases are faster where keys come sorted, and keys seldom do. */
export function inNoOrder(i: number, count: number): number {
  return (i * 611_953) % count;
}
