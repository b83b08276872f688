/** The replication stream as commands: RESP arrays of bulk strings, found in place, without a copy of what nobody asks for. */
import type { Bytes } from "../model.js";

/** One command. Valid only during the call that hands it over: its text is cut from a buffer that will be gone. */
export interface Command {
  /** Arguments, the name among them. */
  readonly argc: number;
  /** Stream offset before the command's first byte. */
  readonly start: number;
  /** Stream offset after its last byte. */
  readonly end: number;
  arg(index: number): Bytes;
  /** An argument that comes again and again, such as a field's name: the same string every time, hashed already. */
  word(index: number): Bytes;
  /** Whether an argument begins with these bytes; cheaper than `arg`. */
  startsWith(index: number, head: Uint8Array): boolean;
}

const CR = 13;
const LF = 10;
const ASTERISK = 42;
const DOLLAR = 36;
const ZERO = 48;
/**
 * V8 copies a substring shorter than this; a longer one would keep the whole chunk alive in memory, so it is cut from the buffer
 * instead, which costs a call into C++.
 */
const SHORT = 13;
/** Places for words; a power of two. */
const WORDS = 256;
/** Longer ones are seldom words. */
const LONG_WORD = 64;
/** Larger chunks, which hold a very large value, are never made one string: it might be longer than a string can be. */
const MAX_TEXT = 2 ** 20;

/** What `toString("latin1", …)` ends in; without its checks a short text costs half as much. */
type Latin1Buffer = Buffer & { latin1Slice(start?: number, end?: number): string };

/** Thrown where the bytes are not a replication stream; the connection has to be made anew. */
export class ProtocolError extends Error {}

/** Splits chunks into commands. A command cut in two by a chunk's end is held until the rest has come. */
export class CommandReader implements Command {
  argc = 0;
  start = 0;
  end = 0;
  readonly #ranges: number[] = [];
  #buffer = Buffer.alloc(0) as Latin1Buffer;
  #text: string | undefined;
  readonly #words: (Bytes | undefined)[] = new Array<Bytes | undefined>(WORDS).fill(undefined);
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** Bytes, from the start of the incomplete command, without which there is no use in looking again. */
  #needed = 0;
  /** How far the incomplete command was read: its arguments, those found, and where the next one begins. */
  #begun: { argc: number; found: number; position: number } | undefined;

  constructor(offset: number) {
    this.end = offset;
  }

  /** Calls `handle` once for every command that the chunk completes. */
  push(chunk: Buffer, handle: (command: Command) => void): void {
    if (this.#heldBytes > 0) {
      this.#held.push(chunk);
      this.#heldBytes += chunk.length;
      if (this.#heldBytes < this.#needed) return;
      chunk = Buffer.concat(this.#held, this.#heldBytes);
      this.#held = [];
      this.#heldBytes = 0;
    }
    this.#buffer = chunk as Latin1Buffer;
    this.#text = undefined;
    let at = 0;
    while (at < chunk.length) {
      const next = this.#parse(at);
      if (next < 0) {
        const rest = chunk.subarray(at);
        this.#moveBack(at);
        this.#held = [rest];
        this.#heldBytes = rest.length;
        break;
      }
      this.start = this.end;
      this.end += next - at;
      at = next;
      if (this.argc > 0) handle(this);
    }
    this.#text = undefined;
  }

  arg(index: number): Bytes {
    const from = this.#ranges[2 * index] as number;
    const to = this.#ranges[2 * index + 1] as number;
    if (to - from >= SHORT || this.#buffer.length > MAX_TEXT) return this.#buffer.latin1Slice(from, to);
    return (this.#text ??= this.#buffer.latin1Slice()).substring(from, to);
  }

  word(index: number): Bytes {
    const from = this.#ranges[2 * index] as number;
    const length = (this.#ranges[2 * index + 1] as number) - from;
    if (length === 0 || length > LONG_WORD) return this.arg(index);
    const [first, last] = [this.#buffer[from] as number, this.#buffer[from + length - 1] as number];
    const place = (length + 31 * first + 7 * last) & (WORDS - 1);
    const known = this.#words[place];
    if (known !== undefined && this.#isAt(from, length, known)) return known;
    return (this.#words[place] = this.arg(index));
  }

  #isAt(from: number, length: number, text: Bytes): boolean {
    if (text.length !== length) return false;
    for (let i = 0; i < length; i++) if (this.#buffer[from + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  startsWith(index: number, head: Uint8Array): boolean {
    const from = this.#ranges[2 * index] as number;
    if ((this.#ranges[2 * index + 1] as number) - from < head.length) return false;
    for (let i = 0; i < head.length; i++) if (this.#buffer[from + i] !== head[i]) return false;
    return true;
  }

  /** Finds the command at `at`: returns where it ends, or -1 where it is not complete yet. */
  #parse(at: number): number {
    const buffer = this.#buffer;
    if (buffer[at] === LF) {
      // A keep-alive: counted like every byte, and nothing else.
      this.argc = 0;
      return at + 1;
    }
    // A command is cut at most once in a chunk, and what was found of it need not be looked for again.
    const begun = this.#begun;
    this.#begun = undefined;
    let position = begun ? begun.position : this.#line(at, ASTERISK);
    if (position < 0) return this.#incomplete(buffer.length - at + 1);
    const argc = begun ? begun.argc : this.#number;
    for (let i = begun ? begun.found : 0; i < argc; i++) {
      const body = this.#line(position, DOLLAR);
      const after = body + this.#number;
      if (body < 0 || after + 2 > buffer.length) {
        this.#begun = { argc, found: i, position };
        return this.#incomplete((body < 0 ? buffer.length + 1 : after + 2) - at);
      }
      this.#ranges[2 * i] = body;
      this.#ranges[2 * i + 1] = after;
      position = after + 2;
    }
    this.argc = argc;
    return position;
  }

  /** The incomplete command will stand at the beginning of the next buffer. */
  #moveBack(by: number): void {
    const begun = this.#begun;
    if (!begun || by === 0) return;
    begun.position -= by;
    for (let i = 0; i < 2 * begun.found; i++) this.#ranges[i] = (this.#ranges[i] as number) - by;
  }

  #number = 0;

  /** Reads `<mark><digits>\r\n` into `#number`: returns where the line ends, or -1 where it is not complete yet. */
  #line(at: number, mark: number): number {
    const buffer = this.#buffer;
    if (at >= buffer.length) return -1;
    if (buffer[at] !== mark)
      throw new ProtocolError(`expected byte ${mark} at offset ${this.end}, found ${buffer[at]}`);
    let number = 0;
    for (let i = at + 1; i < buffer.length; i++) {
      const byte = buffer[i] as number;
      if (byte === CR) {
        if (i + 1 >= buffer.length) return -1;
        this.#number = number;
        return i + 2;
      }
      const digit = byte - ZERO;
      if (digit < 0 || digit > 9) throw new ProtocolError(`expected a digit at offset ${this.end}, found byte ${byte}`);
      number = number * 10 + digit;
    }
    return -1;
  }

  #incomplete(needed: number): number {
    this.#needed = needed;
    return -1;
  }
}
