/** One connection to the server as a replica: handshake, PSYNC, and then bytes. */
import { once } from "node:events";
import type net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WbsyncError } from "../errors.js";
import { describeTarget, type RedisTarget } from "../redis/client.js";
import { openSocket } from "../redis/socket.js";
import { Pace } from "./pace.js";

/** What the server answered to PSYNC. */
export interface Synced {
  /** false: the stream goes on where it was asked to; true: the server could not, and starts at `offset`. */
  readonly full: boolean;
  readonly replid: string;
  /** The stream's first byte is at this offset (that is, everything up to here has been seen). */
  readonly offset: number;
}

/** A piece that nobody has taken yet is the last that is read: what comes after it is left to the system, which gathers it. */
const READING = { readableHighWaterMark: 1 };
const ACK_INTERVAL_MS = 1000;
const WATCH_INTERVAL_MS = 1000;
/** Between two pieces of a stream that comes in many small ones. */
const REST_MS = 1;
const CONNECT_TIMEOUT_MS = 10_000;
/** A server that is alive sends PING every ten seconds (repl-ping-replica-period) or newlines. */
const SILENCE_TIMEOUT_MS = 60_000;

/** Pretends to be a replica. Nothing is written to the server but acknowledgements. */
export class ReplicaLink {
  readonly #socket: net.Socket;
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #target: RedisTarget;
  readonly #pace = new Pace();
  #rest: Buffer = Buffer.alloc(0);
  #acks: NodeJS.Timeout | undefined;
  /** Since when nothing has come, in ms of the monotonic clock; undefined while nobody waits for anything. */
  #silentSince: number | undefined;

  private constructor(socket: net.Socket, target: RedisTarget) {
    this.#socket = socket;
    this.#target = target;
    this.#chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  /** Connects and introduces itself. `WbsyncError` REDIS_UNREACHABLE says what the server refused. */
  static async connect(target: RedisTarget, signal: AbortSignal): Promise<ReplicaLink> {
    signal.throwIfAborted();
    const socket = openSocket(target, READING);
    const abort = () => socket.destroy(new Error("aborted"));
    signal.addEventListener("abort", abort, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", abort));
    const timer = setTimeout(() => socket.destroy(new Error("timed out")), CONNECT_TIMEOUT_MS);
    try {
      await once(socket, target.tls ? "secureConnect" : "connect");
      socket.setNoDelay(true);
      const link = new ReplicaLink(socket, target);
      link.#watch();
      await link.#introduce();
      return link;
    } catch (cause) {
      socket.destroy();
      if (cause instanceof WbsyncError) throw cause;
      throw unreachable(target, cause);
    } finally {
      clearTimeout(timer);
    }
  }

  async #introduce(): Promise<void> {
    const { username, password } = this.#target;
    if (password !== undefined) await this.#expectOk("AUTH", ...(username ? [username] : []), password);
    await this.#expectOk("PING");
    await this.#expectOk("REPLCONF", "listening-port", "0");
    await this.#expectOk("REPLCONF", "capa", "eof", "capa", "psync2");
    // Redis 7 then leaves its RDB empty; an older server refuses, and its RDB is skipped.
    await this.#ask("REPLCONF", "rdb-filter-only", "");
  }

  /**
   * Asks for the stream after `offset`. Only the first byte of an RDB is waited for here; `chunks` skips the rest.
   * `from` undefined asks for a full synchronisation.
   */
  async psync(from: { replid: string; offset: number } | undefined): Promise<Synced> {
    const reply = await this.#ask("PSYNC", from?.replid ?? "?", from ? String(from.offset + 1) : "-1");
    const [word, replid, offset] = reply.split(" ");
    if (word === "+FULLRESYNC" && replid !== undefined) {
      this.#startAcks();
      return { full: true, replid, offset: Number(offset) };
    }
    if (word === "+CONTINUE" && from) {
      this.#startAcks();
      return { full: false, replid: replid ?? from.replid, offset: from.offset };
    }
    throw new WbsyncError(
      "REDIS_UNREACHABLE",
      `Redis at ${describeTarget(this.#target)} refused PSYNC: ${reply.slice(1)}`,
      {
        hint: "wbsync reads the replication stream: its user needs +psync +replconf +ping, and the server must allow replicas.",
      },
    );
  }

  /** The bytes of the stream. Ends when the connection does; throws where it was cut. */
  async *chunks(afterFullSync: boolean): AsyncGenerator<Buffer> {
    if (afterFullSync) await this.#skipRdb();
    if (this.#rest.length > 0) yield this.#takeRest();
    for (;;) {
      const { value, done } = await this.#next();
      if (done) return;
      yield value;
    }
  }

  /** The offset that the periodic acknowledgement reports; asked once a second. */
  acknowledged: () => number = () => 0;

  /** Tells the server now that everything up to `offset` is safe. */
  acknowledge(offset: number): void {
    if (this.#socket.writable) this.#socket.write(encode("REPLCONF", "ACK", String(offset)));
  }

  close(): void {
    clearInterval(this.#acks);
    this.#socket.destroy();
  }

  /** The server needs one every second: to start the stream after an RDB, and to believe that we are alive. */
  #startAcks(): void {
    this.#acks = setInterval(() => this.acknowledge(this.acknowledged()), ACK_INTERVAL_MS);
    this.#socket.once("close", () => clearInterval(this.#acks));
  }

  async #skipRdb(): Promise<void> {
    const header = await this.#readLine();
    const length = Number(header.slice(1));
    if (Number.isInteger(length)) return this.#skipBytes(length);
    if (!header.startsWith("$EOF:"))
      throw new WbsyncError("REDIS_UNREACHABLE", `expected an RDB, found ${header.slice(0, 80)}`);
    await this.#skipPast(Buffer.from(header.slice(5), "latin1"));
  }

  async #skipBytes(count: number): Promise<void> {
    while (count > 0) {
      if (this.#rest.length === 0) await this.#more();
      const skipped = Math.min(count, this.#rest.length);
      this.#rest = this.#rest.subarray(skipped);
      count -= skipped;
    }
  }

  /** Skips up to and past a mark, which may lie across chunks. */
  async #skipPast(mark: Buffer): Promise<void> {
    for (;;) {
      const found = this.#rest.indexOf(mark);
      if (found >= 0) {
        this.#rest = this.#rest.subarray(found + mark.length);
        return;
      }
      this.#rest = this.#rest.subarray(Math.max(0, this.#rest.length - mark.length + 1));
      await this.#more();
    }
  }

  async #expectOk(...args: string[]): Promise<void> {
    const reply = await this.#ask(...args);
    if (reply.startsWith("+")) return;
    const refused = reply.slice(1);
    throw new WbsyncError(
      "REDIS_UNREACHABLE",
      `Redis at ${describeTarget(this.#target)} refused ${args[0]}: ${refused}`,
      {
        hint: /NOAUTH|WRONGPASS/.test(refused)
          ? "Give the right --user and --password (or REDIS_URL, REDISCLI_AUTH)."
          : "The user needs +psync +replconf +ping.",
      },
    );
  }

  async #ask(...args: string[]): Promise<string> {
    this.#socket.write(encode(...args));
    return await this.#readLine();
  }

