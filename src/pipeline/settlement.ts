/** What follows when a batch is through: counting, answering whoever waits, keeping what was refused, and healing. */
import type { Entry } from "../buffer/entry.js";
import { HaltedError } from "../errors.js";
import type { Bytes, Change } from "../model.js";
import type { WriteBehindRecipe } from "../recipe/recipe.js";
import { DeleteBreaker } from "./breaker.js";
import type { LetterBox, Refused } from "./letters.js";
import type { Operations, Request } from "./operations.js";
import type { Place } from "./place.js";
import type { Refusal } from "./resolve.js";

export interface SettlementOptions {
  readonly recipe: WriteBehindRecipe;
  readonly letters: LetterBox;
  readonly operations: Operations;
  /** Aborted when the recipe ends. */
  readonly signal: AbortSignal;
  /** `floor` has risen. */
  readonly onSafe: () => void;
}

/** A letter on its way, and who waits for its answer. */
interface Unsafe {
  readonly letter: Refused;
  readonly id: Bytes;
}

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #breaker: DeleteBreaker;
  /** Writes that were refused as they came in and whose letters are not safe yet, in their order, by their places. */
  readonly #unsafe = new Map<Place, Unsafe>();
  rows = 0;
  deletes = 0;

  constructor(options: SettlementOptions) {
    this.#options = options;
    this.#breaker = new DeleteBreaker(options.recipe.maxDeletesPerMinute);
  }

  /** Throws `HaltedError` where these deletes are too many. */
  allowDeletes(count: number): void {
    this.#breaker.allow(count, this.rows);
  }

  /** A person has looked at what tripped the breaker. */
  resetBreaker(): void {
    this.#breaker.reset();
  }

  /** Rows that cannot be written: safe as dead letters on return. Throws where the recipe wants to stop instead. */
  async refuse(refused: readonly Refusal[]): Promise<void> {
    const { recipe, letters, operations, signal } = this.#options;
    const [first] = refused;
    if (first && recipe.onError === "halt") {
      throw new HaltedError("try", `key ${text(first.entry.key)} cannot be written: ${first.error}`, {
        hint: 'Mend the value or the table; the recipe goes on by itself (onError: "halt").',
      });
    }
    for (const { entry, operation, values, error } of refused) {
      await letters.post({ key: entry.key, operation, values, error, offset: entry.last }, signal);
      entry.isRefused = true;
      if (entry.waiting) await operations.acknowledge([{ key: entry.key, ids: entry.waiting }], error);
      entry.waiting = undefined;
    }
  }

  /** What comes after this place may not count as committed: its letter is still on its way. */
  get floor(): Place | undefined {
    return this.#unsafe.keys().next().value;
  }

  /** A write whose `#` nobody understands: nothing from it on is committed until its letter is safe. */
  refuseOperation({ key, start, startDb, end }: Change, { value, id }: Request): void {
    const shown = JSON.stringify(text(value).slice(0, 40));
    const error = `the field "#" is ${shown}; expected one of = + ~ - and an optional id`;
    const letter = { key, operation: "upsert", values: { "#": value }, error, offset: end } as const;
    this.#secure({ offset: start, db: startDb }, { letter, id });
  }

  /** Takes over from the version before it the letters that are still on their way. */
  succeed(predecessor: Settlement): void {
    for (const [place, unsafe] of predecessor.#unsafe) this.#secure(place, unsafe);
  }

  #secure(place: Place, unsafe: Unsafe): void {
    const { letters, operations, signal, onSafe } = this.#options;
    const { letter, id } = unsafe;
    this.#unsafe.set(place, unsafe);
    void letters.post(letter, signal).then(async (isPosted) => {
      if (!isPosted) return;
      await operations.acknowledge([{ key: letter.key, ids: [id] }], letter.error);
      this.#unsafe.delete(place);
      onSafe();
    });
  }

  /** These entries are in the table, or had nothing to write. */
  async wrote(
    entries: readonly Entry[],
    written: { readonly upserts: number; readonly deletes: number },
  ): Promise<void> {
    const { letters, operations } = this.#options;
    this.rows += written.upserts;
    this.deletes += written.deletes;
    if (letters.size > 0) await letters.heal(entries.filter(({ isRefused }) => !isRefused).map(({ key }) => key));
    const waiting: { key: Bytes; ids: readonly Bytes[] }[] = [];
    for (const { key, waiting: ids } of entries) if (ids) waiting.push({ key, ids });
    if (waiting.length > 0) await operations.acknowledge(waiting);
  }
}

function text(value: Bytes): string {
  return Buffer.from(value, "latin1").toString("utf8");
}
