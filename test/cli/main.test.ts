/** What all commands have in common: exit codes, streams, colours, help. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { closeSync, cpSync, existsSync, mkdirSync, openSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { project, recipeSource, startWbsync, WBSYNC, wbsync } from "../support/cli.js";
import { makeCertificate } from "../support/certificate.js";
import { freePort, tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";

test("--version prints the version, and --help the commands, on stdout", async () => {
  for (const flag of ["-v", "--version"]) assert.match((await wbsync([flag])).stdout, /^\d+\.\d+\.\d+\n$/);
  const help = await wbsync(["--help"]);
  assert.equal(help.code, 0);
  assert.equal(help.stderr, "");
  assert.match(help.stdout, /deploy[\s\S]*run[\s\S]*list/);
  assert.match(help.stdout, /130 interrupted/);
});

test("every command has a help text with an example", async () => {
  const names = [...(await wbsync(["--help"])).stdout.matchAll(/^ {2}([a-z]+)(?:\|\w+)? (?:\[|<)/gm)].map(
    (match) => match[1]!,
  );
  assert.ok(names.length >= 12, names.join());
  for (const name of names.filter((name) => name !== "help")) {
    const { code, stdout } = await wbsync([name, "--help"]);
    assert.equal(code, 0);
    if (!/^Commands:/m.test(stdout)) assert.match(stdout, /Examples?:\n {2}wbsync /, name);
  }
});

const wrong: readonly (readonly [args: string[], message: RegExp])[] = [
  [["depoly"], /Unknown command 'depoly'[\s\S]*Did you mean deploy/],
  [["list", "--jsn"], /Unknown option '--jsn'[\s\S]*Did you mean --json/],
  [["deploy"], /Missing required argument 'file'/],
  [["deploy", "nowhere.ts"], /There is no recipe nowhere\.ts[\s\S]*path of a \.ts or \.js file/],
  [["deploy", "/tmp"], /\/tmp is not a file/],
  [["deploy", "--wait", "p1.ts"], /--wait takes seconds: write "wbsync deploy p1\.ts --wait", or --wait=60/],
  [["deploy", "p1.ts", "--wait", "0"], /whole number from 1 to 86400/],
  [["list", "--port", "70000"], /whole number from 1 to 65535/],
  [["list", "--url", "http://x"], /Redis URL is not valid/],
  [["list", "--cert", "a.pem"], /--cert and --key belong together/],
  [["list", "--cacert", "no-such-file"], /--cacert no-such-file cannot be read/],
  [["list", "--socket", "/s", "--host", "h"], /two different servers/],
  [["dlq", "drop", "Persons"], /Which dead letters/],
  [["run", "--log-format", "xml"], /Allowed choices are pretty, json/],
];
for (const [args, message] of wrong) {
  test(`wbsync ${args.join(" ")} is wrong usage: exit code 2, and what to do on stderr`, async () => {
    const { code, stdout, stderr } = await wbsync(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, message);
  });
}

test("no command at all shows the help, as wrong usage", async () => {
  for (const args of [[], ["dlq"]]) {
    const { code, stdout, stderr } = await wbsync(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /Usage: wbsync/);
  }
});

test("a Redis that cannot be reached is exit code 3, with the address", async () => {
  const port = await freePort();
  for (const [args, env] of [
    [["--port", String(port)], {}],
    [[], { REDIS_URL: `redis://127.0.0.1:${port}` }],
  ] as const) {
    const { code, stdout, stderr } = await wbsync(["list", ...args], { env });
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`127\\.0\\.0\\.1:${port}`));
  }
});

test("the registry's Redis has a flag of its own, which the advice names", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const registry = `redis://127.0.0.1:${await freePort()}`;
  for (const [args, env] of [
    [["list", "--registry-url", registry], {}],
    [["run"], { WBSYNC_REGISTRY_URL: registry }],
  ] as const) {
    const { code, stderr } = await wbsync(args, { env: { REDIS_URL: redis.url, ...env } });
    assert.equal(code, 3);
    assert.match(stderr, /refuses the connection\.\nCheck --registry-url \(or WBSYNC_REGISTRY_URL\)/);
    assert.doesNotMatch(stderr, /--host|--port/);
  }
  const url = `redis://127.0.0.1:${await freePort()}`;
  const other = await wbsync(["run", "--url", url], { env: { WBSYNC_REGISTRY_URL: redis.url } });
  assert.match(other.stderr, /refuses the connection\.[\s\S]*Check --host and --port/);
});

test("with --json an error is one JSON object on stderr", async () => {
  const { code, stdout, stderr } = await wbsync(["list", "--json", "--port", String(await freePort())]);
  assert.equal(code, 3);
  assert.equal(stdout, "");
  const { error } = JSON.parse(stderr) as { error: Record<string, string> };
  assert.equal(error.code, "REDIS_UNREACHABLE");
  assert.ok(error.message && error.hint);
});

test("a wrong password is exit code 3, and no message shows it", async (t) => {
  const redis = await startRedis({ password: "right-password" });
  t.after(() => redis.stop());
  const url = `redis://:wrong-password@127.0.0.1:${redis.port}`;
  const { code, stderr } = await wbsync(["list", "--url", url]);
  assert.equal(code, 3);
  assert.doesNotMatch(stderr, /wrong-password/);
  assert.equal((await wbsync(["list"], { env: { REDIS_URL: redis.url } })).code, 0);
  const env = { REDIS_URL: `redis://127.0.0.1:${redis.port}`, REDISCLI_AUTH: "right-password" };
  assert.equal((await wbsync(["list"], { env })).code, 0);
  const flags = ["list", "--port", String(redis.port), "--password", "right-password"];
  assert.equal((await wbsync(flags, { env: { REDISCLI_AUTH: "wrong-password" } })).code, 0);
});

test("flags may stand before the command, and the names that other tools have for them are understood", async (t) => {
  const redis = await startRedis({ acl: ["deployer on >pass-word ~* &* +@all"], password: "other" });
  t.after(() => redis.stop());
  const port = ["--port", String(redis.port)];
  for (const args of [
    [...port, "--user", "deployer", "--password", "pass-word", "list", "--json"],
    ["list", "--json", ...port, "--username", "deployer", "--pass", "pass-word"],
  ]) {
    const { code, stdout, stderr } = await wbsync(args);
    assert.equal(code, 0, stderr);
    assert.equal(stdout, "[]\n");
  }
  const tls = await wbsync(["list", ...port, "--ssl"]);
  assert.equal(tls.code, 3);
  assert.match(tls.stderr, /TLS/);
});

test("a server with TLS is spoken to with the flags of other tools, and not without its certificate", async (t) => {
  const certificate = makeCertificate(tempDir("wbsync-tls"));
  const tlsPort = String(await freePort());
  const { certFile, keyFile } = certificate;
  const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", certFile];
  const redis = await startRedis({ args: ["--tls-port", tlsPort, ...files] });
  t.after(() => redis.stop());
  const at = ["list", "--json", "--host", "localhost", "--port", tlsPort];
  const client = ["--ssl-certfile", certFile, "--ssl-keyfile", keyFile];
  const good = await wbsync([...at, "--ssl", "--ssl-ca-certs", certFile, ...client]);
  assert.deepEqual([good.code, good.stdout], [0, "[]\n"], good.stderr);
  for (const flags of [
    ["--ssl", ...client],
    ["--ssl", "--ssl-ca-certs", certFile],
  ]) {
    assert.equal((await wbsync([...at, ...flags])).code, 3, flags.join(" "));
  }
});

test("colours appear when forced, and never with NO_COLOR", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const dir = project({ "persons.ts": recipeSource() });
  const run = async (env: Record<string, string>) =>
    (
      await wbsync(["deploy", "persons.ts", "--no-check", "--force"], {
        cwd: dir,
        env: { REDIS_URL: redis.url, ...env },
      })
    ).stdout;
  assert.ok(!(await run({})).includes("\u001b["), "not on a terminal");
  assert.ok((await run({ FORCE_COLOR: "1" })).includes("\u001b["));
  assert.ok(!(await run({ FORCE_COLOR: "1", NO_COLOR: "1" })).includes("\u001b["));
});

test("a reader that has seen enough is no error", async (t) => {
  const redis = await startRedis();
  t.after(() => redis.stop());
  const running = startWbsync(["list", "--json"], { env: { REDIS_URL: redis.url } });
  running.child.stdout?.destroy();
  const { code, stderr } = await running.ended;
  assert.equal(code, 0);
  assert.equal(stderr, "");
});

test("output that cannot be written is exit code 1", { skip: !existsSync("/dev/full") }, () => {
  const full = openSync("/dev/full", "w");
  const { status } = spawnSync(process.execPath, [WBSYNC, "--version"], { stdio: ["ignore", full, "ignore"] });
  closeSync(full);
  assert.equal(status, 1);
});

test("Ctrl-C ends a command that waits with exit code 130", async (t) => {
  // A server that accepts and never answers: the command waits.
  const silent = createServer();
  const port = await freePort();
  await new Promise<void>((resolve) => silent.listen(port, "127.0.0.1", resolve));
  t.after(() => silent.close());
  const isConnected = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
  const running = startWbsync(["list", "--port", String(port)]);
  await isConnected;
  const { code, signal } = await running.stop("SIGINT");
  assert.deepEqual({ code, signal }, { code: 130, signal: null });
});

test("where dist is missing, wbsync says how to build it", () => {
  const dir = tempDir("wbsync-unbuilt");
  mkdirSync(join(dir, "bin"));
  cpSync(join(WBSYNC, ".."), join(dir, "bin"), { recursive: true });
  const { status, stderr } = spawnSync(process.execPath, [join(dir, "bin", "wbsync"), "list"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stderr, "wbsync is not built yet. Run: npm run build\n");
});
