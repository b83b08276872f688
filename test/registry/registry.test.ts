import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { sha256 } from "../../src/recipe/sha256.js";
import { BUNDLES, RECIPES, STATUS } from "../../src/redis/keys.js";
import type { NamedVersion } from "../../src/registry/change.js";
import { Registry } from "../../src/registry/registry.js";
import type { Status } from "../../src/registry/types.js";
import { startRedis } from "../support/redis.js";

const server = await startRedis();
after(() => server.stop());
const redis = server.client();
const registry = new Registry(redis);
beforeEach(() => redis.flushall());

function bundleOf(code: string): { code: string; sha256: string } {
  return { code, sha256: sha256(code) };
}

function versionOf(name: string, version: string, code: string, changes: Partial<NamedVersion> = {}): NamedVersion {
  return {
    name,
    version,
    sha256: sha256(code),
    deployedAt: "2024-01-01T00:00:00.000Z",
    mode: "write-behind",
    keysPrefix: "person",
    connector: "mysql",
    table: "persons",
    ...changes,
  };
}

async function deploy(name: string, version: string, code = `${name} ${version}`, force = false): Promise<string> {
  const [outcome] = await registry.deploy(bundleOf(code), [versionOf(name, version, code)], { force });
  return outcome!.action;
}

async function userError(promise: Promise<unknown>, code: string): Promise<string> {
  const error = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  return `${error.message} ${error.hint}`;
}

test("a new recipe is registered as active with its bundle", async () => {
  assert.equal(await deploy("people", "1.0.0", "the code"), "new");
  const registration = await registry.get("people");
  assert.equal(registration.version, "1.0.0");
  assert.equal(registration.revision, 1);
  assert.equal(registration.desired, "active");
  assert.deepEqual(registration.history, []);
  assert.equal(await registry.bundle(registration.sha256), "the code");
  assert.deepEqual(await registry.list(), [{ name: "people", registration }]);
});

test("a newer version replaces the older one, by semver and not by text", async () => {
  await deploy("people", "1.9.0");
  assert.equal(await deploy("people", "1.10.0"), "replaced");
  const { version, revision, history } = await registry.get("people");
  assert.deepEqual([version, revision, history.map((past) => past.version)], ["1.10.0", 2, ["1.9.0"]]);
});

test("an equal or older version is refused with both versions named", async () => {
  await deploy("people", "1.2.0");
  for (const version of ["1.2.0", "1.1.9", "1.2.0-rc.1", "1.2.0+build2"]) {
    const message = await userError(deploy("people", version), "VERSION");
    assert.ok(message.includes(`Version ${version} of recipe "people" is not newer than 1.2.0`), message);
  }
  assert.equal((await registry.get("people")).version, "1.2.0");
});

test("force and 99.99.99 replace whatever is there", async () => {
  await deploy("people", "2.0.0");
  assert.equal(await deploy("people", "1.0.0", "older", true), "replaced");
  assert.equal(await deploy("people", "99.99.99", "work in progress"), "replaced");
  assert.equal(await deploy("people", "99.99.99", "more work"), "replaced");
  assert.equal(await deploy("people", "99.99.99", "more work"), "unchanged");
  await userError(deploy("people", "3.0.0"), "VERSION");
  const { history } = await registry.get("people");
  assert.deepEqual(
    history.map(({ version }) => version),
    ["1.0.0", "2.0.0"],
  );
});

test("a bundle is deployed as a whole or not at all", async () => {
  await deploy("b", "2.0.0");
  const code = "three recipes";
  const recipes = [versionOf("a", "1.0.0", code), versionOf("b", "1.0.0", code), versionOf("c", "1.0.0", code)];
  const message = await userError(registry.deploy(bundleOf(code), recipes), "VERSION");
  assert.match(message, /"b" is not newer than 2\.0\.0.*\nNothing was deployed/);
  assert.deepEqual(
    (await registry.list()).map(({ name }) => name),
    ["b"],
  );
  assert.equal(await redis.hlen(BUNDLES), 1);
  const outcomes = await registry.deploy(bundleOf(code), recipes, { force: true });
  assert.deepEqual(
    outcomes.map(({ name, action, from, revision }) => [name, action, from, revision]),
    [
      ["a", "new", undefined, 1],
      ["b", "replaced", "2.0.0", 2],
      ["c", "new", undefined, 1],
    ],
  );
});

test("a plan tells what a deploy would do, and changes nothing", async () => {
  await deploy("b", "2.0.0");
  const recipes = [versionOf("a", "1.0.0", "x"), versionOf("b", "2.1.0", "x"), versionOf("b", "1.0.0", "x")];
  const plan = await registry.plan(recipes);
  assert.deepEqual(
    plan.map(({ action }) => action),
    ["new", "replaced", "refused"],
  );
  assert.equal((await registry.list()).length, 1);
});

