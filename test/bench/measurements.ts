/** Everything that the bench measures, in the order of its table. */
import type { Measurement } from "./figure.js";
import { bulk } from "./figures/bulk.js";
import { drain } from "./figures/drain.js";
import { drainOther } from "./figures/drain-other.js";
import { latency } from "./figures/latency.js";
import { outage } from "./figures/outage.js";
import { redisSpeed } from "./figures/redis-speed.js";
import { snapshot } from "./figures/snapshot.js";
import { start } from "./figures/start.js";

export const MEASUREMENTS: readonly Measurement[] = [
  ...[redisSpeed, drain("mariadb"), drain("postgres"), drain("sqlite")],
  ...[drainOther("cassandra"), drainOther("mongodb"), drainOther("redis")],
  ...[latency, outage, snapshot, start, bulk("mariadb"), bulk("postgres")],
];
