/** The scenes of the demo. Each does something real, waits until its effect is there, and throws where it is not. */
import { count, type Stage } from "./stage.js";
import type { World } from "./world.js";

export type Scene = (stage: Stage, world: World) => Promise<void>;

const RECIPE = "PersonsWriteBehind";
const PERSON = "SELECT id, first, last, age FROM persons WHERE id IN";

/** How long something took, in ms. */
async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

function check(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(`It was expected that ${what}. It is not so.`);
}

export const deploy: Scene = async (stage, world) => {
  stage.scene("Deploy a recipe: hashes person:<id> go to the table persons");
  stage.shell("wbsync deploy recipes/persons.ts");
  const ms = await timed(async () => stage.answer(await world.wbsync("deploy", "recipes/persons.ts")));
  stage.ok("types checked, bundled, registered in Redis", ms);
};

export const run: Scene = async (stage, world) => {
  stage.scene("Run it");
  stage.shell("wbsync run");
  const ms = await timed(async () => stage.answer(await world.startRunner()));
  stage.ok("the runner reads the replication stream: no module, no polling", ms);
};

export const insert: Scene = async (stage, world) => {
  const { redis } = world;
  stage.scene("Write hashes, with any client: rows arrive by themselves");
  stage.redis("HSET person:1 first_name Ada last_name Lovelace age 36", "HSET person:2 first_name Alan age 41");
  const ms = await timed(async () => {
    await redis.hset("person:1", { first_name: "Ada", last_name: "Lovelace", age: 36 });
    await redis.hset("person:2", { first_name: "Alan", age: 41 });
    await world.until("both rows arrive", () => world.query(`${PERSON} ('1', '2')`).length === 2);
  });
  stage.rows(world.query(`${PERSON} ('1', '2')`));
  stage.ok("both rows are there; a field that is missing is NULL", ms);
};

export const update: Scene = async (stage, world) => {
  stage.scene("Change them, with any command");
  stage.redis("HINCRBY person:1 age 1", "HSET person:2 last_name Turing");
  const ms = await timed(async () => {
    await world.redis.hincrby("person:1", "age", 1);
    await world.redis.hset("person:2", "last_name", "Turing");
    const changed = `${PERSON} ('1', '2') AND (age = 37 OR last = 'Turing')`;
    await world.until("both rows change", () => world.query(changed).length === 2);
  });
  stage.rows(world.query(`${PERSON} ('1', '2')`));
  stage.ok("both rows have changed", ms);
};

export const wait: Scene = async (stage, world) => {
  stage.scene("Wait until a write is in the database: WAIT, which every client knows");
  stage.redis("HSET person:1 last_name King", "WAIT 1 5000");
  let acknowledged = 0;
  let last: unknown;
  const ms = await timed(async () => {
    await world.redis.hset("person:1", "last_name", "King");
    acknowledged = await world.redis.wait(1, 5000);
    last = world.query(`${PERSON} ('1')`)[0]?.last;
  });
  stage.answer(`(integer) ${acknowledged}`);
  check(acknowledged === 1 && last === "King", "the row is committed when WAIT returns 1");
  stage.rows(world.query(`${PERSON} ('1')`));
  stage.ok("the row was committed before WAIT answered", ms);
};

export const many: Scene = async (stage, world) => {
  const total = 20_000;
  stage.scene(`Write ${count(total)} hashes`);
  stage.redis(`HSET person:1000 … HSET person:${1000 + total - 1} …`);
  let written = 0;
  const ms = await timed(async () => {
    written = await timed(async () => {
      for (let at = 0; at < total; at += 1000) {
        const pipeline = world.redis.pipeline();
        for (let i = at; i < at + 1000; i++) {
          pipeline.hset(`person:${1000 + i}`, { first_name: `First ${i}`, last_name: `Last ${i}`, age: i % 100 });
        }
        await pipeline.exec();
      }
    });
    check((await world.redis.wait(1, 30_000)) === 1, "all of them are committed within 30 s");
  });
  const [found] = world.query("SELECT COUNT(*) AS rows FROM persons WHERE CAST(id AS INTEGER) >= 1000");
  check(Number(found?.rows) === total, `${total} rows are there, not ${String(found?.rows)}`);
  stage.ok("Redis has taken them", written);
  stage.ok(`${count(total)} rows are committed`, ms);
};

