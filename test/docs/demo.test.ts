import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { tempDir } from "../support/process.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

async function demo(env: Readonly<Record<string, string>>) {
  const child = spawn(process.execPath, ["bin/demo"], { cwd: ROOT, env: { ...process.env, ...env } });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, code };
}

test("the demo shows every scene without a terminal, in plain text, and leaves nothing behind", async () => {
  const folder = tempDir("wbsync-demo-test");
  const { stdout, stderr, code } = await demo({ TMPDIR: folder, NO_COLOR: "1" });
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /All of it was so/);
  assert.equal(stdout.match(/^ {2}\d+ {2}/gm)?.length, 10);
  // eslint-disable-next-line no-control-regex
  assert.doesNotMatch(stdout, /\u001b/);
  assert.deepEqual(readdirSync(folder), []);
});

test("the demo fails where something that it wants to show is not so", async () => {
  const folder = tempDir("wbsync-demo-test");
  const fake = tempDir("wbsync-fake-redis");
  writeFileSync(join(fake, "redis-server"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(fake, "redis-server"), 0o755);
  const { stdout, code } = await demo({ TMPDIR: folder, PATH: `${fake}:${process.env.PATH}` });
  assert.equal(code, 1);
  assert.match(stdout, /✗ {2}redis-server ended at once/);
  assert.deepEqual(readdirSync(folder), []);
});
