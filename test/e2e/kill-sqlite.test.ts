import { test } from "node:test";
import { killRunners } from "./kill.js";

test("SQLite: after kill -9 of the runner at twenty random moments every row equals its hash, and none ever went back", (t) =>
  killRunners(t, "sqlite", 20));
