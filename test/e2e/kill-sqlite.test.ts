import { test } from "node:test";
import { startLab } from "../support/lab.js";
import { killRunners } from "./kill.js";

test("SQLite: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back", async (t) =>
  killRunners(t, await startLab({ database: "sqlite" }), 50));
