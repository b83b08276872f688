/** Odd keys and odd values: each is right, or a dead letter that says why. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, startLab } from "../support/lab.js";
import type { DatabaseKind } from "../support/lab-databases.js";
import { readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";

const quoteOf = (kind: DatabaseKind) => (name: string) =>
  kind === "mysql" ? `\`${name.replaceAll("`", "``")}\`` : `"${name.replaceAll('"', '""')}"`;

for (const kind of ["mysql", "postgres", "sqlite"] as const) {
  const quote = quoteOf(kind);
  const [table, column] = ["Order; DROP TABLE x -- \"'", "select 'it`s\""];
  const blob = kind === "postgres" ? "BYTEA" : kind === "mysql" ? "LONGBLOB" : "BLOB";
  const text = kind === "mysql" ? "LONGTEXT" : "TEXT";
  // Most of MariaDB's collations do not see a blank at the end.
  const exact = kind === "mysql" ? "COLLATE utf8mb4_nopad_bin" : "";
  let lab: Lab;
  let redis: Redis;

  /** What the table holds under an id; bytes as a Buffer. */
  const rowOf = async (id: string) => {
    const mark = kind === "postgres" ? "$1" : "?";
    const [row] = await lab.db.query(
      `SELECT ${quote(column)} AS text, data, age FROM ${quote(table)} WHERE id = ${mark}`,
      [id],
    );
    return row;
  };
  const letterOf = async (key: string) => (await lab.letters("Odd")).find((letter) => letter["key"] === key);
  const ask = async (fields: Record<string, string | Buffer>, id: string) => {
    await redis.hset(`odd:${id}`, fields);
    await lab.caughtUp();
    return await rowOf(id);
  };

  test(`${kind}: odd keys and values`, async (t) => {
    const check = kind === "mysql" ? "age INT CHECK (age < 150)" : "age INT NOT NULL DEFAULT 0 CHECK (age < 150)";
    lab = await startLab({
      database: kind,
      schema: `CREATE TABLE ${quote(table)} (id VARCHAR(200) ${exact} PRIMARY KEY, ${quote(column)} ${text}, data ${blob}, ${check}, short VARCHAR(5))`,
    });
    after(() => lab.stop());
    redis = lab.client;
    const mappings = { text: column, data: "data", age: "age", short: "short" };
    await lab.deploy({
      name: "Odd",
      prefix: "odd",
      table,
      mappings: { ...mappings, age: { column: "age", default: 0 } },
    });
    const runner = lab.startRunner();
    await runner.is("running", "Odd");

    await t.test("ids with quotes, colons, braces, spaces, newlines and unicode are right", async () => {
      const ids = [
        "o'neil",
        'say "hi"',
        "a:b:c",
        "{tag}x",
        " space ",
        "new\nline",
        "back\\slash",
        "naïve-日本-🎉",
        "%s ?1 $1",
        "",
        "; --",
      ];
      for (const id of ids) await redis.hset(`odd:${id}`, { text: id, age: 1 });
      await lab.caughtUp();
      for (const id of ids) assert.equal((await rowOf(id))?.["text"], id, JSON.stringify(id));
      for (const id of ids) await redis.del(`odd:${id}`);
      await lab.caughtUp();
      for (const id of ids) assert.equal(await rowOf(id), undefined, JSON.stringify(id));
    });

    await t.test("empty strings, unicode, SQL and 1 MB values are right", async () => {
      assert.equal((await ask({ text: "" }, "empty"))?.["text"], "");
      const words = "Zoë 日本 🎉 \u0001 \\ ' \" `; DROP TABLE persons; -- \n\r\t %s ? $1 :x";
      assert.equal((await ask({ text: words }, "words"))?.["text"], words);
      const large = "0123456789abcdef".repeat(1 << 16);
      assert.equal((await ask({ text: large }, "large"))?.["text"], large);
    });

    await t.test("binary values reach a binary column byte for byte", async () => {
      const bytes = Buffer.from(Array.from({ length: 512 }, (_, i) => i & 255));
      const found = (await ask({ data: bytes }, "bytes"))?.["data"];
      assert.deepEqual(Buffer.from(found as Buffer), bytes);
    });

    await t.test(
      "what a column cannot hold becomes a dead letter that says why, beside rows that are written",
      async () => {
        const bad: Record<string, [Record<string, string | Buffer>, RegExp]> = {
          "no-number": [{ age: "old" }, /age.*old/s],
          fraction: [{ age: "1.5" }, /1\.5/],
          "too-great": [{ age: "99999999999" }, kind === "sqlite" ? /CHECK/ : /99999999999/],
          constraint: [{ age: "200" }, /check|constraint/i],
          "too-long": [{ short: "longer" }, kind === "sqlite" ? /./ : /short.*5|5.*short/s],
          "no-text": [{ text: Buffer.from([0xff, 0xfe, 0x80]) }, /UTF-8/i],
        };
        if (kind === "sqlite") delete bad["too-long"]; // It would take it, and so do we.
        await lab.ok("pause", "Odd");
        for (const [id, [fields]] of Object.entries(bad)) {
          await redis.hset(`odd:good-${id}`, { text: "good", age: 1 });
          await redis.hset(`odd:${id}`, fields);
        }
        await lab.ok("resume", "Odd");
        await lab.caughtUp();
        for (const [id, [, why]] of Object.entries(bad)) {
          assert.equal((await rowOf(`good-${id}`))?.["text"], "good");
          assert.equal(await rowOf(id), undefined, id);
          const letter = await letterOf(`odd:${id}`);
          assert.match(String(letter?.["error"]), why, id);
          assert.match(String(letter?.["time"]), /^\d{4}-/);
        }
        assert.equal((await lab.listed("Odd"))["deadLetters"], Object.keys(bad).length);

        const missed = await lab.cli("dlq", "retry", "Odd", "odd:good-fraction");
        assert.deepEqual([missed.code, /no dead letter of that key/.test(missed.stderr)], [1, true]);
        for (const id of Object.keys(bad)) await redis.hset(`odd:${id}`, { text: "healed", age: 2, short: "ok" });
        await lab.caughtUp();
        for (const id of Object.keys(bad)) assert.equal((await rowOf(id))?.["text"], "healed");
        await waitFor(async () => (await lab.letters("Odd")).length === 0, { what: "the letters to be healed" });
      },
    );

    await t.test("NULL in a column that refuses it is a dead letter, beside rows of the same batch", async () => {
      await lab.db.query("CREATE TABLE strict (id VARCHAR(20) PRIMARY KEY, name VARCHAR(20) NOT NULL, age INT)");
      const strict = { prefix: "strict", table: "strict", mappings: { name: "name", age: "age" } };
      await lab.deploy({ ...strict, name: "Strict", more: "partitions: 1," });
      await runner.is("running", "Strict");
      await lab.ok("pause", "Strict");
      for (const id of ["1", "2", "3"]) await redis.hset(`strict:${id}`, { name: `Name ${id}`, age: id });
      await redis.hset("strict:nameless", { age: 4 });
      for (const id of ["5", "6"]) await redis.hset(`strict:${id}`, { name: `Name ${id}`, age: id });
      await waitFor(async () => (await lab.status("Strict"))?.buffered === 6, { what: "all to be in one batch" });
      await lab.ok("resume", "Strict");
      await lab.caughtUp();
      assert.deepEqual(
        [...(await readTable(lab.db, strict))].toSorted(),
        ["1", "2", "3", "5", "6"].map((id) => [id, JSON.stringify([`Name ${id}`, id])]),
      );
      const letters = await lab.letters("Strict");
      assert.deepEqual(
        letters.map(({ key }) => key),
        ["strict:nameless"],
      );
      assert.match(String(letters[0]?.["error"]), /name/);
      await redis.hset("strict:nameless", "name", "Name 4");
      await lab.caughtUp();
      assert.equal((await readTable(lab.db, strict)).get("nameless"), '["Name 4","4"]');
      await waitFor(async () => (await lab.letters("Strict")).length === 0, { what: "the letter to be healed" });
      await lab.ok("undeploy", "Strict");
    });

    await t.test("a key of another type is a dead letter, until it is a hash or gone", async () => {
      await redis.hset("odd:type", "text", "a hash");
      await lab.caughtUp();
      await redis.set("odd:type", "a string");
      await redis.lpush("odd:list", "a");
      await lab.caughtUp();
      for (const key of ["odd:type", "odd:list"]) {
        assert.match(String((await letterOf(key))?.["error"]), /does not hold a hash/);
      }
      await redis.del("odd:type", "odd:list");
      await redis.hset("odd:type", "text", "again");
      await lab.caughtUp();
      assert.equal((await rowOf("type"))?.["text"], "again");
      await waitFor(async () => (await lab.letters("Odd")).length === 0, { what: "the letters to be healed" });
    });
    await runner.stop();
  });
}