test("of twenty deploys at the same time the newest wins and every one is decided", async () => {
  const others = Array.from({ length: 4 }, () => new Registry(server.client()));
  const versions = Array.from({ length: 20 }, (_, patch) => `1.0.${patch}`);
  const results = await Promise.allSettled(
    versions.map((version, at) => others[at % 4]!.deploy(bundleOf(version), [versionOf("people", version, version)])),
  );
  const { version, revision, history } = await registry.get("people");
  const accepted = results.filter(({ status }) => status === "fulfilled").length;
  assert.equal(version, "1.0.19");
  assert.equal(revision, accepted);
  assert.equal(history.length, Math.min(accepted - 1, 9));
});

test("the last ten versions are kept, and no bundle that nobody names", async () => {
  for (let patch = 0; patch < 12; patch += 1) await deploy("people", `1.0.${patch}`);
  await deploy("other", "1.0.0");
  const versions = await registry.versions("people");
  assert.deepEqual(
    versions.map(({ version }) => version),
    Array.from({ length: 10 }, (_, at) => `1.0.${11 - at}`),
  );
  const bundles = await redis.hkeys(BUNDLES);
  assert.deepEqual(new Set(bundles), new Set([...versions.map((version) => version.sha256), sha256("other 1.0.0")]));
  await registry.undeploy("people");
  assert.deepEqual(await redis.hkeys(BUNDLES), [sha256("other 1.0.0")]);
});

test("a rollback makes the version before active, and a second one undoes it", async () => {
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await deploy("people", version);
  assert.equal((await registry.rollback("people")).version, "1.1.0");
  assert.equal((await registry.rollback("people")).version, "1.2.0");
  const back = await registry.rollback("people", "1.0.0");
  assert.equal(back.sha256, sha256("people 1.0.0"));
  assert.deepEqual(
    back.history.map(({ version }) => version),
    ["1.2.0", "1.1.0"],
  );
  assert.match(await userError(registry.rollback("people", "1.0.0"), "NOT_FOUND"), /at version 1\.0\.0 already/);
  assert.match(
    await userError(registry.rollback("people", "7.0.0"), "NOT_FOUND"),
    /versions kept are 1\.2\.0, 1\.1\.0/,
  );
});

test("a rollback to a bundle that is gone is refused", async () => {
  await deploy("people", "1.0.0");
  await deploy("people", "1.1.0");
  await redis.hdel(BUNDLES, sha256("people 1.0.0"));
  assert.match(await userError(registry.rollback("people"), "BUNDLE"), /not in Redis any more/);
  assert.equal((await registry.get("people")).version, "1.1.0");
});

test("a signature does not outlive the version that it was made for", async () => {
  const signed = versionOf("people", "1.0.0", "x", { signature: "s", signer: "k" });
  await registry.deploy(bundleOf("x"), [signed]);
  await deploy("people", "1.1.0", "y");
  const { signature, signer, history } = await registry.get("people");
  assert.deepEqual([signature, signer, history[0]!.signature], [undefined, undefined, "s"]);
});

test("pausing survives an upgrade, and every resume raises the revision", async () => {
  await deploy("people", "1.0.0");
  assert.equal((await registry.setDesired("people", "paused")).revision, 2);
  await deploy("people", "1.1.0");
  assert.equal((await registry.get("people")).desired, "paused");
  assert.equal((await registry.setDesired("people", "active")).revision, 4);
  assert.equal((await registry.setDesired("people", "active")).revision, 5);
});

test("a request to reconnect is counted for the recipes that it names, or for all", async () => {
  await deploy("a", "1.0.0");
  await deploy("b", "1.0.0");
  assert.deepEqual(await registry.requestReconnect(["a"]), ["a"]);
  assert.deepEqual(await registry.requestReconnect(), ["a", "b"]);
  assert.deepEqual([(await registry.get("a")).reconnects, (await registry.get("b")).reconnects], [2, 1]);
});

test("an unknown name is answered with the one that was meant", async () => {
  await deploy("PersonsWriteBehind", "1.0.0");
  const wrong = "PersonWriteBehind";
  for (const attempt of [registry.get(wrong), registry.undeploy(wrong), registry.setDesired(wrong, "paused")]) {
    assert.match(
      await userError(attempt, "NOT_FOUND"),
      /There is no recipe "PersonWriteBehind".*mean "PersonsWriteBehind"/,
    );
  }
});

test("a bundle that was changed in Redis is not handed out", async () => {
  await deploy("people", "1.0.0", "the code");
  await redis.hset(BUNDLES, sha256("the code"), "evil code");
  assert.match(await userError(registry.bundle(sha256("the code")), "BUNDLE"), /was changed in Redis/);
});

