/** Whatever command changes a hash, the row ends equal to it; the test files say on which Redis. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Redis } from "ioredis";
import { type Lab, type LabRunner, startLab } from "../support/lab.js";
import { compareTable, readTable } from "../support/lab-tables.js";
import { waitFor } from "../support/wait.js";

let lab: Lab;
let redis: Redis;
let runner: LabRunner;

/** Starts this redis-server, or the machine's own, and a runner. */
export async function startCommandsLab(command?: string): Promise<void> {
  lab = await startLab(command === undefined ? {} : { redis: { command } });
  redis = lab.client;
  await lab.deploy();
  runner = await lab.running();
}

export const stopCommandsLab = (): Promise<void> => lab.stop();

const ANN = { first_name: "Ann", last_name: "Lee", age: "30", v: "1" };
const row = async (id: string): Promise<string | undefined> => (await readTable(lab.db)).get(id);

/** Each gets a hash person:<id> that is in the table, and changes it. */
const CASES: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  "HSET of one field": (key) => redis.hset(key, "age", 31),
  "HSET of a field that is not mapped": (key) => redis.hset(key, "shoe", 40),
  HMSET: (key) => redis.hmset(key, { first_name: "Bea", age: 5 }),
  "HSETNX of a new field": (key) => redis.multi().hdel(key, "age").hsetnx(key, "age", 9).exec(),
  "HSETNX of an old field": (key) => redis.hsetnx(key, "age", 99),
  HINCRBY: (key) => redis.hincrby(key, "age", 12),
  HINCRBYFLOAT: (key) => redis.hincrbyfloat(key, "age", 2.0),
  "HDEL of one field": (key) => redis.hdel(key, "last_name"),
  "HDEL of every field": (key) => redis.hdel(key, ...Object.keys(ANN)),
  "HDEL of every mapped field, with another left": (key) =>
    redis
      .multi()
      .hset(key, "shoe", 40)
      .hdel(key, ...Object.keys(ANN))
      .exec(),
  "HDEL of the last field, one after the other": async (key) => {
    for (const field of Object.keys(ANN)) await redis.hdel(key, field);
  },
  DEL: (key) => redis.del(key),
  UNLINK: (key) => redis.unlink(key),
  "DEL and HSET of some fields": (key) => redis.multi().del(key).hset(key, "age", 1).exec(),
  RENAME: (key) => redis.rename(key, `${key}:new`),
  "RENAME over another hash": async (key) => {
    await redis.hset(`${key}:old`, { first_name: "Old", age: 70 });
    await redis.rename(key, `${key}:old`);
  },
  "RENAMENX that is refused": async (key) => {
    await redis.hset(`${key}:there`, { first_name: "There" });
    await redis.renamenx(key, `${key}:there`);
  },
  "RENAME away from the prefix": (key) => redis.rename(key, `elsewhere:${key}`),
  "RENAME into the prefix": async (key) => {
    await redis.hset(`elsewhere2:${key}`, { first_name: "Moved" });
    await redis.rename(`elsewhere2:${key}`, `${key}:in`);
  },
  COPY: (key) => redis.copy(key, `${key}:copy`),
  "COPY … REPLACE": async (key) => {
    await redis.hset(`${key}:copy2`, { last_name: "Before" });
    await redis.copy(key, `${key}:copy2`, "REPLACE");
  },
  RESTORE: async (key) => {
    const dump = await redis.dumpBuffer(key);
    await redis.hset(key, "age", 99);
    await redis.restore(key, 0, dump, "REPLACE");
    await redis.restore(`${key}:restored`, 0, dump);
  },
  "EXPIRE and PERSIST": async (key) => {
    await redis.expire(key, 1000);
    await redis.hset(key, "age", 44);
    await redis.persist(key);
  },
  "EXPIRE that has passed, which is a DEL": (key) => redis.expire(key, -1),
  "MULTI and EXEC": (key) =>
    redis.multi().hset(key, "age", 1).hincrby(key, "age", 5).hdel(key, "first_name").hset(`${key}:2`, "v", 7).exec(),
  "MULTI and DISCARD": async (key) => {
    await redis.multi({ pipeline: false });
    await redis.hset(key, "age", 66);
    await redis.discard();
  },
  "a Lua script": (key) =>
    redis.eval(
      `redis.call("HSET", KEYS[1], "age", ARGV[1]); redis.call("HDEL", KEYS[1], "v")
       redis.call("HSET", KEYS[1] .. ":lua", "first_name", "Lua")`,
      1,
      key,
      "61",
    ),
  "a function": async (key) => {
    const code = `#!lua name=lab
      redis.register_function("older", function(keys) return redis.call("HINCRBY", keys[1], "age", 1) end)`;
    await redis.call("FUNCTION", "LOAD", "REPLACE", code);
    await redis.call("FCALL", "older", 1, key);
  },
  "SET over the hash, DEL, and a hash again": async (key) => {
    await redis.set(key, "text");
    await redis.del(key);
    await redis.hset(key, ANN);
  },
  "SINTERSTORE of nothing": (key) => redis.sinterstore(key, "nope", "nope"),
  "ZRANGESTORE of nothing": (key) => redis.zrangestore(key, "nope", 0, -1),
  "SORT … STORE of nothing": (key) => redis.call("SORT", "nope", "STORE", key),
  "BITOP of nothing": (key) => redis.bitop("NOT", key, "nope"),
  "a set in its place, that is emptied": async (key) => {
    await redis.sadd("some", 1, 2);
    await redis.sunionstore(key, "some");
    await redis.spop(key, 2);
  },
  "SINTERSTORE of nothing, and a hash again": async (key) => {
    await redis.sinterstore(key, "nope", "nope");
    await redis.hset(key, "v", 3);
  },
  "the same key in another database": async (key) => {
    const other = lab.redis.client({ db: 3 });
    await other.hset(key, "age", 77);
    await other.del(key);
    await other.hset(`${key}:other`, "age", 77);
  },
  "COPY to another database, and back": async (key) => {
    await redis.call("COPY", key, `${key}:x`, "DB", "4");
    const other = lab.redis.client({ db: 4 });
    await other.hset(`${key}:x`, "age", 50);
    await other.call("COPY", `${key}:x`, `${key}:back`, "DB", "0");
    await redis.hset(key, "v", 2);
  },
  "MOVE to another database": (key) => redis.move(key, 5),
  "MOVE from another database": async (key) => {
    const other = lab.redis.client({ db: 6 });
    await other.hset(`${key}:moved`, "first_name", "Moved");
    await other.move(`${key}:moved`, 0);
  },
  "SELECT in the middle of a connection": async (key) => {
    const client = lab.redis.client();
    await client
      .pipeline()
      .select(7)
      .hset(key, "age", 8)
      .select(0)
      .hset(key, "age", 9)
      .select(7)
      .hset(key, "age", 10)
      .exec();
  },
};