test("a key whose id does not fit a composite primary key is a dead letter; others are right", async () => {
  const lab = await startLab({
    schema: "CREATE TABLE order_lines (customer INT, line INT, text VARCHAR(20), PRIMARY KEY (customer, line))",
  });
  after(() => lab.stop());
  await lab.deploy({
    prefix: "order",
    table: "order_lines",
    primaryKey: ["customer", "line"],
    mappings: { text: "text" },
  });
  await lab.running();
  for (const id of ["1:1", "1:2", "1", "1:2:3", "x:1", ""]) await lab.client.hset(`order:${id}`, "text", id);
  await lab.caughtUp();
  const rows = await lab.db.query("SELECT CONCAT(customer, ':', line) AS id, text FROM order_lines ORDER BY id");
  assert.deepEqual(
    rows.map(({ id, text }) => [id, text]),
    [
      ["1:1", "1:1"],
      ["1:2", "1:2"],
    ],
  );
  const letters = await lab.letters();
  assert.deepEqual(letters.map(({ key }) => key).sort(), ["order:", "order:1", "order:1:2:3", "order:x:1"]);
  assert.match(String(letters.find(({ key }) => key === "order:1")?.["error"]), /1 parts?.*primary key.*has 2/);
  await lab.client.del("order:1:1");
  await lab.caughtUp();
  assert.equal((await lab.db.query("SELECT * FROM order_lines")).length, 1);
});

