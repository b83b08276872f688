/**
 * What may have happened to a key besides that its fields were set. Most entries know none of it, and there may be hundreds of
 * thousands of them: they share one state, and get one of their own with the first thing that is not as usual.
 */
import type { Bytes } from "../model.js";

/** null: the hash does not have the field; undefined: nobody knows. */
export type Known = Bytes | null | undefined;

class State {
  sealed: Set<number> | undefined = undefined;
  isVacant = false;
  isCondemned = false;
  isRemoved = false;
  forgottenAt: number | undefined = undefined;
  lastKnown: readonly Known[] | undefined = undefined;
  returnedAt: number | undefined = undefined;
  mayBeEmpty = false;
  absentAt: number | undefined = undefined;
  waiting: Bytes[] | undefined = undefined;
  isRefused = false;
}

const USUAL: State = Object.freeze(new State());

export abstract class Rare {
  #state: State = USUAL;

  /** Places whose value in Redis is to stay out of the database; what `values` holds there is older. */
  get sealed(): Set<number> | undefined {
    return this.#state.sealed;
  }
  set sealed(sealed) {
    if (sealed !== this.#state.sealed) this.#own().sealed = sealed;
  }

  /** The hash does not exist now. */
  get isVacant(): boolean {
    return this.#state.isVacant;
  }
  set isVacant(isVacant) {
    if (isVacant !== this.#state.isVacant) this.#own().isVacant = isVacant;
  }

  /** wbsync's own DEL is still to come: what is written before that is laid over what the hash holds, and nobody knows that. */
  get isCondemned(): boolean {
    return this.#state.isCondemned;
  }
  set isCondemned(isCondemned) {
    if (isCondemned !== this.#state.isCondemned) this.#own().isCondemned = isCondemned;
  }

  /** The row has to go, unless values are written after all. */
  get isRemoved(): boolean {
    return this.#state.isRemoved;
  }
  set isRemoved(isRemoved) {
    if (isRemoved !== this.#state.isRemoved) this.#own().isRemoved = isRemoved;
  }

  /** Since the change that ends here, something is not known any more and has to be read back. */
  get forgottenAt(): number | undefined {
    return this.#state.forgottenAt;
  }
  set forgottenAt(forgottenAt) {
    if (forgottenAt !== this.#state.forgottenAt) this.#own().forgottenAt = forgottenAt;
  }

  /** What was known before: the last word on fields of which nothing newer is known once the hash has gone. */
  get lastKnown(): readonly Known[] | undefined {
    return this.#state.lastKnown;
  }
  set lastKnown(lastKnown) {
    if (lastKnown !== this.#state.lastKnown) this.#own().lastKnown = lastKnown;
  }

  /** After a delete that wants the row to go, the hash was made anew by the change that ends here. */
  get returnedAt(): number | undefined {
    return this.#state.returnedAt;
  }
  set returnedAt(returnedAt) {
    if (returnedAt !== this.#state.returnedAt) this.#own().returnedAt = returnedAt;
  }

  /** A field was taken away since the hash was last seen to exist: if it was the last one, the row has to go. */
  get mayBeEmpty(): boolean {
    return this.#state.mayBeEmpty;
  }
  set mayBeEmpty(mayBeEmpty) {
    if (mayBeEmpty !== this.#state.mayBeEmpty) this.#own().mayBeEmpty = mayBeEmpty;
  }

  /** It was read back at this server offset, and there was no hash. Once capture is past it, that is settled. */
  get absentAt(): number | undefined {
    return this.#state.absentAt;
  }
  set absentAt(absentAt) {
    if (absentAt !== this.#state.absentAt) this.#own().absentAt = absentAt;
  }

  /** Ids of writes whose author waits for this entry to be in the table. */
  get waiting(): Bytes[] | undefined {
    return this.#state.waiting;
  }
  set waiting(waiting) {
    if (waiting !== this.#state.waiting) this.#own().waiting = waiting;
  }

  /** It became a dead letter. */
  get isRefused(): boolean {
    return this.#state.isRefused;
  }
  set isRefused(isRefused) {
    if (isRefused !== this.#state.isRefused) this.#own().isRefused = isRefused;
  }

  #own(): State {
    return this.#state === USUAL ? (this.#state = new State()) : this.#state;
  }
}
