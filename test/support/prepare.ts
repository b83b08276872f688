/**
 * Gets the servers that connectors are tested on: jars, emulators, programs, once for all test files. What cannot be had is left to
 * the tests, which skip what needs it and say why.
 */
import { missingForCassandra } from "./cassandra.js";
import { missingForFakesnow } from "./fakesnow.js";
import { missingForH2 } from "./h2.js";
import { findMongodb } from "./mongodb.js";
import { missingForMysql } from "./mysql.js";

const SERVERS: Readonly<Record<string, () => Promise<string | undefined>>> = {
  "Apache Cassandra": missingForCassandra,
  FerretDB: async () => (await findMongodb()).missing,
  H2: missingForH2,
  MySQL: missingForMysql,
  fakesnow: missingForFakesnow,
};
/** What is there already takes less, and is not worth a word. */
const PATIENCE_MS = 2000;

async function prepare(name: string, missing: () => Promise<string | undefined>): Promise<void> {
  const word = setTimeout(() => console.error(`Getting ${name}: once, and a few minutes at most …`), PATIENCE_MS);
  await missing();
  clearTimeout(word);
}

await Promise.all(Object.entries(SERVERS).map(([name, missing]) => prepare(name, missing)));