test("dead letters are listed, tried again and dropped from the command line", async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy();
  const runner = await lab.running();
  const long = "x".repeat(150);
  for (const id of ["1", "2", "3"]) await lab.client.hset(`person:${id}`, { first_name: long, age: id });
  await lab.caughtUp();
  assert.equal((await lab.letters()).length, 3);
  assert.match(await lab.ok("dlq", "list", "Persons"), /person:2/);

  // Letters outlive their runner.
  await runner.kill();
  await lab.running();
  await waitFor(async () => (await lab.status())?.deadLetters === 3);

  // The table is mended, and one of the letters is tried again.
  await lab.db.query("ALTER TABLE persons MODIFY first VARCHAR(200)");
  await lab.ok("dlq", "retry", "Persons", "person:1");
  await waitFor(async () => (await readTable(lab.db)).size === 1);
  await waitFor(async () => (await lab.letters()).length === 2);

  // A restart may have written a letter anew: their order is not that of the keys.
  const second = (await lab.letters()).find(({ key }) => key === "person:2");
  await lab.ok("dlq", "drop", "Persons", "--id", String(second?.["id"]));
  assert.deepEqual(
    (await lab.letters()).map(({ key }) => key),
    ["person:3"],
  );

  await lab.ok("dlq", "retry", "Persons", "--all");
  await waitFor(async () => (await lab.letters()).length === 0);
  assert.deepEqual([...(await readTable(lab.db)).keys()].sort(), ["1", "3"]);

  // A deleted key needs no letter any more.
  await lab.client.hset("person:9", "age", "bad");
  await lab.caughtUp();
  assert.equal((await lab.letters()).length, 1);
  await lab.client.del("person:9");
  await lab.caughtUp();
  await waitFor(async () => (await lab.letters()).length === 0, { what: "the letter of a deleted key to go" });
});

test('onError: "halt" stops at a bad row, loses nothing, and goes on when it is mended', async () => {
  const lab = await startLab();
  after(() => lab.stop());
  await lab.deploy({ more: 'onError: "halt",' });
  const runner = lab.startRunner();
  await runner.is("running");
  await lab.client.hset("person:1", { first_name: "Ann", age: "bad" });
  const { reason } = await runner.is("halted");
  assert.match(String(reason), /person:1/);
  assert.match(String((await lab.listed())["reason"]), /person:1/);
  await lab.client.hset("person:2", "age", 2);
  await lab.client.hset("person:1", "age", 1);
  assert.equal(await lab.compare(), 2);
  await runner.is("running");
});
