/**
 * Executes a prepared statement that has thousands of parameters. The driver turns every parameter into an object and a buffer of its
 * own, which costs 1.5 µs a row of four columns, as much as everything else that happens to the row in this process. Here the values
 * go straight into the packet (COM_STMT_EXECUTE of the client/server protocol), which then takes its turn in the driver's queue.
 */
import type { Value } from "../../model.js";

/** What the driver's queue asks of a command, and what a command asks of the connection. */
export interface QueuedCommand {
  readonly onResult: (error: Error) => void;
  /** Called first without a packet, to send; then with each packet that answers. True: that was the last. */
  execute(answer: AnswerPacket | undefined, connection: CommandConnection): boolean;
}

export interface CommandConnection {
  sequenceId: number;
  compressedSequenceId: number;
  readonly clientEncoding: string;
  writePacket(packet: RequestPacket): void;
}

interface AnswerPacket {
  isError(): boolean;
  asError(encoding: string): Error;
  readInt8(): number;
  readLengthCodedNumber(): number;
}

interface RequestPacket {
  readonly buffer: Buffer;
  /** Without the header. */
  length(): number;
  writeHeader(sequenceId: number): void;
}

const HEADER = 4;
const STMT_EXECUTE = 0x17;
const VAR_STRING = 0xfd;
const BLOB = 0xfc;
const NULL = 0x06;
/** Texts up to this length are written byte by byte, which is faster than a call into C++. */
const SHORT = 64;

/** Makes packets in a buffer that it uses again: one statement at a time. */
export class BulkExecute {
  #buffer = Buffer.allocUnsafeSlow(1 << 16);

  /** The command that executes this prepared statement; `done` gets the number of rows affected. */
  command(
    statementId: number,
    params: readonly Value[],
    done: (error: Error | null, affected: number) => void,
  ): QueuedCommand {
    const packet = this.#packet(statementId, params);
    let isSent = false;
    return {
      onResult: (error) => done(error, 0),
      execute(answer, connection) {
        if (!isSent || !answer) {
          isSent = true;
          connection.sequenceId = 0;
          connection.compressedSequenceId = 0;
          connection.writePacket(packet);
          return false;
        }
        if (answer.isError()) done(answer.asError(connection.clientEncoding), 0);
        else {
          answer.readInt8();
          done(null, answer.readLengthCodedNumber());
        }
        return true;
      },
    };
  }

  #packet(statementId: number, params: readonly Value[]): RequestPacket {
    const size = mostBytes(params);
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size);
    const end = encodeExecute(this.#buffer, statementId, params);
    const buffer = this.#buffer.subarray(0, end);
    return {
      buffer,
      length: () => end - HEADER,
      writeHeader(sequenceId) {
        buffer.writeUIntLE(end - HEADER, 0, 3);
        buffer[3] = sequenceId;
      },
    };
  }
}

/** Writes the packet behind room for its header; returns where it ends. */
export function encodeExecute(buffer: Buffer, statementId: number, params: readonly Value[]): number {
  const nulls = HEADER + 10;
  const types = nulls + ((params.length + 7) >> 3) + 1;
  buffer[HEADER] = STMT_EXECUTE;
  buffer.writeUInt32LE(statementId, HEADER + 1);
  buffer[HEADER + 5] = 0; // no cursor
  buffer.writeUInt32LE(1, HEADER + 6); // iterations
  buffer.fill(0, nulls, types - 1);
  buffer[types - 1] = 1; // types follow
  let at = types + 2 * params.length;
  for (let i = 0; i < params.length; i++) {
    const value = params[i] as Value;
    buffer[types + 2 * i] = value === null ? NULL : typeof value === "string" ? VAR_STRING : BLOB;
    buffer[types + 2 * i + 1] = 0;
    if (value === null) buffer[nulls + (i >> 3)]! |= 1 << (i & 7);
    else at = typeof value === "string" ? writeText(buffer, at, value) : writeBytes(buffer, at, value);
  }
  return at;
}

function mostBytes(params: readonly Value[]): number {
  let bytes = HEADER + 11 + ((params.length + 7) >> 3);
  // A UTF-16 unit becomes three bytes of UTF-8 at most; a type has two, a length nine.
  for (const value of params)
    bytes += 11 + (value === null ? 0 : typeof value === "string" ? value.length * 3 : value.length);
  return bytes;
}

function writeText(buffer: Buffer, at: number, text: string): number {
  const { length } = text;
  if (length <= SHORT) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      buffer[at + 1 + i] = code;
    }
    if (i === length) {
      buffer[at] = length;
      return at + 1 + length;
    }
  }
  at = writeLength(buffer, at, Buffer.byteLength(text));
  return at + buffer.write(text, at, "utf8");
}

function writeBytes(buffer: Buffer, at: number, bytes: Buffer): number {
  at = writeLength(buffer, at, bytes.length);
  return at + bytes.copy(buffer, at);
}

/** A length-encoded integer. */
function writeLength(buffer: Buffer, at: number, length: number): number {
  if (length < 251) return buffer.writeUInt8(length, at);
  if (length < 1 << 16) return buffer.writeUInt16LE(length, buffer.writeUInt8(0xfc, at));
  if (length < 1 << 24) return buffer.writeUIntLE(length, buffer.writeUInt8(0xfd, at), 3);
  return buffer.writeBigUInt64LE(BigInt(length), buffer.writeUInt8(0xfe, at));
}