/** What Redis 7.4 and 8 have beside: fields that expire, and commands that read and change at once. */
const NEWER: Readonly<Record<string, (key: string) => Promise<unknown>>> = {
  "HPEXPIRE of one field": async (key) => {
    await redis.call("HPEXPIRE", key, 30, "FIELDS", 1, "age");
    await waitFor(async () => (await redis.hexists(key, "age")) === 0);
  },
  "HPEXPIRE of every field, and with the last goes the row": async (key) => {
    await redis.call("HPEXPIRE", key, 30, "FIELDS", 4, ...Object.keys(ANN));
    await waitFor(async () => (await redis.exists(key)) === 0);
  },
  "HEXPIREAT that has passed": (key) => redis.call("HEXPIREAT", key, 1, "FIELDS", 1, "age"),
  "HPEXPIRE and HPERSIST": async (key) => {
    await redis.call("HPEXPIRE", key, 100_000, "FIELDS", 1, "age");
    await redis.call("HPERSIST", key, "FIELDS", 1, "age");
  },
  HSETEX: (key) => redis.call("HSETEX", key, "EX", 1000, "FIELDS", 2, "age", 41, "first_name", "Eve"),
  "HSETEX that expires": async (key) => {
    await redis.call("HSETEX", key, "PX", 30, "FIELDS", 1, "age", 41);
    await waitFor(async () => (await redis.hexists(key, "age")) === 0);
  },
  HGETDEL: (key) => redis.call("HGETDEL", key, "FIELDS", 1, "age"),
  "HGETDEL of every field": (key) => redis.call("HGETDEL", key, "FIELDS", 4, ...Object.keys(ANN)),
  "HGETEX with a time that has passed": (key) => redis.call("HGETEX", key, "PXAT", 1, "FIELDS", 1, "age"),
  "COPY and RENAME of a hash with a field that expires": async (key) => {
    await redis.call("HPEXPIRE", key, 60, "FIELDS", 1, "age");
    await redis.copy(key, `${key}:copied`);
    await redis.rename(key, `${key}:renamed`);
    await waitFor(async () => (await redis.hexists(`${key}:renamed`, "age")) === 0);
    await waitFor(async () => (await redis.hexists(`${key}:copied`, "age")) === 0);
  },
};

