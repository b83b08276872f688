/** Snowflake's emulator killed and cut in the middle of things. A file of its own, since the driver takes its time to give up. */
import { after, before, describe } from "node:test";
import { harm } from "../contract/faults.js";
import type { Harness } from "../contract/harness.js";
import { type Fakesnow, startFakesnow } from "../support/fakesnow.js";
import { given, missing, optionsOf, PASSWORD, snowflakeHarness, USER } from "../support/snowflake.js";

describe("Snowflake, emulated by fakesnow, is harmed", { skip: given !== undefined || missing !== undefined }, () => {
  let server: Fakesnow;
  let harmed: Harness;
  before(async () => {
    server = await startFakesnow({ user: USER, password: PASSWORD });
    // Where nobody answers the driver would try again for more than a minute.
    harmed = await snowflakeHarness({ ...optionsOf(server), statementTimeoutMs: 3000 }, server);
  });
  after(() => server?.stop());
  harm(() => harmed);
});
