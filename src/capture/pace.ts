/**
 * How fast the stream is read. Under load a server sends whatever it has, a few commands at a time, and each piece costs the reader ten
 * times what is in it; a reader that rests for a moment finds all of them in one.
 */

/** How often the load is looked at, in ms. */
const WINDOW_MS = 4;
/** From so many bytes a ms on (ten thousand small commands a second), a rest gathers something. */
const BUSY = 1000;
/** Pieces of so many bytes are large enough. */
const LARGE = 16_384;

export class Pace {
  #since = 0;
  #bytes = 0;
  #pieces = 0;
  #isCrowded = false;

  /** Whether it pays to rest for a millisecond before more is read. */
  get isCrowded(): boolean {
    return this.#isCrowded;
  }

  /** A piece of so many bytes has come, at this time in ms. */
  note(bytes: number, now: number): void {
    this.#bytes += bytes;
    this.#pieces++;
    const passed = now - this.#since;
    if (passed < WINDOW_MS) return;
    this.#isCrowded = this.#bytes >= BUSY * passed && this.#bytes < LARGE * this.#pieces;
    this.#since = now;
    this.#bytes = 0;
    this.#pieces = 0;
  }
}