export const crash: Scene = async (stage, world) => {
  const { redis } = world;
  stage.scene("kill -9 the runner in the middle of its work, write on, start it again");
  const write = async (from: number, to: number) => {
    const pipeline = redis.pipeline();
    for (let i = from; i < to; i++) {
      if (i % 10 === 0) pipeline.del(`person:${1000 + i}`);
      else pipeline.hset(`person:${1000 + i}`, "age", (i * 7) % 100);
    }
    await pipeline.exec();
  };
  stage.redis("HSET and DEL on 15,000 keys …");
  for (let at = 0; at < 5000; at += 500) await write(at, at + 500);
  stage.shell("kill -9 <runner>");
  await world.killRunner();
  await write(5000, 15_000);
  stage.note("… of which 10,000 after its death");
  stage.shell("wbsync run");
  const ms = await timed(async () => {
    await world.startRunner();
    await redis.hset("person:2", "age", 42);
    check((await redis.wait(1, 30_000)) === 1, "the runner catches up within 30 s");
  });
  stage.ok("started again, and caught up", ms);
  const compared = await compareAll(world);
  stage.ok(`${count(compared)} hashes and rows compared one by one: all equal, nothing missing, nothing left over`);
};

/** Throws where a hash and its row differ, or one of them is missing. Returns how many there are. */
async function compareAll(world: World): Promise<number> {
  const rows = new Map(world.query("SELECT * FROM persons").map((row) => [String(row.id), row]));
  let compared = 0;
  for await (const keys of world.redis.scanStream({ match: "person:*", count: 1000 }) as AsyncIterable<string[]>) {
    const hashes = await Promise.all(keys.map((key) => world.redis.hmget(key, "first_name", "last_name", "age")));
    keys.forEach((key, at) => {
      const row = rows.get(key.slice("person:".length));
      const asText = row && [row.first, row.last, row.age].map((value) => (value == null ? null : String(value)));
      check(JSON.stringify(asText) === JSON.stringify(hashes[at]), `${key} and its row are equal`);
      if (rows.delete(key.slice("person:".length))) compared++;
    });
  }
  check(rows.size === 0, `no row is left over, and not ${rows.size}`);
  return compared;
}

export const remove: Scene = async (stage, world) => {
  const { redis } = world;
  stage.scene("Delete one, let another expire: a cache forgets, a database does not");
  stage.redis("DEL person:1", "PEXPIRE person:2 100");
  const ms = await timed(async () => {
    await redis.del("person:1");
    await world.until("the row of the deleted key goes", () => world.query(`${PERSON} ('1')`).length === 0);
  });
  await redis.pexpire("person:2", 100);
  await world.until("the key expires", async () => (await redis.exists("person:2")) === 0);
  // What came before a write that is committed has been carried out as well.
  await redis.hset("person:1000", "age", 20);
  check((await redis.wait(1, 5000)) === 1, "what was written after the expiry is committed");
  const rows = world.query(`${PERSON} ('1', '2')`);
  check(rows.length === 1, "the row of the expired key stays");
  stage.rows(rows);
  stage.ok("the deleted key's row is gone", ms);
  stage.ok("the expired key's row stays");
};

export const refuse: Scene = async (stage, world) => {
  const { redis } = world;
  stage.scene("A value that the column cannot hold becomes a dead letter, and holds nobody up");
  stage.redis("HSET person:7 first_name Grace age forty", "HSET person:8 first_name Edsger age 72");
  const letters = `wbsync:dead:${RECIPE}`;
  const refused = await timed(async () => {
    await redis
      .pipeline()
      .hset("person:7", "first_name", "Grace", "age", "forty")
      .hset("person:8", { first_name: "Edsger", age: 72 })
      .exec();
    await world.until("a dead letter is written", async () => (await redis.xlen(letters)) === 1);
    await world.until("the row beside it arrives", () => world.query(`${PERSON} ('8')`).length === 1);
  });
  stage.shell(`wbsync dlq list ${RECIPE} --json`);
  const [letter] = JSON.parse(await world.wbsync("dlq", "list", RECIPE, "--json")) as { key: string; error: string }[];
  check(letter?.key === "person:7", "the dead letter is that of person:7");
  stage.answer(`[{ "key": "${letter?.key}", "error": ${JSON.stringify(letter?.error)}, … }]`);
  stage.ok("person:7 is a dead letter, person:8 is a row", refused);
  stage.redis("HSET person:7 age 40");
  const healed = await timed(async () => {
    await redis.hset("person:7", "age", 40);
    await world.until("the row arrives", () => world.query(`${PERSON} ('7') AND age = 40`).length === 1);
    await world.until("the dead letter goes", async () => (await redis.xlen(letters)) === 0);
  });
  stage.rows(world.query(`${PERSON} ('7', '8')`));
  stage.ok("a good write of the key has healed it", healed);
};

export const stop: Scene = async (stage, world) => {
  stage.scene("Stop");
  stage.shell("kill -TERM <runner>");
  let code: number | null = null;
  const ms = await timed(async () => (code = await world.stopRunner()));
  check(code === 0, `the runner ends with exit code 0, and not ${String(code)}`);
  stage.ok("it has written what was buffered, and ended with exit code 0", ms);
};
