/**
 * Statements that are on their way at the same time. The driver sends one when the one before is answered; here the rows of a batch
 * follow its checkpoint at once, so that neither server nor runner waits for the other in between. Whether to commit is decided when
 * all of them are answered.
 */
import type { Value } from "../../model.js";
import { ExecutePackets, type RequestPacket } from "./execute-packet.js";

/** What the driver's queue asks of a command. */
export interface QueuedCommand {
  /** The connection is lost. */
  readonly onResult: (error: Error) => void;
  /** Called first without a packet, to send; then with each packet that answers. True: that was the last. */
  execute(answer: AnswerPacket | undefined, connection: CommandConnection): boolean;
}

/** What a command asks of the connection. */
export interface CommandConnection {
  /** That of the next packet, in either direction. */
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

/** Gets the number of rows affected. */
type Done = (error: Error | null, affected: number) => void;

interface Sent {
  readonly packet: RequestPacket;
  readonly done: Done;
  /** That its answer will have. */
  sequenceId: number;
}

/** The statements of one connection. */
export class Flights {
  readonly #packets = new ExecutePackets();
  readonly #enqueue: (command: QueuedCommand) => void;
  #last: Flight | undefined;

  /** `enqueue` puts a command into the driver's queue. */
  constructor(enqueue: (command: QueuedCommand) => void) {
    this.#enqueue = enqueue;
  }

  /** Executes a prepared statement, right behind those that are not answered yet. It must not return rows. */
  send(statementId: number, params: readonly Value[], done: Done): void {
    const packet = this.#packets.make(statementId, params);
    const answered: Done = (error, affected) => {
      this.#packets.release(packet);
      done(error, affected);
    };
    if (this.#last && !this.#last.isOver) return this.#last.add(packet, answered);
    this.#last = new Flight();
    this.#last.add(packet, answered);
    this.#enqueue(this.#last);
  }
}

/** One turn in the driver's queue, which lasts until everything that has joined it is answered. */
class Flight implements QueuedCommand {
  readonly #waiting: Sent[] = [];
  #connection: CommandConnection | undefined;
  isOver = false;

  add(packet: RequestPacket, done: Done): void {
    const sent = { packet, done, sequenceId: 0 };
    this.#waiting.push(sent);
    if (this.#connection) this.#send(sent, this.#connection);
  }

  execute(answer: AnswerPacket | undefined, connection: CommandConnection): boolean {
    if (!this.#connection || !answer) {
      this.#connection = connection;
      for (const sent of this.#waiting) this.#send(sent, connection);
      return false;
    }
    const { done } = this.#waiting.shift() as Sent;
    const [next] = this.#waiting;
    if (next) connection.sequenceId = next.sequenceId;
    else this.isOver = true;
    if (answer.isError()) done(answer.asError(connection.clientEncoding), 0);
    else {
      answer.readInt8();
      done(null, answer.readLengthCodedNumber());
    }
    return this.isOver;
  }

  readonly onResult = (error: Error): void => {
    this.isOver = true;
    for (const { done } of this.#waiting.splice(0)) done(error, 0);
  };

  /** Each statement counts its packets from 0. */
  #send(sent: Sent, connection: CommandConnection): void {
    connection.sequenceId = 0;
    connection.compressedSequenceId = 0;
    connection.writePacket(sent.packet);
    sent.sequenceId = connection.sequenceId;
    connection.sequenceId = (this.#waiting[0] as Sent).sequenceId;
  }
}
