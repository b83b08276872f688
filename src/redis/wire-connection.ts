/** One connection to Redis, from connecting to its end, that answers many commands with one promise. */
import { once } from "node:events";
import type net from "node:net";
import type { RedisOptions } from "ioredis";
import type { Bytes } from "../model.js";
import { SILENT_MS } from "./client.js";
import { type Reply, ReplyError, ReplyReader } from "./replies.js";
import { openSocket } from "./socket.js";

const CONNECT_TIMEOUT_MS = 5_000;

interface Question {
  readonly count: number;
  readonly replies: Reply[];
  readonly resolve: (replies: readonly Reply[]) => void;
  readonly reject: (error: Error) => void;
}

export class WireConnection {
  readonly #socket: net.Socket;
  /** In the order in which they were sent, which is the order of the answers. */
  readonly #questions: Question[] = [];
  #failure: Error | undefined;

  private constructor(socket: net.Socket, silentMs: number) {
    this.#socket = socket;
    const reader = new ReplyReader();
    socket.setNoDelay(true).setKeepAlive(true, 10_000);
    socket.setTimeout(silentMs);
    socket.on("timeout", () => {
      if (this.#questions.length > 0) socket.destroy(new Error(`no answer within ${silentMs / 1000} s`));
    });
    socket.on("error", (error) => (this.#failure = error));
    socket.on("close", () => this.#fail());
    socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk, (reply) => this.#answer(reply));
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
  }

  /** Signs in and selects the database. Rejects with what the server refused. It is closed where an answer takes longer than `silentMs`. */
  static async open(options: RedisOptions, silentMs = SILENT_MS): Promise<WireConnection> {
    const socket = openSocket(options);
    const timer = setTimeout(() => socket.destroy(new Error("no connection in time")), CONNECT_TIMEOUT_MS);
    try {
      await once(socket, options.tls ? "secureConnect" : "connect");
      const connection = new WireConnection(socket, silentMs);
      await connection.#introduce(options);
      return connection;
    } catch (error) {
      socket.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether it can still be asked. */
  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  ask(commands: Bytes, count: number): Promise<readonly Reply[]> {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(this.#failure ?? new Error("the connection was lost"));
      this.#questions.push({ count, replies: [], resolve, reject });
      this.#socket.write(commands, "latin1");
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  async #introduce({ username, password, db }: RedisOptions): Promise<void> {
    const demands: Bytes[] = [];
    if (password) demands.push(encode("AUTH", ...(username ? [bytes(username)] : []), bytes(password)));
    if (db) demands.push(encode("SELECT", String(db)));
    // Only a name: a user without the right to it may go without.
    const commands = demands.join("") + encode("CLIENT", "SETNAME", "wbsync-reader");
    const replies = await this.ask(commands, demands.length + 1);
    for (const reply of replies.slice(0, -1)) if (reply instanceof ReplyError) throw new Error(reply.message);
  }

  #answer(reply: Reply): void {
    const question = this.#questions[0];
    if (!question) throw new Error("Redis answered what nobody asked");
    question.replies.push(reply);
    if (question.replies.length < question.count) return;
    this.#questions.shift();
    question.resolve(question.replies);
  }

  #fail(): void {
    const error = this.#failure ?? new Error("the connection was lost");
    for (const { reject } of this.#questions.splice(0)) reject(error);
  }
}

/** One command as bytes of the protocol. */
export function encode(...args: readonly Bytes[]): Bytes {
  return `*${args.length}\r\n${args.map(encodeBulk).join("")}`;
}

/** One argument of a command. */
export function encodeBulk(text: Bytes): Bytes {
  return `$${text.length}\r\n${text}\r\n`;
}

function bytes(text: string): Bytes {
  return Buffer.from(text, "utf8").toString("latin1");
}
