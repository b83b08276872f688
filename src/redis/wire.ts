/**
 * For reading very many keys. A command through ioredis costs 8 µs of CPU, because each has a promise, an array and an encoder of its
 * own; here a thousand are one text and one promise, for a tenth of that.
 */
import type { Redis, RedisOptions } from "ioredis";
import type { Bytes } from "../model.js";
import type { Reply } from "./replies.js";
import { WireConnection } from "./wire-connection.js";

const WIRES = new WeakMap<Redis, Wire>();

/** A lean connection, made when it is first needed and again whenever it was lost. */
export class Wire {
  readonly #options: RedisOptions;
  #connection: Promise<WireConnection> | undefined;
  #isClosed = false;

  private constructor(options: RedisOptions) {
    this.#options = options;
  }

  /** The one beside this connection: to the same server and database, and closed when that one ends. */
  static beside(redis: Redis): Wire {
    const known = WIRES.get(redis);
    if (known) return known;
    const wire = new Wire(redis.options);
    WIRES.set(redis, wire);
    redis.once("end", () => wire.close());
    return wire;
  }

  /**
   * Sends commands (see `encode`) and resolves to their replies, of which there are so many; an error of the server is one of them.
   * Rejects where the connection cannot be made or is lost; the next call connects again.
   */
  async ask(commands: Bytes, count: number): Promise<readonly Reply[]> {
    const connection = await this.#connected();
    return await connection.ask(commands, count);
  }

  /** Rejects whoever waits, and whoever asks from now on. */
  close(): void {
    this.#isClosed = true;
    void this.#connection?.then((connection) => connection.close()).catch(() => undefined);
  }

  async #connected(): Promise<WireConnection> {
    const connecting = (this.#connection ??= WireConnection.open(this.#options));
    let connection: WireConnection | undefined;
    try {
      connection = await connecting;
    } finally {
      // Several may wait for the same failure; only the first of them makes room for another attempt.
      if (!connection?.isOpen && this.#connection === connecting) this.#connection = undefined;
    }
    if (this.#isClosed) connection.close();
    return connection.isOpen || this.#isClosed ? connection : await this.#connected();
  }
}
