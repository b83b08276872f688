/** SQL Server from the command line: the recipe that comes with wbsync, and projects that `wbsync init` makes. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { typeErrors } from "../../src/recipe/type-check.js";
import { openShop, RECIPES, rowsBecome, type Shop, statementsOf } from "../recipes/shop.js";
import { MAPPING_OF_EVERY_TYPE } from "../support/every-type.js";
import { missingForH2, startH2, type H2Server } from "../support/h2.js";
import { backendOnH2, imitateCatalog, translate } from "../support/h2/mssql.js";
import { startTds, type TdsServer } from "../support/tds/server.js";

describe("SQL Server over TDS, on H2", { skip: await missingForH2() }, () => {
  let server: H2Server;
  let tds: TdsServer;
  let shop: Shop;
  let url: string;

  before(async () => {
    server = await startH2("MSSQLServer");
    await imitateCatalog(server);
    tds = await startTds(backendOnH2(server), { user: "app", password: "se-cret" });
    url = `mssql://app:se-cret@127.0.0.1:${tds.port}/shop?encrypt=false`;
    shop = await openShop({ MSSQL_URL: url });
  });
  after(async () => {
    await shop?.stop();
    await tds?.down();
    await server?.stop();
  });

  async function run(sql: string) {
    const connection = await server.connect();
    const { rows = [] } = await connection.execute(translate(sql, new Map()).sql);
    await connection.commit();
    connection.destroy();
    return rows;
  }

  const made = (name: string) => readFileSync(join(shop.dir, name), "utf8");

  test("the recipe carries hashes to rows, and deletes them", async () => {
    for (const statement of statementsOf(readFileSync(join(RECIPES, "mssql.sql"), "utf8"))) await run(statement);
    await shop.deploy(join(RECIPES, "mssql.ts"));
    const rows = async () =>
      (await run("SELECT [number], [total], [paid], [sent] FROM [invoices] ORDER BY 1")).map((row) => ({ ...row }));
    const sent = "2024-02-01T08:30:00+01:00";
    await shop.client.hset("invoice:A1", { customer: "Ada", total: "1234.50", due: "2024-02-29", sent });
    await shop.client.hset("invoice:a1", { customer: "Alan", paid: "yes" });
    const alan = { ...["a1", null, "TRUE", null] };
    await rowsBecome(rows, [{ ...["A1", "1234.50", "FALSE", "2024-02-01 07:30:00+00"] }, alan]);
    await shop.client.del("invoice:A1");
    await rowsBecome(rows, [alan]);
  });

  test("init --from reads the tables, and what it writes needs no editing", async () => {
    await run(
      "CREATE TABLE [persons] ([id] int NOT NULL, [first] nvarchar(40), [born] date, CONSTRAINT [PK_persons] PRIMARY KEY ([id]))",
    );
    await shop.client.hset("person:1", { first_name: "Ada", born: "1815-12-10" });
    const { code, stderr } = await shop.wbsync("init", "made", "--from", url, "--table", "persons");
    assert.equal(code, 0, stderr);
    const recipe = made("made/recipe.ts");
    for (const text of [recipe, stderr, made("made/README.md")]) assert.ok(!text.includes("se-cret"));
    assert.match(made("made/.env"), /^MSSQL_PASSWORD=se-cret$/m);
    assert.match(recipe, /import \{ configGet, mssql, writeBehind \} from "wbsync"/);
    assert.match(recipe, new RegExp(`server: "127.0.0.1",\n  port: ${tds.port},`));
    assert.match(recipe, /encrypt: false,/);
    assert.match(recipe, /first_name: "first",[^\n]*\n\s+born: "born",/);
    assert.deepEqual(await typeErrors(join(shop.dir, "made/recipe.ts")), []);
  });

  test("schema.sql of a new project is accepted, whatever the types", async () => {
    const flags = [
      "--template",
      "mssql",
      "--table",
      "select",
      "--primary-key",
      "a:integer, b",
      "--mapping",
      MAPPING_OF_EVERY_TYPE,
    ];
    const { code, stderr } = await shop.wbsync("init", "new", "--yes", ...flags);
    assert.equal(code, 0, stderr);
    await run(made("new/schema.sql").replace(/;\s*$/, ""));
    assert.deepEqual(await run("SELECT COUNT(*) FROM [select]"), [["0"]]);
  });
});
