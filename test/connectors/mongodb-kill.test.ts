/** Rows and checkpoint are not one transaction here. */
import { test } from "node:test";
import { killRunners } from "../e2e/kill.js";
import { startOther } from "../e2e/other-databases.js";
import { findMongodb } from "../support/mongodb.js";
import { Lab } from "../support/lab.js";
import { startRedis } from "../support/redis.js";

const missing = (await findMongodb()).missing;

test(
  "MongoDB: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back",
  { skip: missing ?? false },
  async (t) => killRunners(t, new Lab(await startRedis(), await startOther("mongodb"), undefined), 50, { states: 4 }),
);