test("what cannot be read is shown as a problem, and can be deployed over and undeployed", async () => {
  await deploy("good", "1.0.0");
  await redis.hset(RECIPES, "text", "{", "list", "[]", "name", JSON.stringify(await registry.get("good")));
  await redis.hset(RECIPES, "bytes", Buffer.from([0xff, 0xfe, 0x00]));
  await redis.hset(STATUS, "good", "nonsense");
  const problems = (await registry.list()).map(({ name, problem }) => [name, problem === undefined]);
  assert.deepEqual(problems, [
    ["bytes", false],
    ["good", true],
    ["list", false],
    ["name", false],
    ["text", false],
  ]);
  assert.equal((await registry.statuses()).size, 0);
  assert.match(await userError(registry.get("text"), "NOT_FOUND"), /not valid JSON/);
  assert.equal(await deploy("text", "1.0.0"), "new");
  assert.equal(await registry.undeploy("bytes"), undefined);
  assert.equal((await registry.list()).length, 4);
});

test("an exported recipe can be imported elsewhere, and not when it was changed", async () => {
  await deploy("people", "1.0.0", "the code");
  const text = await registry.export("people");
  await redis.flushall();
  const [outcome] = await registry.import(text);
  assert.equal(outcome!.action, "new");
  assert.equal(await registry.bundle((await registry.get("people")).sha256), "the code");
  await userError(registry.import(text), "VERSION");
  assert.equal((await registry.import(text, { force: true }))[0]!.action, "unchanged");
  assert.match(await userError(registry.import(text.replace("the code", "evil")), "BUNDLE"), /SHA-256 differs/);
  assert.match(await userError(registry.import("person,first"), "BUNDLE"), /not JSON/);
  assert.match(await userError(registry.import("{}"), "BUNDLE"), /format/);
  for (const [right, wrong] of [
    ['"version": "1.0.0"', '"version": "abc"'],
    ['"name": "people"', '"name": "-people"'],
  ] as const) {
    assert.ok(text.includes(right));
    assert.match(await userError(registry.import(text.replace(right, wrong)), "BUNDLE"), /lacks a recipe/);
  }
});

test("a runner puts back what vanished, and not what was undeployed", async () => {
  await deploy("people", "1.0.0", "the code");
  const registration = await registry.get("people");
  assert.equal(await registry.restore(registration, "the code"), "present");
  await redis.flushall();
  assert.equal(await registry.restore(registration, "the code"), "restored");
  assert.deepEqual(await registry.get("people"), registration);
  await redis.del(BUNDLES);
  assert.equal(await registry.restore(registration, "the code"), "restored");
  assert.equal(await registry.bundle(registration.sha256), "the code");
  await registry.undeploy("people");
  assert.equal(await registry.restore(registration, "the code"), "undeployed");
  assert.deepEqual(await registry.list(), []);
});

test("a late runner does not put its old version over a newer one", async () => {
  await deploy("people", "1.0.0", "old code");
  const old = await registry.get("people");
  await redis.flushall();
  await deploy("people", "2.0.0", "new code");
  assert.equal(await registry.restore(old, "old code"), "present");
  assert.equal((await registry.get("people")).version, "2.0.0");
  assert.deepEqual(await redis.hkeys(BUNDLES), [sha256("new code")]);
});

test("a name that is deployed again goes on with its revisions", async () => {
  await deploy("people", "1.0.0");
  await registry.setDesired("people", "paused");
  await registry.undeploy("people");
  const [outcome] = await registry.deploy(bundleOf("x"), [versionOf("people", "1.0.0", "x")]);
  assert.deepEqual([outcome!.action, outcome!.revision], ["new", 3]);
  assert.equal((await registry.get("people")).desired, "active");
});

test("what runners report can be read, and forgotten", async () => {
  const status: Status = {
    runner: "r1",
    beat: 1,
    at: 1,
    since: 1,
    version: "1.0.0",
    revision: 1,
    reconnects: 0,
    state: "running",
    capturing: true,
    buffered: 0,
    rows: 0,
    deletes: 0,
    deadLetters: 0,
    committedOffset: 0,
    capturedOffset: 0,
  };
  await registry.report("people", status);
  assert.deepEqual(await registry.statuses(), new Map([["people", status]]));
  await registry.forget("people");
  assert.equal((await registry.statuses()).size, 0);
});

test("a watch yields at once, after a change, and again after the server was restarted", async () => {
  const controller = new AbortController();
  const watch = registry.watch(controller.signal)[Symbol.asyncIterator]();
  assert.equal((await watch.next()).done, false);
  await deploy("people", "1.0.0");
  assert.equal((await watch.next()).done, false);
  await server.kill();
  assert.equal((await watch.next()).done, false);
  await server.start();
  // A tick of the clock may come first: what counts is that a message arrives over the new connection.
  while (Number(await redis.publish("wbsync:changed", "x")) === 0) assert.equal((await watch.next()).done, false);
  assert.equal((await watch.next()).done, false);
  controller.abort();
  assert.equal((await watch.next()).done, true);
});
