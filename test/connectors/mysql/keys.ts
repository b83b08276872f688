/** Ids that a key column cannot hold as they are: refused when written, and harmless when deleted. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { mysql } from "../../../src/connectors/mysql.js";
import { RefusedValueError } from "../../../src/errors.js";
import type { Row } from "../../../src/model.js";
import type { Item } from "../../../src/pipeline/rows.js";
import { Writer } from "../../../src/pipeline/write.js";
import { checkpoint, NEVER } from "../../contract/harness.js";
import type { MariadbServer } from "../../support/mariadb.js";
import { openTable, refused, type Table } from "./table.js";

export function keys(server: () => MariadbServer): void {
  const ids = async (table: string) =>
    (await server().query(`SELECT id FROM ${table} ORDER BY id`)).map(({ id }) => id);
  const open = (t: TestContext, name: string, key: string) =>
    openTable(server(), t, name, ["v"], `CREATE TABLE ${name} (id ${key} PRIMARY KEY, v INT)`);

  for (const [charset, foreign] of [
    ["latin1", "Ж"],
    ["utf8mb3", "😀"],
    ["cp1251", "日"],
  ] as const) {
    test(`a key beyond ${charset} is refused, and its deletion holds nothing up`, async (t) => {
      const name = `beyond_${charset}`;
      const table = await open(t, name, `VARCHAR(20) CHARACTER SET ${charset}`);
      for (const id of ["?", "a", "b", "c"]) await table.set(id, "1");
      await refused(table, table.set(foreign, "1"));
      await table.remove(foreign);
      assert.deepEqual(await ids(name), ["?", "a", "b", "c"]);
      assert.deepEqual(await deleteAll(table, ["a", foreign, "b"]), []);
      assert.deepEqual(await ids(name), ["?", "c"]);
    });
  }

  test("a key beyond the charset of one of its columns is refused where only some columns are known", async (t) => {
    const create = "CREATE TABLE partly (id VARCHAR(20) CHARACTER SET latin1 PRIMARY KEY, v INT, must INT NOT NULL)";
    const table = await openTable(server(), t, "partly", ["v"], create);
    await refused(table, table.set("Ж", "1"));
  });

  test("a trigger that mixes collations is no reason to leave the row", async (t) => {
    const table = await open(t, "triggered", "VARCHAR(20) CHARACTER SET latin1");
    await table.set("a", "1");
    await server().query(
      "CREATE TRIGGER mixing BEFORE DELETE ON triggered FOR EACH ROW SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1267",
    );
    await refused(table, table.remove("a"));
    assert.deepEqual(await ids("triggered"), ["a"]);
  });

  for (const [name, key] of [
    ["padded", "VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"],
    ["padded_ci", "VARCHAR(20) CHARACTER SET latin1"],
    ["padded_char", "CHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"],
    ["padded_enum", "ENUM('ada', 'alan', 'grace')"],
  ] as const) {
    test(`${name}: an id with a blank at its end is neither written nor deleted as the one without`, async (t) => {
      const table = await open(t, name, key);
      await table.set("ada", "1");
      await refused(table, table.set("ada ", "2"), /"ada ".* for "ada".*collation/);
      await table.remove("ada ", "ada  ");
      await table.set("alan", "3");
      assert.deepEqual(await server().query(`SELECT * FROM ${name} ORDER BY id`), [
        { id: "ada", v: 1 },
        { id: "alan", v: 3 },
      ]);
      await table.remove("ada ", "alan", "grace");
      assert.deepEqual(await ids(name), ["ada"]);
    });
  }

  test("a partial write of an id with a blank at its end does not reach the one without", async (t) => {
    const create =
      "CREATE TABLE padded_partly (id VARCHAR(20) COLLATE utf8mb4_bin PRIMARY KEY, v INT, must INT NOT NULL)";
    const table = await openTable(server(), t, "padded_partly", ["v"], create);
    await server().query("INSERT INTO padded_partly VALUES ('ada', 1, 1)");
    await refused(table, table.set("ada ", "2"));
    assert.deepEqual(await server().query("SELECT v FROM padded_partly"), [{ v: 1 }]);
  });

  test("each part of a composite key counts", async (t) => {
    const text = "VARCHAR(20) COLLATE utf8mb4_bin";
    await server().query(`CREATE TABLE padded_two (a ${text}, b ${text}, PRIMARY KEY (a, b))`);
    const sink = mysql(server().url)
      .table("padded_two", { primaryKey: ["a", "b"] })
      .sink({ recipe: "padded_two", columns: [] });
    t.after(() => sink.close());
    await sink.open(NEVER);
    let token: string | undefined;
    const write = async (upserts: readonly string[][], deletes: readonly string[][]) => {
      const rows = (all: readonly string[][]): Row[] => all.map((id) => ({ id, values: [], offset: 1 }));
      const next = `${Math.random()}`;
      const move = { partition: 0, from: token, to: checkpoint(0, next) };
      await sink.write({ upserts: [{ columns: [], rows: rows(upserts) }], deletes: rows(deletes) }, [move], NEVER);
      token = next;
    };
    await write(
      [
        ["x", "y"],
        ["x", "z"],
      ],
      [],
    );
    for (const id of [
      ["x ", "y"],
      ["x", "y "],
    ]) {
      await assert.rejects(write([id], []), RefusedValueError);
      await write([], [id, ["x", "nobody"]]);
    }
    await write(
      [],
      [
        ["x ", "y"],
        ["x", "z"],
      ],
    );
    assert.deepEqual(await server().query("SELECT * FROM padded_two"), [{ a: "x", b: "y" }]);
  });

  test("a row that another writer has put there with its blank can be deleted", async (t) => {
    const table = await open(t, "with_blank", "VARCHAR(20) COLLATE utf8mb4_bin");
    await server().query("INSERT INTO with_blank VALUES ('ada ', 1), ('alan', 1)");
    await table.remove("ada ");
    assert.deepEqual(await ids("with_blank"), ["alan"]);
  });

  test("where the collation does not pad, a blank at the end is a character like any other", async (t) => {
    const [{ nopad }] = (await server().query(
      "SELECT MIN(collation_name) AS nopad FROM information_schema.collations " +
        "WHERE collation_name IN ('utf8mb4_nopad_bin', 'utf8mb4_0900_bin')",
    )) as [{ nopad: string }];
    const table = await open(t, "unpadded", `VARCHAR(20) COLLATE ${nopad}`);
    await table.write([table.row("ada", "1"), table.row("ada ", "2")]);
    assert.deepEqual(await ids("unpadded"), ["ada", "ada "]);
    await table.remove("ada ");
    assert.deepEqual(await ids("unpadded"), ["ada"]);
    const bytes = await open(t, "unpadded_bytes", "VARBINARY(20)");
    await bytes.write([bytes.row("ada", "1"), bytes.row("ada ", "2")]);
    await bytes.remove("ada ");
    assert.deepEqual(await ids("unpadded_bytes"), [Buffer.from("ada")]);
  });

  test("a BINARY column holds only its own number of bytes", async (t) => {
    const table = await open(t, "fixed", "BINARY(4)");
    await table.set("abcd", "1");
    await refused(table, table.set("ab", "1"), /4 bytes.*VARBINARY/);
    await table.remove("ab", "abcd");
    assert.deepEqual(await ids("fixed"), []);
  });
}

/** Deletes them as a recipe does, whose batch is taken apart where a row is refused; returns what became a dead letter. */
async function deleteAll(table: Table, ids: readonly string[]): Promise<string[]> {
  const letters: string[] = [];
  const { checkpoints } = await table.sink.open(NEVER);
  const writer = new Writer({
    sink: table.sink,
    checkpoint: checkpoints[0]!,
    refuse: async ({ row }, error) => void letters.push(`${String(row.id[0])}: ${error}`),
    onTrouble: (reason) => reason !== undefined && assert.fail(reason),
    onOpened: () => undefined,
  });
  const items = ids.map((id) => ({ kind: "delete", row: table.row(id) }) as Item);
  await writer.write(items, checkpoint(0, "deleted"), NEVER);
  return letters;
}
