/** Everything that the bench measures, in the order of its table. */
import type { Measurement } from "./figure.js";
import { cassandra } from "./figures/cassandra.js";
import { drain } from "./figures/drain.js";
import { latency } from "./figures/latency.js";
import { outage } from "./figures/outage.js";
import { redisSpeed } from "./figures/redis-speed.js";
import { snapshot } from "./figures/snapshot.js";
import { start } from "./figures/start.js";

export const MEASUREMENTS: readonly Measurement[] = [
  ...[redisSpeed, drain("mariadb"), drain("postgres"), drain("sqlite"), cassandra],
  ...[latency, outage, snapshot, start],
];
