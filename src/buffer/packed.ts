/**
 * Values that wait, as one text: how many there are, and of each its length and then itself. Entries by the hundred thousand may wait
 * while the database is slow, and what they are made of is what the garbage collector carries around: one text is a third of the bytes
 * of an array of texts.
 */
import type { Bytes } from "../model.js";

/** A length is one character, and one more stands for a field that the hash does not have. */
const LONGEST = 254;
const ABSENT = 255;
/** More values are left as they are. */
const MANY = 255;
/** So are values of more bytes than this. */
const ROOM = 1024;

const scratch = Buffer.alloc(ROOM) as Buffer & { latin1Slice(start: number, end: number): string };

/** undefined: they are too long, or one of them is not known. */
export function pack(values: readonly (Bytes | null | undefined)[]): Bytes | undefined {
  if (values.length > MANY) return undefined;
  scratch[0] = values.length;
  let at = 1;
  for (const value of values) {
    if (value === null) {
      if (at === ROOM) return undefined;
      scratch[at++] = ABSENT;
      continue;
    }
    if (value === undefined || value.length > LONGEST || at + value.length >= ROOM) return undefined;
    scratch[at++] = value.length;
    for (let i = 0; i < value.length; i++) scratch[at++] = value.charCodeAt(i);
  }
  return scratch.latin1Slice(0, at);
}

export function unpack(packed: Bytes): (Bytes | null)[] {
  const values = new Array<Bytes | null>(packedCount(packed));
  let at = 1;
  for (let i = 0; i < values.length; i++) {
    const length = packed.charCodeAt(at++);
    values[i] = length === ABSENT ? null : packed.substring(at, (at += length));
  }
  return values;
}

/** How many values. */
export function packedCount(packed: Bytes): number {
  return packed.charCodeAt(0);
}

/** Bytes of the values themselves. */
export function packedSize(packed: Bytes): number {
  let bytes = 0;
  for (let at = 1; at < packed.length;) {
    const length = packed.charCodeAt(at++);
    if (length === ABSENT) continue;
    bytes += length;
    at += length;
  }
  return bytes;
}
