/** From the stream into the buffers: which partition, and what a write with `#` or beside a write-through means. */
import type { Bytes, Change } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import type { WriteGuards } from "./guards.js";
import { type Operations, type Request, requestIn } from "./operations.js";
import type { Partition } from "./partition.js";
import type { Partitions } from "./partitions.js";
import { UncertainDeletes } from "./policies.js";
import { Removals } from "./removals.js";
import type { Settlement } from "./settlement.js";
import type { Place } from "./place.js";

type SetChange = Extract<Change, { kind: "set" }>;

export interface IntakeOptions {
  readonly recipe: WriteBehindRecipe;
  /** What the recipe's keys begin with. */
  readonly head: Bytes;
  readonly partitions: Partitions;
  readonly operations: Operations;
  readonly settlement: Settlement;
  readonly guards: WriteGuards;
  readonly log: Logger;
  /** Every key went, and the rows have to go too. */
  readonly onFlushed: (since: Place) => void;
  /** Every key may have become another. */
  readonly onSwapped: () => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #uncertain: UncertainDeletes;
  readonly #removals = new Removals();

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#uncertain = new UncertainDeletes(options.recipe.onUncertainDelete, options.log);
  }

  get uncertainDeletes(): number {
    return this.#uncertain.count;
  }

  /** Takes changes in; `now` is the monotonic time in ms. */
  take(changes: readonly Change[], now: number): void {
    const { head } = this.#options;
    for (const change of changes) {
      if (change.key.startsWith(head)) this.#takeOne(this.#settleDispute(change), now);
      else if (change.kind === "flushed") this.#flushed(change);
      else if (change.kind === "swapped") this.#swapped(change);
    }
  }

  /** The history was lost: what comes next tells nothing of what was to come. */
  forget(): void {
    this.#removals.clear();
  }

  #takeOne(change: Change, now: number): void {
    const partition = this.#options.partitions.of(change.key);
    if (partition.isPast(change.end)) return this.#recall(change);
    const isNoNews = this.#removals.isNoNews(change);
    if (change.kind === "set" && !change.own) {
      const request = requestIn(change.fields);
      if (request) return this.#carryOut(change, request, partition, now);
    }
    if (change.kind === "gone" && change.cause === "uncertain" && !change.own) this.#uncertain.add();
    partition.buffer.merge(isNoNews ? { ...change, own: "settled" } : change, now);
  }

  /** It was carried before a restart. Only what a write with `#` asked for in Redis may have been cut off. */
  #recall(change: Change): void {
    const request = change.kind === "set" && !change.own ? requestIn(change.fields) : undefined;
    if (request?.mark === undefined) return;
    this.#options.operations.settle(change.key, request);
    void this.#options.operations.answerOnce(change.key, request.id);
  }

  /** A write-through has written this row, and something else may have as well: then Redis has to be asked what counts. */
  #settleDispute(change: Change): Change {
    const { guards } = this.#options;
    if (guards.size === 0 || !guards.isDisputed(change)) return change;
    return change.kind === "gone" ? { ...change, own: false } : { ...change, own: false, kind: "dirty" };
  }

  /** A write with `#`: see operations.ts. */
  #carryOut(change: SetChange, request: Request, partition: Partition, now: number): void {
    const { operations, settlement } = this.#options;
    const { key, fields } = change;
    if (request.mark === undefined) return settlement.refuseOperation(change, request);
    operations.settle(key, request);
    switch (request.mark) {
      case "=":
        partition.buffer.merge(change, now)?.await(request.id);
        break;
      case "~":
        partition.buffer.remove(change, now).await(request.id);
        this.#removals.begin(key);
        break;
      case "+":
      case "-":
        partition.buffer.skip(key, fields, change.end);
        if (request.mark === "-") partition.buffer.leave(key);
        void operations.acknowledge([{ key, ids: [request.id] }]);
        break;
    }
  }

  #flushed(change: Change): void {
    const { recipe, partitions, log, onFlushed } = this.#options;
    log.warn(`FLUSHALL or FLUSHDB emptied the cache; ${recipe.onFlush === "keep" ? "rows stay" : "rows go (onFlush)"}`);
    partitions.flushed(change);
    // No checkpoint passes a flush before its rows are gone: they need not go twice.
    if (recipe.onFlush === "delete" && !partitions.isPast(change.end))
      onFlushed({ offset: change.start, db: change.startDb });
  }

  #swapped(change: Change): void {
    const { log, partitions, onSwapped } = this.#options;
    log.warn("SWAPDB: every key is read again; rows of keys that are no longer there stay");
    partitions.swapped(change);
    onSwapped();
  }
}
