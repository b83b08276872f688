import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, test } from "node:test";
import { configGet, useParameters } from "../../src/config/config-get.js";
import { forgetSecrets, redact } from "../../src/config/secret.js";
import { resolveOption } from "../../src/connectors/connector.js";
import { UserError } from "../../src/errors.js";
import { tempDir } from "../support/process.js";

const NAME = "WbsyncTestParameter";

afterEach(() => {
  useParameters(undefined);
  forgetSecrets();
  for (const variable of [NAME, `${NAME}_FILE`, `${NAME.toUpperCase()}_FILE`]) delete process.env[variable];
});

test("a parameter is asked for afresh whenever it is awaited, and not before", async () => {
  let asked = 0;
  useParameters(async (name) => `${name}${(asked += 1)}`);
  const password = configGet(NAME);
  assert.equal(asked, 0);
  assert.equal(await resolveOption(password), `${NAME}1`);
  assert.equal(await resolveOption(password), `${NAME}2`);
  assert.equal(await resolveOption(() => configGet(NAME)), `${NAME}3`);
});

test("what is stored wins over the environment, and that over a file", async () => {
  const file = join(tempDir("wbsync-config"), "secret");
  writeFileSync(file, "from file\n");
  process.env[`${NAME}_FILE`] = file;
  assert.equal(await configGet(NAME), "from file");
  process.env[NAME] = "from environment";
  assert.equal(await configGet(NAME), "from environment");
  useParameters(async () => "stored");
  assert.equal(await configGet(NAME), "stored");
  useParameters(async () => undefined);
  assert.equal(await configGet(NAME), "from environment");
});

test("a parameter that is set nowhere is named, with all the places to set it", async () => {
  await assert.rejects(
    async () => await configGet(NAME),
    (error) => {
      assert.ok(error instanceof UserError);
      assert.equal(error.code, "PARAMETER");
      assert.match(error.message, new RegExp(`"${NAME}" is set nowhere`));
      assert.match(error.hint!, new RegExp(`wbsync config set ${NAME}.*${NAME}_FILE`));
      return true;
    },
  );
});

test("a file that cannot be read is an error and not a missing parameter", async () => {
  process.env[`${NAME.toUpperCase()}_FILE`] = join(tempDir("wbsync-config"), "nowhere");
  await assert.rejects(async () => await configGet(NAME), /the file that WBSYNCTESTPARAMETER_FILE names: ENOENT/);
});

test("an error of the store is not covered up by the environment", async () => {
  process.env[NAME] = "from environment";
  useParameters(async () => Promise.reject(new Error("wrong key")));
  await assert.rejects(async () => await configGet(NAME), /wrong key/);
});

test("a value that was read is hidden from then on", async () => {
  process.env[NAME] = "very-hush-hush";
  await configGet(NAME);
  assert.equal(redact("Access denied (very-hush-hush)"), "Access denied ([secret])");
});
