/** What there is to compare with: a bare loop of multi-row upserts, as good as we can write it, in a process of its own. */
import { BARE_LOOPS, type BareTarget } from "./bare-loops.js";
import { person } from "./person.js";
import { serve } from "./worker.js";

export interface BareJob {
  readonly target: BareTarget;
  readonly firstId: number;
  readonly rows: number;
  /** In an order that has nothing to do with the ids. */
  readonly isShuffled: boolean;
}

const BATCH = 1000;

serve(async ({ target, firstId, rows, isShuffled }: BareJob): Promise<number> => {
  const ids = Array.from({ length: rows }, (_, i) => firstId + i);
  if (isShuffled) shuffle(ids);
  const batches: string[][] = [];
  for (let from = 0; from < rows; from += BATCH) {
    const params: string[] = [];
    for (const id of ids.slice(from, from + BATCH)) params.push(...person(id));
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

function shuffle(ids: number[]): void {
  for (let i = ids.length - 1; i > 0; i--) {
    const other = Math.floor(Math.random() * (i + 1));
    [ids[i], ids[other]] = [ids[other] as number, ids[i] as number];
  }
}
