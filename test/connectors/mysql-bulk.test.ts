import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { mysql } from "../../src/connectors/mysql.js";
import { encodeExecute } from "../../src/connectors/mysql/execute-packet.js";
import type { Checkpoint } from "../../src/model.js";
import { type MariadbServer, startMariadb } from "../support/mariadb.js";

let server: MariadbServer;
before(async () => {
  server = await startMariadb();
});
after(() => server.stop());

const CHECKPOINT: Checkpoint = {
  ...{ partition: 0, token: "t1", replid: "r", low: 1, db: 0, high: 1 },
  ...{ snapshot: "done", version: "1.0.0" },
};

test("texts and bytes of every length that the protocol tells in its own way arrive whole, beside NULLs", async () => {
  await server.query("CREATE TABLE lengths (id INT PRIMARY KEY, t LONGTEXT, b LONGBLOB)");
  const sizes = [0, 1, 63, 64, 65, 127, 128, 250, 251, 252, 65_535, 65_536, 70_000, 1 << 20];
  // The letters have one, two, three and four bytes in UTF-8.
  const texts = ["x", "ß", "€", "😀"].flatMap((letter) => sizes.map((size) => letter.repeat(size)));
  const rows = texts.map((text, i) => {
    const bytes = i % 7 === 0 ? null : Buffer.alloc(sizes[i % sizes.length] as number, i);
    return { id: [String(i)], values: [i % 5 === 0 ? null : text, bytes], offset: 1 };
  });
  const signal = new AbortController().signal;
  const sink = mysql(server.url)
    .table("lengths", { primaryKey: "id" })
    .sink({ recipe: "r", columns: ["t", "b"] });
  await sink.open(signal);
  const move = { partition: 0, from: undefined, to: CHECKPOINT };
  await sink.write({ upserts: [{ columns: ["t", "b"], rows }], deletes: [] }, [move], signal);
  await sink.close();
  const stored = await server.query("SELECT t, b FROM lengths ORDER BY id");
  assert.deepEqual(
    stored.map(({ t, b }) => [t, b]),
    rows.map(({ values }) => values),
  );
});

test("a packet is what the protocol says, byte for byte", () => {
  const buffer = Buffer.alloc(100);
  const end = encodeExecute(buffer, 7, ["ab", null, Buffer.of(1, 2, 3)]);
  const expected = [0x17, 7, 0, 0, 0, 0, 1, 0, 0, 0, 0b010, 1, 0xfd, 0, 0x06, 0, 0xfc, 0, 2, 97, 98, 3, 1, 2, 3];
  assert.deepEqual([...buffer.subarray(4, end)], expected);
});
