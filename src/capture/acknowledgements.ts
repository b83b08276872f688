/** What WAIT is told: up to where everything is in the tables of all recipes. */
export interface AcknowledgementsOptions {
  /** Up to where each recipe at the link has written everything. */
  readonly committed: () => Iterable<number>;
  /** Tells the server, which tells whoever waits. */
  readonly tell: (offset: number) => void;
}

export class Acknowledgements {
  readonly #options: AcknowledgementsOptions;
  /** While somebody holds, nothing more is told. */
  readonly #holders = new Set<object>();
  #reached = 0;
  /** Offsets that somebody waits for, ascending. */
  #asked: number[] = [];

  constructor(options: AcknowledgementsOptions) {
    this.#options = options;
  }

  hold(owner: object): void {
    this.#holders.add(owner);
  }

  release(owner: object): void {
    if (this.#holders.delete(owner)) this.answer();
  }

  /** Somebody waits for everything up to here. */
  ask(offset: number): void {
    this.#asked.push(offset);
  }

  get isAwaited(): boolean {
    return this.#asked.length > 0;
  }

  /** Tells whoever waits for what has been reached by now. */
  answer(): void {
    if (!this.isAwaited) return;
    const committed = this.committed();
    let exact: number | undefined;
    while (this.#asked.length > 0 && (this.#asked[0] as number) <= committed) exact = this.#asked.shift();
    if (exact !== undefined) this.#options.tell(exact);
  }

  /** The lowest of all recipes; where one is not even at the link, what it was before. */
  committed(): number {
    if (this.#holders.size > 0) return this.#reached;
    let lowest = Infinity;
    for (const committed of this.#options.committed()) lowest = Math.min(lowest, committed);
    this.#reached = lowest === Infinity ? 0 : lowest;
    return this.#reached;
  }

  /** The link is down: whoever waited on it waits in vain. */
  forget(): void {
    this.#asked = [];
  }

  /** Offsets count anew: what was reached before says nothing of this history. */
  reset(): void {
    this.#reached = 0;
  }
}
