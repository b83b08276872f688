/** Orders in the order of the stream. Those of one key are carried out one after the other, those of different keys together. */
import type { Bytes } from "../model.js";
import type { Order } from "./orders.js";

const BATCH = 1000;

export class OrderQueue {
  #waiting: Order[] = [];
  #underWay: readonly Order[] = [];

  get size(): number {
    return this.#waiting.length + this.#underWay.length;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  get isUnderWay(): boolean {
    return this.#underWay.length > 0;
  }

  /** Until it is carried out, no checkpoint passes it. */
  get oldest(): Order | undefined {
    const [one, other] = [this.#underWay[0], this.#waiting[0]];
    return one && other && other.start < one.start ? other : (one ?? other);
  }

  /** Whether something that a scan has found is still to be carried out. */
  get holdsFound(): boolean {
    return [this.#underWay, this.#waiting].some((orders) => orders.some(({ isFound }) => isFound));
  }

  push(order: Order): void {
    this.#waiting.push(order);
  }

  /** Takes over what another queue holds. */
  adopt(other: OrderQueue): void {
    this.#waiting = other.#waiting;
    other.#waiting = [];
  }

  /** The next orders, at most one a key: the others wait for it. */
  take(): readonly Order[] {
    const taken: Order[] = [];
    const left: Order[] = [];
    const keys = new Set<Bytes>();
    for (const order of this.#waiting) {
      if (taken.length >= BATCH || keys.has(order.key)) left.push(order);
      else taken.push(order);
      keys.add(order.key);
    }
    this.#waiting = left;
    this.#underWay = taken;
    return taken;
  }

  /** What was taken is through. */
  settle(): void {
    this.#underWay = [];
  }

  putBack(): void {
    this.#waiting.unshift(...this.#underWay);
    this.#underWay = [];
  }
}
