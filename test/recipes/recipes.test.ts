import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { type MariadbServer, startMariadb } from "../support/mariadb.js";
import { type PostgresServer, startPostgres } from "../support/postgres.js";
import { tempDir } from "../support/process.js";
import { openShop, postgresQuery, RECIPES, rowsBecome, type Shop } from "./shop.js";
import { sqliteCreate, sqliteQuery, statementsOf } from "./shop.js";

const schema = (name: string) => readFileSync(join(RECIPES, `${name}.sql`), "utf8");
const statements = (name: string) => statementsOf(schema(name));
/** For servers that are not in every distribution: test/connectors runs these. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "cassandra.ts",
  "mongodb.ts",
  "mssql.ts",
  "oracle.ts",
  "redis.ts",
  "snowflake.ts",
]);
/** They know no tables. */
const WITHOUT_SCHEMA: ReadonlySet<string> = new Set(["mongodb.ts", "redis.ts"]);

describe("the recipes that come with wbsync", () => {
  let mariadb: MariadbServer;
  let postgres: PostgresServer;
  let shop: Shop;
  let shopUrl = "";
  const data = tempDir("wbsync-recipes-data");
  const file = (name: string) => join(data, `${name}.sqlite`);

  before(async () => {
    [mariadb, postgres] = await Promise.all([startMariadb(), startPostgres()]);
    for (const name of ["mysql", "write-through"]) {
      for (const statement of statements(name)) await mariadb.query(statement);
    }
    await postgres.query("CREATE DATABASE shop");
    shopUrl = postgres.url.replace(/test$/, "shop");
    for (const name of ["persons", "order-lines", "several"]) sqliteCreate(file(name), schema(name));
    shop = await openShop({
      PERSONS_DB: file("persons"),
      ORDERS_DB: file("order-lines"),
      CARS_DB: file("several"),
      MYSQL_URL: mariadb.url,
      POSTGRES_URL: shopUrl,
      ShopDbHost: postgres.host,
      ShopDbPort: String(postgres.port),
      ShopDbUser: postgres.user,
      WBSYNC_SECRET_KEY: Buffer.alloc(32, 7).toString("base64"),
    });
  });

  after(async () => {
    await shop?.stop();
    await Promise.all([mariadb?.stop(), postgres?.stop()]);
  });

  const deploy = (name: string) => shop.deploy(join(RECIPES, `${name}.ts`));
  const inShop = async (sql: string) => await postgresQuery(shopUrl, sql);

  test("persons: a hash becomes a row, and its deletion deletes it", async () => {
    await deploy("persons");
    const rows = () => sqliteQuery(file("persons"), "SELECT id, first, last, age FROM persons ORDER BY id");
    await shop.client.hset("person:1", { first_name: "Ada", last_name: "Lovelace", age: "36" });
    await shop.client.hset("person:2", { first_name: "Grace" });
    const grace = { id: "2", first: "Grace", last: null, age: null };
    await rowsBecome(rows, [{ id: "1", first: "Ada", last: "Lovelace", age: 36 }, grace]);
    await shop.client.hincrby("person:1", "age", 1);
    await rowsBecome(rows, [{ id: "1", first: "Ada", last: "Lovelace", age: 37 }, grace]);
    await shop.client.del("person:1");
    await rowsBecome(rows, [grace]);
  });

  test("mysql: types are converted, and a missing field becomes its default", async () => {
    await deploy("mysql");
    await shop.client.hset("customer:ada", {
      name: "Ada",
      email: "ada@example.org",
      since: "2024-02-29",
      balance: "12.5",
    });
    await shop.client.hset("customer:Ada", { name: "Another", active: "false" });
    const query = () => mariadb.query("SELECT id, name, since, balance, active FROM customers ORDER BY id");
    await rowsBecome(query, [
      { id: "Ada", name: "Another", since: null, balance: "0.00", active: 0 },
      { id: "ada", name: "Ada", since: "2024-02-29", balance: "12.50", active: 1 },
    ]);
  });

  test("postgres: a uuid, a document and a time with zone; a column that nobody maps keeps its default", async () => {
    for (const statement of statements("postgres")) await inShop(statement);
    await deploy("postgres");
    const id = "6b1bd5b6-3f3e-4b6c-9c0a-2f6f0c4e9d10";
    await shop.client.hset(`event:${id}`, { kind: "login", at: "2024-02-29T12:30:00Z", payload: '{"ip":"10.0.0.7"}' });
    const query = () =>
      inShop("SELECT id, kind, at, payload->>'ip' AS ip, received IS NOT NULL AS received FROM app.events");
    await rowsBecome(query, [{ id, kind: "login", at: "2024-02-29 12:30:00+00", ip: "10.0.0.7", received: "t" }]);
  });

  test("order-lines: a composite key, a computed column, and drafts that are skipped", async () => {
    await deploy("order-lines");
    await shop.client.hset("order:7:1", { article: "tea", quantity: "3", price: "4.20", tags: "green organic" });
    await shop.client.hset("order:7:2", { article: "cup", quantity: "1", price: "9.99", state: "draft" });
    await shop.client.hset("order:7:3", { article: "pot", quantity: "1", price: "30" });
    const rows = () => sqliteQuery(file("order-lines"), "SELECT * FROM order_lines ORDER BY line_no");
    const tea = { customer_id: 7, line_no: 1, article: "tea", quantity: 3, price: 4.2, total: 12.6 };
    const pot = { customer_id: 7, line_no: 3, article: "pot", quantity: 1, price: 30, total: 30, tags: null };
    await rowsBecome(rows, [{ ...tea, tags: '["green","organic"]' }, pot]);
  });

  test("write-through: the row first, the hash after; a refused row leaves the hash as it is", async () => {
    await deploy("write-through");
    const answer = async (id: string) => {
      const reply = await shop.client.xread("BLOCK", 10_000, "STREAMS", `{account:7}${id}`, "0-0");
      return reply?.[0]?.[1][0]?.[1] ?? [];
    };
    const balances = () => mariadb.query("SELECT id, owner, balance FROM accounts");
    await shop.client.hset("__{account:7}", { owner: "Ada", balance: "100.00", "#": "=one" });
    assert.deepEqual(await answer("one"), ["status", "done"]);
    assert.deepEqual(await balances(), [{ id: "7", owner: "Ada", balance: "100.00" }]);
    assert.deepEqual(await shop.client.hgetall("account:7"), { owner: "Ada", balance: "100.00" });

    await shop.client.hset("__{account:7}", { balance: "-1", "#": "=two" });
    const [, status, , error] = await answer("two");
    assert.equal(status, "failed");
    assert.match(error ?? "", /constraint/i);
    assert.deepEqual(await shop.client.hgetall("account:7"), { owner: "Ada", balance: "100.00" });
    assert.equal(await shop.client.exists("__{account:7}"), 0);

    await shop.client.hset("account:7", { balance: "55.00" });
    await rowsBecome(balances, [{ id: "7", owner: "Ada", balance: "55.00" }]);
  });

  test("secrets: a password that is set later lets a failing recipe go on", async () => {
    for (const statement of statements("secrets")) await inShop(statement);
    const refused = await shop.wbsync("deploy", join(RECIPES, "secrets.ts"), "--wait", "--no-check");
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /"ShopDbPassword" is set nowhere/);
    await shop.client.hset("product:tea-1", { title: "Tea", price: "4.20", stock: "12" });

    const password = join(data, "password");
    writeFileSync(password, postgres.password);
    const set = await shop.wbsync("config", "set", "ShopDbPassword", "--from-file", password);
    assert.equal(set.code, 0, set.stderr);
    const query = () => inShop("SELECT sku, title, price, stock FROM products");
    await rowsBecome(query, [{ sku: "tea-1", title: "Tea", price: "4.20", stock: "12" }]);
  });

  test("several: two recipes of one module carry one hash to two tables, each by its own policy", async () => {
    await deploy("several");
    const cars = () => sqliteQuery(file("several"), "SELECT * FROM cars");
    const mileage = () => sqliteQuery(file("several"), "SELECT * FROM mileage");
    await shop.client.hset("car:1", { make: "Citroen", color: "red", km: "1200" });
    await rowsBecome(cars, [{ id: "1", make: "Citroen", color: "red", km: 1200 }]);
    await rowsBecome(mileage, [{ car_id: "1", km: 1200 }]);
    await shop.client.del("car:1");
    await rowsBecome(cars, []);
    await rowsBecome(mileage, [{ car_id: "1", km: 1200 }]);
  });

  test("every recipe has a schema beside it, is in the README there, and runs", async () => {
    const names = readdirSync(RECIPES).filter((name) => name.endsWith(".ts"));
    const readme = readFileSync(join(RECIPES, "README.md"), "utf8");
    for (const name of names) {
      if (!WITHOUT_SCHEMA.has(name)) assert.ok(schema(name.slice(0, -3)).includes("CREATE TABLE"), name);
      assert.ok(readme.includes(`(${name})`), `recipes/README.md does not mention ${name}`);
    }
    const { stdout } = await shop.wbsync("list", "--json");
    const recipes = JSON.parse(stdout) as { name: string; state: string }[];
    assert.equal(recipes.length, names.filter((name) => !ELSEWHERE.has(name)).length + 2);
    for (const { name, state } of recipes) assert.equal(state, "running", name);
  });
});