  /** One line; empty ones are keep-alives. */
  async #readLine(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf(10);
      if (end < 0) {
        await this.#more();
        continue;
      }
      const line = this.#rest.toString("latin1", 0, end).replace(/\r$/, "");
      this.#rest = this.#rest.subarray(end + 1);
      if (line !== "") return line;
    }
  }

  async #more(): Promise<void> {
    const { value, done } = await this.#next();
    if (done)
      throw new WbsyncError("REDIS_UNREACHABLE", `Redis at ${describeTarget(this.#target)} closed the connection`);
    this.#rest = this.#rest.length === 0 ? value : Buffer.concat([this.#rest, value]);
  }

  async #next(): Promise<IteratorResult<Buffer, undefined>> {
    if (this.#pace.isCrowded) await sleep(REST_MS);
    this.#silentSince = performance.now();
    const result = (await this.#chunks.next()) as IteratorResult<Buffer, undefined>;
    this.#silentSince = undefined;
    if (!result.done) this.#pace.note(result.value.length, performance.now());
    return result;
  }

  /** A server that went without a word is noticed; a socket's own time-out would take our acknowledgements for its words. */
  #watch(): void {
    const timer = setInterval(() => {
      if (this.#silentSince === undefined || performance.now() - this.#silentSince < SILENCE_TIMEOUT_MS) return;
      this.#socket.destroy(new Error(`the server has been silent for ${SILENCE_TIMEOUT_MS / 1000} s`));
    }, WATCH_INTERVAL_MS);
    this.#socket.once("close", () => clearInterval(timer));
  }

  #takeRest(): Buffer {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest;
  }
}

function encode(...args: string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(arg)}\r\n${arg}\r\n`).join("")}`;
}

function unreachable(target: RedisTarget, cause: unknown): WbsyncError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WbsyncError("REDIS_UNREACHABLE", `Redis at ${describeTarget(target)} cannot be reached: ${reason}`, {
    hint: "Check that the server runs and that host, port and TLS are right.",
    cause,
  });
}
