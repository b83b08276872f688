/** Behind a double of the driver, which runs inside of each runner; what it is given runs on H2. */
import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { missingForH2, startH2 } from "../support/h2.js";
import { imitateDictionary } from "../support/h2/oracledb.js";
import { h2Lab, KILLS } from "../support/h2-lab.js";
import { Lab } from "../support/lab.js";
import { startRedis } from "../support/redis.js";

const [USER, PASSWORD] = ["wbsync", "secret"];
const PRELOAD = new URL("../support/h2/preload-oracledb.mjs", import.meta.url).href;

const missing = await missingForH2();

test(
  `Oracle's statements on H2: after kill -9 of the runner at ${KILLS} random moments every row equals its hash, and none ever went back`,
  { skip: missing ?? false },
  async (t) => {
    const server = await startH2("Oracle");
    await imitateDictionary(server);
    const database = await h2Lab(server, {
      kind: "oracle",
      url: `oracle://${USER}:${PASSWORD}@127.0.0.1:${server.port}/FREEPDB1`,
      create:
        "CREATE TABLE persons (id VARCHAR2(200) NOT NULL PRIMARY KEY, first VARCHAR2(100), last VARCHAR2(100), age NUMBER(10), v NUMBER(19))",
      stop: () => server.stop(),
    });
    const env = {
      NODE_OPTIONS: `--import=${import.meta.resolve("tsx")} --import=${PRELOAD}`,
      ...{ WBSYNC_TEST_H2_PORT: String(server.port), WBSYNC_TEST_H2_USER: USER, WBSYNC_TEST_H2_PASSWORD: PASSWORD },
    };
    await killRunners(t, new Lab(await startRedis(), database, undefined, env), KILLS);
  },
);
