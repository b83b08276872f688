/**
 * The smallest recipe: hashes `person:<id>` become rows of the table `persons` in an SQLite file. This is what `npm run demo` runs.
 *
 *     sqlite3 persons.sqlite < recipes/persons.sql
 *     wbsync deploy recipes/persons.ts
 *     wbsync run
 *     redis-cli HSET person:1 first_name Ada last_name Lovelace age 36
 */
import { sqlite, writeBehind } from "wbsync";

// Asked for at every connection attempt, where `wbsync run` was started.
const db = sqlite({ file: () => process.env.PERSONS_DB ?? "persons.sqlite" });

export default writeBehind({
  name: "PersonsWriteBehind",
  version: "1.0.0",
  keysPrefix: "person", // person:<id>
  connector: db.table("persons", { primaryKey: "id" }),
  mappings: { first_name: "first", last_name: "last", age: "age" },
});
