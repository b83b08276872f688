/** Places of chunks that were handed out are given back so many at a time. */
const MANY = 1000;

/**
 * Bytes of the stream that nobody needs yet. The stream is read as fast as the server sends it, for a server drops who reads too
 * slowly; but a change that is understood long before it can be written costs five times the memory of its bytes, and the garbage
 * collector copies it again and again. So where every recipe has enough to do, what is read stays as it came, up to a limit; past it,
 * changes are worth merging.
 *
 *     server ──▶ fill ──▶ chunks ──▶ (somebody has room, or there are too many) ──▶ next
 */
export class Unread {
  readonly #maxBytes: number;
  readonly #isWanted: () => boolean;
  #chunks: (Buffer | undefined)[] = [];
  /** How many of them have been handed out. */
  #taken = 0;
  #bytes = 0;
  #hasEnded = false;
  #failure: Error | undefined;
  #onNews: () => void = () => {};
  #onRoom: () => void = () => {};

  /** Keeps up to `maxBytes` while `isWanted` says no. */
  constructor(maxBytes: number, isWanted: () => boolean) {
    this.#maxBytes = maxBytes;
    this.#isWanted = isWanted;
  }

  /** Reads until the source ends; how it ended is told to whoever reads here, once all is read. */
  async fill(source: AsyncIterable<Buffer>): Promise<void> {
    try {
      for await (const chunk of source) {
        if (this.#hasEnded) return;
        this.#chunks.push(chunk);
        this.#bytes += chunk.length;
        this.#onNews();
        if (this.#bytes > this.#maxBytes) await new Promise<void>((resolve) => (this.#onRoom = resolve));
      }
    } catch (error) {
      this.#failure = error as Error;
    }
    this.end();
  }

  /** The next chunk, as soon as it is needed; undefined: that was all. */
  async next(): Promise<Buffer | undefined> {
    while (!this.#isDue()) {
      if (this.#hasEnded) {
        if (this.#failure) throw this.#failure;
        return undefined;
      }
      await new Promise<void>((resolve) => (this.#onNews = resolve));
    }
    return this.#take();
  }

  /** Looks again whether somebody has room. */
  wake(): void {
    this.#onNews();
  }

  /** Nothing more is read; what was read is handed out at once. */
  end(): void {
    this.#hasEnded = true;
    this.#onNews();
    this.#onRoom();
  }

  #isDue(): boolean {
    if (this.#taken === this.#chunks.length) return false;
    return this.#hasEnded || this.#bytes > this.#maxBytes || this.#isWanted();
  }

  #take(): Buffer {
    const chunk = this.#chunks[this.#taken] as Buffer;
    this.#chunks[this.#taken++] = undefined;
    if (this.#taken === this.#chunks.length || this.#taken > MANY) {
      this.#chunks.splice(0, this.#taken);
      this.#taken = 0;
    }
    this.#bytes -= chunk.length;
    if (this.#bytes <= this.#maxBytes) this.#onRoom();
    return chunk;
  }
}
