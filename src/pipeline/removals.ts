/**
 * Keys that `~` deletes. The row goes at once, the key a moment later, by a script; what a client writes in between goes with the
 * key. Then the row has to go once more, when the stream tells of that DEL; mostly nobody has written, and it is no news.
 */
import type { Bytes, Change } from "../model.js";

export class Removals {
  /** Keys whose row goes, and to which nothing has happened since. */
  readonly #untouched = new Set<Bytes>();

  begin(key: Bytes): void {
    this.#untouched.add(key);
  }

  /** Asked of every change. True: it is the DEL that was to come, and nothing came before it. */
  isNoNews(change: Change): boolean {
    if (this.#untouched.size === 0 || !this.#untouched.delete(change.key)) return false;
    return change.kind === "gone" && change.cause === "asked";
  }

  /** Nobody knows any more what has happened. */
  clear(): void {
    this.#untouched.clear();
  }
}
