/** Answers of Redis (RESP2), cut out of the bytes that it sends; texts are bytes, one character each. */
import type { Bytes } from "../model.js";

export type Reply = Bytes | number | null | ReplyError | readonly Reply[];

/** The server refused a command. */
export class ReplyError {
  constructor(readonly message: string) {}
}

const CR = 13;
const MINUS = 45;
const ZERO = 48;
/** V8 copies a substring shorter than this; a longer one would keep the whole chunk in memory, and is cut from the buffer. */
const SHORT = 13;
const INCOMPLETE = Symbol("incomplete");

/** Splits chunks into replies. One that is cut in two by a chunk's end is held until the rest has come. */
export class ReplyReader {
  #buffer: Buffer = Buffer.alloc(0);
  #text: string | undefined;
  #at = 0;
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes, from the start of the incomplete reply, without which there is no use in looking again. */
  #needed = 0;

  /** Calls `handle` once for every reply that the chunk completes. */
  push(chunk: Buffer, handle: (reply: Reply) => void): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#needed) return;
    this.#buffer = this.#held.length === 1 ? chunk : Buffer.concat(this.#held, this.#heldBytes);
    this.#text = undefined;
    this.#at = 0;
    for (let start = 0; ; start = this.#at) {
      const reply = start < this.#buffer.length ? this.#parse(start) : INCOMPLETE;
      if (reply === INCOMPLETE) return this.#hold(start);
      handle(reply);
    }
  }

  #hold(start: number): void {
    const rest = this.#buffer.subarray(start);
    this.#held = rest.length > 0 ? [rest] : [];
    this.#heldBytes = rest.length;
    if (rest.length === 0) this.#needed = 0;
    this.#text = undefined;
  }

  /** One value, from `#at` on; `start` is where the reply began that it is a part of. */
  #parse(start: number): Reply | typeof INCOMPLETE {
    const type = this.#buffer[this.#at];
    const line = this.#at + 1;
    const end = this.#lineEnd(line);
    if (end < 0) return this.#lacks(start, this.#buffer.length + 1);
    this.#at = end + 2;
    switch (type) {
      case 0x24: // $
        return this.#bulk(start, this.#number(line, end));
      case 0x2a: // *
        return this.#array(start, this.#number(line, end));
      case 0x3a: // :
        return this.#number(line, end);
      case 0x2b: // +
        return this.#buffer.toString("latin1", line, end);
      case 0x2d: // -
        return new ReplyError(this.#buffer.toString("utf8", line, end));
      default:
        throw new Error(`Redis sent byte ${type} where a reply begins`);
    }
  }

  #bulk(start: number, length: number): Reply | typeof INCOMPLETE {
    if (length < 0) return null;
    const from = this.#at;
    const to = from + length;
    if (to + 2 > this.#buffer.length) return this.#lacks(start, to + 2);
    this.#at = to + 2;
    if (length >= SHORT) return this.#buffer.toString("latin1", from, to);
    return (this.#text ??= this.#buffer.toString("latin1")).substring(from, to);
  }

  #array(start: number, length: number): Reply | typeof INCOMPLETE {
    if (length < 0) return null;
    const values: Reply[] = [];
    for (let i = 0; i < length; i++) {
      if (this.#at >= this.#buffer.length) return this.#lacks(start, this.#buffer.length + 1);
      const value = this.#parse(start);
      if (value === INCOMPLETE) return INCOMPLETE;
      values.push(value);
    }
    return values;
  }

  /** Where the line's "\r\n" is, or -1 where it has not come yet. */
  #lineEnd(from: number): number {
    const end = this.#buffer.indexOf(CR, from);
    return end + 1 < this.#buffer.length ? end : -1;
  }

  #number(from: number, to: number): number {
    const isNegative = this.#buffer[from] === MINUS;
    let number = 0;
    for (let i = isNegative ? from + 1 : from; i < to; i++) number = number * 10 + (this.#buffer[i] as number) - ZERO;
    return isNegative ? -number : number;
  }

  #lacks(start: number, end: number): typeof INCOMPLETE {
    this.#needed = end - start;
    return INCOMPLETE;
  }
}
