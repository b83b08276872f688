import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, beforeEach, test } from "node:test";
import { generateSecretKey, Parameters, parseSecretKey, readSecretKey } from "../../src/config/parameters.js";
import { forgetSecrets, redact } from "../../src/config/secret.js";
import { UserError } from "../../src/errors.js";
import { PARAMETERS } from "../../src/redis/keys.js";
import { tempDir } from "../support/process.js";
import { startRedis } from "../support/redis.js";

const server = await startRedis();
after(() => server.stop());
const redis = server.client();
const key = parseSecretKey(generateSecretKey());
const parameters = new Parameters(redis, key);
beforeEach(() => redis.flushall());
afterEach(forgetSecrets);

async function refusal(promise: Promise<unknown>, code = "PARAMETER"): Promise<string> {
  const error = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof UserError, String(error));
  assert.equal(error.code, code);
  return `${error.message} ${error.hint}`;
}

test("a value comes back as it was set, and Redis never sees it", async () => {
  for (const value of ["pass word", "", "Zoë 🔑\n", "x".repeat(10_000)]) {
    await parameters.set("MySqlPassword", value);
    assert.equal(await parameters.get("MySqlPassword"), value);
    const stored = await redis.hget(PARAMETERS, "MySqlPassword");
    assert.ok(value === "" || !stored!.includes(value));
  }
  assert.equal(await parameters.get("Other"), undefined);
});

test("the same value is never stored in the same form twice", async () => {
  await parameters.set("a", "same");
  const first = await redis.hget(PARAMETERS, "a");
  await parameters.set("a", "same");
  assert.notEqual(await redis.hget(PARAMETERS, "a"), first);
});

test("without a secret key nothing is stored, and the advice is to make one", async () => {
  const message = await refusal(new Parameters(redis).set("a", "value"));
  assert.match(message, /was not stored.*wbsync config keygen.*WBSYNC_SECRET_KEY/);
  assert.equal(await redis.exists(PARAMETERS), 0);
});

test("a wrong key, a missing key and a damaged value are told apart", async () => {
  await parameters.set("a", "value");
  const other = new Parameters(redis, parseSecretKey(generateSecretKey()));
  assert.match(await refusal(other.get("a")), /was encrypted with another secret key/);
  assert.match(await refusal(new Parameters(redis).get("a")), /there is no secret key here/);
  const sealed = JSON.parse((await redis.hget(PARAMETERS, "a"))!) as { data: string };
  await redis.hset(PARAMETERS, "a", JSON.stringify({ ...sealed, data: Buffer.from("other").toString("base64") }));
  assert.match(await refusal(parameters.get("a")), /was changed in Redis/);
  await redis.hset(PARAMETERS, "a", "plain text");
  assert.match(await refusal(parameters.get("a")), /is no encrypted value/);
});

test("a stored value cannot pass for another parameter's", async () => {
  await parameters.set("a", "value");
  await redis.hset(PARAMETERS, "b", (await redis.hget(PARAMETERS, "a"))!);
  assert.match(await refusal(parameters.get("b")), /was changed in Redis/);
});

test("names are listed without values and without a key, also of what cannot be read", async () => {
  await parameters.set("b", "value");
  await parameters.set("a", "value");
  await redis.hset(PARAMETERS, "c", "{");
  const listed = await new Parameters(redis).list();
  assert.deepEqual(
    listed.map(({ name, setAt }) => [name, setAt !== undefined]),
    [
      ["a", true],
      ["b", true],
      ["c", false],
    ],
  );
  assert.ok(!JSON.stringify(listed).includes("value"));
});

test("a value that was unset is gone, and unsetting what is not there is an error", async () => {
  await parameters.set("MySqlPassword", "value");
  await parameters.set("MySqlUser", "value");
  await parameters.unset("MySqlUser");
  assert.equal(await parameters.get("MySqlUser"), undefined);
  assert.deepEqual(
    (await parameters.list()).map(({ name }) => name),
    ["MySqlPassword"],
  );
  assert.match(await refusal(parameters.unset("MySqlPasword"), "NOT_FOUND"), /mean "MySqlPassword"/);
});

test("what vanished is put back, and what was set or unset since is left alone", async () => {
  for (const name of ["kept", "changed", "unset"]) await parameters.set(name, "old");
  const backup = await parameters.backup();
  await parameters.unset("unset");
  assert.equal(await parameters.restore(backup), 0);
  assert.equal(await parameters.get("unset"), undefined);
  await redis.flushall();
  await parameters.set("changed", "new");
  assert.equal(await parameters.restore(backup), 2);
  assert.deepEqual([await parameters.get("kept"), await parameters.get("changed")], ["old", "new"]);
});

test("a name that no environment variable could have is refused", async () => {
  for (const name of ["", "a b", "1a", "-x", "a=b"]) await refusal(parameters.set(name, "value"), "USAGE");
});

test("a secret key comes from a file or from the environment, and a wrong one is not repeated", async () => {
  const text = generateSecretKey();
  const file = join(tempDir("wbsync-key"), "key");
  writeFileSync(file, `${text}\n`);
  assert.deepEqual(await readSecretKey(file), Buffer.from(text, "base64"));
  process.env["WBSYNC_SECRET_KEY"] = text;
  assert.deepEqual(await readSecretKey(), Buffer.from(text, "base64"));
  delete process.env["WBSYNC_SECRET_KEY"];
  assert.equal(await readSecretKey(), undefined);
  assert.match(await refusal(readSecretKey(`${file}.none`)), /cannot be read: ENOENT/);
  assert.throws(
    () => parseSecretKey("too-short-a-key"),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.doesNotMatch(error.message, /too-short-a-key/);
      return true;
    },
  );
});

test("a value that was set or read is hidden in texts", async () => {
  await parameters.set("a", "first-value");
  assert.equal(redact("first-value"), "[secret]");
  forgetSecrets();
  await parameters.get("a");
  assert.equal(redact("first-value"), "[secret]");
});
