import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { startOther } from "../e2e/other-databases.js";
import { Lab } from "../support/lab.js";
import { startRedis } from "../support/redis.js";

test("Redis: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back", async (t) =>
  killRunners(t, new Lab(await startRedis(), await startOther("redis"), undefined), 50));
