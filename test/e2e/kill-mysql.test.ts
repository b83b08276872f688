import { test } from "node:test";
import { killRunners } from "./kill.js";

test("MariaDB: after kill -9 of the runner at fifty random moments every row equals its hash, and none ever went back", (t) =>
  killRunners(t, "mysql", 50));
