/** What there is to compare with: a bare loop of multi-row upserts as the driver's users write them, in a process of its own. */
import { BARE_LOOPS, type BareTarget } from "./bare-loops.js";
import { inNoOrder, person } from "./person.js";
import { serve } from "./worker.js";

export interface BareJob {
  readonly target: BareTarget;
  readonly firstId: number;
  readonly rows: number;
}

const BATCH = 1000;

serve(async ({ target, firstId, rows }: BareJob): Promise<number> => {
  const batches: string[][] = [];
  for (let from = 0; from < rows; from += BATCH) {
    const params: string[] = [];
    for (let i = from; i < Math.min(from + BATCH, rows); i++) params.push(...person(firstId + inNoOrder(i, rows)));
    batches.push(params);
  }
  const loop = await BARE_LOOPS[target.kind](target.url);
  try {
    const begin = performance.now();
    await loop.write(batches);
    return performance.now() - begin;
  } finally {
    await loop.close();
  }
});