/** Declares the tests; `isNewer`: of a Redis in which fields expire. */
export function testCommands(isNewer: boolean): void {
  const cases = isNewer ? { ...CASES, ...NEWER } : CASES;

  test("every command that changes a hash leaves the row equal to the hash", async (t) => {
    let id = 0;
    for (const [name, change] of Object.entries(cases)) {
      await t.test(name, async () => {
        const key = `person:case${++id}`;
        await redis.hset(key, ANN);
        await lab.caughtUp();
        await change(key);
        await lab.compare();
      });
    }
    await t.test("all of them within one batch", async () => {
      await lab.ok("pause", "Persons");
      for (const change of Object.values(cases)) {
        await redis.hset(`person:case${++id}`, ANN);
        await change(`person:case${id}`);
      }
      await lab.ok("resume", "Persons");
      await lab.compare();
    });
  });

  test("a key that expires leaves its row as it was", async () => {
    await redis.hset("person:mortal", { first_name: "Ann", age: 1 });
    await redis.pexpire("person:mortal", 30);
    await waitFor(async () => (await redis.exists("person:mortal")) === 0);
    await lab.caughtUp();
    assert.equal(await row("mortal"), '["Ann",null,"1",null]');
    await redis.hset("person:mortal", "age", 2);
    await lab.caughtUp();
    assert.equal(await row("mortal"), '[null,null,"2",null]', "born again: the row is the new hash");
  });

  test("SWAPDB brings the other database's hashes into the table", async () => {
    await redis.flushdb();
    await lab.db.query("DELETE FROM persons");
    const other = lab.redis.client({ db: 9 });
    for (let i = 0; i < 50; i++) await other.hset(`person:swap${i}`, { first_name: "Swapped", age: i });
    await redis.swapdb(0, 9);
    await waitFor(async () => (await compareTable(redis, lab.db)) === 50);
  });

  test("SWAPDB counts also for what waited to be written", async () => {
    const other = lab.redis.client({ db: 9 });
    await other.flushdb();
    await other.hset("person:both", { first_name: "Other", last_name: "Hash", age: 2, v: 2 });
    // SWAPDB swaps the registry away as well, until the runner puts it back.
    const tell = (verb: string) => waitFor(async () => (await lab.cli(verb, "Persons")).code === 0, { what: verb });
    await tell("pause");
    await redis.hset("person:both", { first_name: "This", last_name: "Hash", age: 1, v: 1 });
    await redis.swapdb(0, 9);
    await tell("resume");
    await lab.caughtUp();
    assert.equal(await row("both"), '["Other","Hash","2","2"]');
  });

  test("FLUSHALL deletes no row, and says so", async () => {
    await redis.hset("person:kept", { first_name: "Ann", age: 1 });
    await lab.caughtUp();
    const before = await readTable(lab.db);
    await redis.flushall();
    await redis.hset("person:after", "age", 5);
    await lab.caughtUp();
    assert.equal(await row("after"), '[null,null,"5",null]');
    const now = await readTable(lab.db);
    for (const [id, text] of before) assert.equal(now.get(id), text);
    assert.match(runner.stderr(), /FLUSHALL/);
  });
}
