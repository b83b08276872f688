import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { openShop, rowsBecome, type Shop } from "../recipes/shop.js";
import { type MariadbServer, startMariadb } from "../support/mariadb.js";
import { tempDir } from "../support/process.js";
import { blocks, document } from "./guide.js";

describe("the recipes of docs/from-rgsync.md", () => {
  let mariadb: MariadbServer;
  let shop: Shop;
  const dir = tempDir("wbsync-from-rgsync");
  /** A block of the guide as a file, with this test's server in place of the one that it names. */
  const example = (name: string): string => {
    const [code, ...others] = blocks(document("docs/from-rgsync.md"), `ts ${name}`);
    assert.ok(code !== undefined && others.length === 0, name);
    const { user, password, port } = mariadb;
    const file = join(dir, name);
    const here = code
      .replace("demouser:Password123!@localhost:3306", `${user}:${password}@127.0.0.1:${port}`)
      .replace('"localhost"', '"127.0.0.1"')
      .replace("port: 3306", `port: ${port}`);
    assert.notEqual(here, code);
    writeFileSync(file, here);
    return file;
  };
  const answer = async (stream: string) => {
    const reply = await shop.client.xread("BLOCK", 10_000, "STREAMS", stream, "0-0");
    return reply?.[0]?.[1][0]?.[1];
  };

  before(async () => {
    mariadb = await startMariadb();
    // As RGSync's examples make them.
    await mariadb.query(
      "CREATE TABLE persons (person_id VARCHAR(100) NOT NULL, first VARCHAR(100) NOT NULL, last VARCHAR(100) NOT NULL, age INT NOT NULL, PRIMARY KEY (person_id))",
    );
    await mariadb.query("CREATE TABLE cars (car_id VARCHAR(100) PRIMARY KEY, id VARCHAR(100), color VARCHAR(100))");
    await mariadb.query("CREATE TABLE animals (animal_id VARCHAR(100) PRIMARY KEY, species VARCHAR(100), legs INT)");
    shop = await openShop({ MySqlUser: mariadb.user, MySqlPassword: mariadb.password });
  });
  after(async () => {
    await shop?.stop();
    await mariadb?.stop();
  });

  const persons = () => mariadb.query("SELECT * FROM persons ORDER BY person_id");

  test("the example of RGSync's README: write-behind, write-through, and the special values", async () => {
    await shop.deploy(example("example.ts"));
    const { client } = shop;
    const james = { first_name: "James", last_name: "Bond", age: "42" };
    await client.hset("person:007", { ...james, "#": "=6ce0c902" });
    assert.deepEqual(await answer("{person:007}6ce0c902"), ["status", "done"]);
    assert.deepEqual(await persons(), [{ person_id: "007", first: "James", last: "Bond", age: 42 }]);

    await client.hset("__{person:1}", { first_name: "foo", last_name: "bar", age: "20", "#": "=one" });
    assert.deepEqual(await answer("{person:1}one"), ["status", "done"]);
    assert.deepEqual(await client.hgetall("person:1"), { first_name: "foo", last_name: "bar", age: "20" });

    await client.hset("person:1", { age: "99", "#": "+two" });
    assert.deepEqual(await answer("{person:1}two"), ["status", "done"]);
    await client.hset("person:007", "#", "-three");
    assert.deepEqual(await answer("{person:007}three"), ["status", "done"]);
    const both = [
      { person_id: "007", first: "James", last: "Bond", age: 42 },
      { person_id: "1", first: "foo", last: "bar", age: 20 },
    ];
    await rowsBecome(persons, both);
    await client.hset("person:1", "#", "~four");
    assert.deepEqual(await answer("{person:1}four"), ["status", "done"]);
    await rowsBecome(persons, both.slice(0, 1));

    await client.hset("car:1", { id: "x", color: "red" });
    await rowsBecome(() => mariadb.query("SELECT * FROM cars"), [{ car_id: "1", id: "x", color: "red" }]);
  });

  test("credentials with configGet, and a transform", async () => {
    await shop.deploy(example("secrets.ts"));
    await shop.client.hset("animal:rex", { species: "DOG", legs: "4" });
    await rowsBecome(() => mariadb.query("SELECT * FROM animals"), [{ animal_id: "rex", species: "dog", legs: 4 }]);
  });
});
