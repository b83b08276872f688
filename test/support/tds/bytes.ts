/** Reads and writes the fields of TDS messages: little-endian numbers, and texts in UTF-16 behind their lengths. */

const NULL = 0xffff;
const PLP_NULL = 0xffffffffffffffffn;

/** A message, read from its begin to its end. */
export class Reader {
  readonly #data: Buffer;
  #at = 0;

  constructor(data: Buffer) {
    this.#data = data;
  }

  get more(): boolean {
    return this.#at < this.#data.length;
  }

  bytes(count: number): Buffer {
    this.#at += count;
    if (this.#at > this.#data.length) throw new Error("the message is too short");
    return this.#data.subarray(this.#at - count, this.#at);
  }

  u8 = (): number => this.bytes(1).readUInt8();
  u16 = (): number => this.bytes(2).readUInt16LE();
  u32 = (): number => this.bytes(4).readUInt32LE();
  text = (characters: number): string => this.bytes(2 * characters).toString("utf16le");

  /** Of the type NVARCHAR(n), or NVARCHAR(MAX) in chunks. */
  nvarchar(maxBytes: number): string | null {
    if (maxBytes !== NULL) {
      const length = this.u16();
      return length === NULL ? null : this.text(length / 2);
    }
    if (this.bytes(8).readBigUInt64LE() === PLP_NULL) return null;
    const chunks: Buffer[] = [];
    for (let length; (length = this.u32()) > 0;) chunks.push(this.bytes(length));
    return Buffer.concat(chunks).toString("utf16le");
  }
}

export const u8 = (value: number): Buffer => Buffer.of(value);

export function u16(value: number): Buffer {
  const data = Buffer.alloc(2);
  data.writeUInt16LE(value);
  return data;
}

export function u32(value: number): Buffer {
  const data = Buffer.alloc(4);
  data.writeInt32LE(value | 0);
  return data;
}

export function u64(value: bigint | number): Buffer {
  const data = Buffer.alloc(8);
  data.writeBigInt64LE(BigInt(value));
  return data;
}

/** A text behind its length in characters, in one byte. */
export const shortText = (text: string): Buffer => Buffer.concat([u8(text.length), Buffer.from(text, "utf16le")]);

/** The same, in two bytes. */
export const longText = (text: string): Buffer => Buffer.concat([u16(text.length), Buffer.from(text, "utf16le")]);

/** Bytes behind their length, in one byte. */
export const shortBytes = (data: Buffer): Buffer => Buffer.concat([u8(data.length), data]);

/** Something of any length, in one chunk. */
export function plp(data: Buffer | null): Buffer {
  if (data === null) return Buffer.alloc(8, 0xff);
  const chunk = data.length > 0 ? [u32(data.length), data] : [];
  return Buffer.concat([u64(data.length), ...chunk, u32(0)]);
}
