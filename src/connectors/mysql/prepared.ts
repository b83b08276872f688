/** Statements that the server has prepared for one connection. */

/** What is asked of the driver, which keeps them as well, and closes none before it is told to. */
export interface Preparing {
  prepare(sql: string, callback: (error: Error | null, statement: { readonly id: number }) => void): void;
  unprepare(sql: string): void;
}

/** At most so many; the one that was not used for longest makes room. The driver may have as many others. */
export const MAX_STATEMENTS = 128;

/** Finds the id of a statement without a turn in the driver's queue, where it is known. */
export class Prepared {
  readonly #connection: Preparing;
  /** By text, the last used last. */
  readonly #ids = new Map<string, number>();
  /** How many are being prepared. */
  #pending = 0;

  constructor(connection: Preparing) {
    this.#connection = connection;
  }

  /** Calls back in the order of the calls; at once, where this statement and those before it are known. */
  id(sql: string, callback: (error: Error | null, id: number) => void): void {
    const known = this.#ids.get(sql);
    this.#ids.delete(sql);
    if (known !== undefined) this.#ids.set(sql, known);
    if (known !== undefined && this.#pending === 0) return callback(null, known);
    this.#pending++;
    this.#connection.prepare(sql, (error, statement) => {
      this.#pending--;
      if (error) return callback(error, 0);
      this.#ids.set(sql, statement.id);
      if (this.#ids.size > MAX_STATEMENTS) this.#giveUp(this.#ids.keys().next().value as string);
      callback(null, statement.id);
    });
  }

  #giveUp(sql: string): void {
    this.#ids.delete(sql);
    this.#connection.unprepare(sql);
  }
}
