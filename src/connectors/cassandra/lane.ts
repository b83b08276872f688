/**
 * One after the other. All checkpoints of a recipe and table are in one Cassandra partition, and conditional writes of one
 * partition get in each other's way: those of one process line up here instead.
 */
export class Lane {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work once all work before it has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(work, work);
    this.#last = mine.catch(() => undefined);
    return mine;
  }
}
