/** What Prometheus scrapes: counters and gauges a recipe, made from its status at the moment of asking. */
import { Counter, Gauge, Registry } from "prom-client";
import type { Observed } from "./observation.js";

const registry = new Registry();
const counters = {
  rows: new Counter({ name: "wbsync_rows_total", help: "Rows written", labelNames: ["recipe"], registers: [registry] }),
  deletes: new Counter({
    name: "wbsync_deletes_total",
    help: "Rows deleted",
    labelNames: ["recipe"],
    registers: [registry],
  }),
  uncertain: new Counter({
    name: "wbsync_uncertain_deletes_total",
    help: "Keys that went for a reason that nobody can tell",
    labelNames: ["recipe"],
    registers: [registry],
  }),
};
const gauges = {
  buffered: new Gauge({
    name: "wbsync_buffered_keys",
    help: "Changed keys that are not yet in the table",
    labelNames: ["recipe"],
    registers: [registry],
  }),
  deadLetters: new Gauge({
    name: "wbsync_dead_letters",
    help: "Open dead letters",
    labelNames: ["recipe"],
    registers: [registry],
  }),
  lag: new Gauge({
    name: "wbsync_lag_bytes",
    help: "Bytes of the replication stream that are captured and not yet committed",
    labelNames: ["recipe"],
    registers: [registry],
  }),
  running: new Gauge({
    name: "wbsync_up",
    help: "1 while the recipe is captured and written, 0 otherwise",
    labelNames: ["recipe", "version"],
    registers: [registry],
  }),
};

/** The text that Prometheus understands. */
export async function renderMetrics(
  recipes: readonly Observed[],
): Promise<{ readonly type: string; readonly body: string }> {
  registry.resetMetrics();
  for (const observed of recipes) {
    const status = observed.status();
    const { rows, deletes, buffered, deadLetters, capturedOffset, committedOffset, state, version } = status;
    const recipe = observed.name;
    counters.rows.inc({ recipe }, rows);
    counters.deletes.inc({ recipe }, deletes);
    counters.uncertain.inc({ recipe }, status.uncertainDeletes ?? 0);
    gauges.buffered.set({ recipe }, buffered);
    gauges.deadLetters.set({ recipe }, deadLetters);
    gauges.lag.set({ recipe }, Math.max(0, capturedOffset - committedOffset));
    gauges.running.set({ recipe, version }, state === "running" || state === "snapshot" ? 1 : 0);
  }
  return { type: registry.contentType, body: await registry.metrics() };
}
