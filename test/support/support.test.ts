import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { leftovers } from "./leftovers.mjs";
import { tempDir } from "./process.js";
import { startRedis } from "./redis.js";
import { waitFor } from "./wait.js";

test("a Redis that was killed starts again with its data", async () => {
  const redis = await startRedis({ args: ["--appendonly", "yes", "--appendfsync", "always"], password: "a b" });
  after(() => redis.stop());
  const client = redis.client();
  await client.hset("person:1", "name", "Ann");
  const before = redis.pid;
  await redis.kill();
  await redis.start();
  assert.notEqual(redis.pid, before);
  assert.deepEqual(await client.hgetall("person:1"), { name: "Ann" });
});

test("npm test -- --help says how it is used, and runs nothing", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["test/run.mjs", "--help"], { encoding: "utf8" });
  assert.deepEqual([status, stderr], [0, ""]);
  assert.match(stdout, /^npm test {2,}[\s\S]*^npm test -- mysql[\s\S]*^npm run test:connectors.*\n$/m);
  assert.doesNotMatch(stdout, /tests \d/);
});

test("an ACL user has the rights that it was given", async () => {
  const redis = await startRedis({ acl: ["capture on >secret +psync +replconf +ping"] });
  after(() => redis.stop());
  const client = redis.client({ username: "capture", password: "secret", enableReadyCheck: false });
  assert.equal(await client.ping(), "PONG");
  await assert.rejects(client.get("x"), /NOPERM/);
});

test("what a run leaves behind is found, named, and ended", { skip: !existsSync("/proc") }, async () => {
  const folder = tempDir("wbsync-left");
  assert.deepEqual(await leftovers(folder, 0), []);
  writeFileSync(join(folder, "forgotten.txt"), "");
  const child = spawn("sleep", ["60"], { cwd: folder, stdio: "ignore" });
  const gone = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  await waitFor(() => child.pid !== undefined && readlinkSync(`/proc/${child.pid}/cwd`) === folder);
  const left = await leftovers(folder, 0);
  assert.equal(await gone, "SIGKILL");
  assert.deepEqual(left, [`the process ${child.pid}: sleep 60 `, "the temporary file or folder forgotten.txt"]);
});

test("servers and folders are gone after kill -9 of the test process", async () => {
  const script = `import { startRedis } from "./redis.ts";
    const redis = await startRedis(); console.log(redis.pid + " " + redis.dir); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
    cwd: dirname(new URL(import.meta.url).pathname),
    stdio: ["ignore", "pipe", "inherit"],
  });
  after(() => child.kill("SIGKILL"));
  const line = await new Promise<string>((resolve) =>
    child.stdout.once("data", (data: Buffer) => resolve(String(data))),
  );
  const [pid, dir] = line.trim().split(" ") as [string, string];
  assert.ok(existsSync(dir));
  child.kill("SIGKILL");
  await waitFor(() => !isAlive(Number(pid)) && !existsSync(dir), { what: "the guard's cleaning up" });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
