/**
 * A server that speaks TDS 7.4, the protocol of SQL Server, as far as the connector's driver needs it: sign-in, sp_executesql with
 * texts as parameters, transactions, errors, and the cancelling of what takes too long. Statements run wherever `Backend` runs them.
 */
import { createServer, type Server, type Socket } from "node:net";
import { Reader } from "./bytes.js";
import * as token from "./tokens.js";

/** Where statements run. */
export interface Backend {
  /** Throws where there is no database behind it: the socket is closed then. */
  connect(): Promise<Session>;
}

export interface Session {
  /** Throws an `SqlError`; anything else closes the socket. */
  execute(sql: string, inputs: ReadonlyMap<string, string | null>): Promise<Answer>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends it; whoever waits gets an error. */
  destroy(): void;
}

export interface Answer {
  readonly types?: readonly string[];
  readonly rows?: readonly (readonly (string | Buffer | null)[])[];
  readonly affected?: number;
}

/** An error with a number of SQL Server. */
export class SqlError extends Error {
  readonly number: number;

  constructor(number: number, message: string) {
    super(message);
    this.number = number;
  }
}

/** What the driver asked for, in order. */
export interface Call {
  readonly method: string;
  readonly sql?: string;
  readonly inputs?: Readonly<Record<string, { readonly type: string; readonly value: string | null }>>;
}

export interface TdsServer {
  readonly port: number;
  readonly calls: Call[];
  /** The number of an error that the next sign-in gets. */
  refuseNext(number: number): void;
  /** Listens on the same port again. */
  up(): Promise<void>;
  /** Stops listening, and cuts every connection. */
  down(): Promise<void>;
}

const PACKET = { batch: 1, rpc: 3, answer: 4, attention: 6, transaction: 0x0e, login: 0x10, prelogin: 0x12 } as const;
const HEADER = 8;
const PACKET_BYTES = 4096;
const NO_TRANSACTION = Buffer.alloc(8);

export async function startTds(backend: Backend, credentials: { user: string; password: string }): Promise<TdsServer> {
  const calls: Call[] = [];
  const sockets = new Set<Socket>();
  let refusal: number | undefined;
  const signIn = (user: string, password: string): number | undefined => {
    const number = refusal ?? (user === credentials.user && password === credentials.password ? undefined : 18_456);
    refusal = undefined;
    return number;
  };
  let server: Server | undefined;
  const listen = async (port: number): Promise<number> => {
    const next = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      new Link(socket, backend, signIn, calls);
    });
    await new Promise<void>((resolve, reject) => next.once("error", reject).listen(port, "127.0.0.1", resolve));
    server = next;
    return (next.address() as { port: number }).port;
  };
  const port = await listen(0);
  return {
    port,
    calls,
    refuseNext: (number) => (refusal = number),
    async up() {
      if (!server) await listen(port);
    },
    async down() {
      const closed = new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
      server = undefined;
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** One connection. */
class Link {
  readonly #socket: Socket;
  readonly #backend: Backend;
  readonly #signIn: (user: string, password: string) => number | undefined;
  readonly #calls: Call[];
  #session: Session | undefined;
  #received = Buffer.alloc(0);
  #message: Buffer[] = [];
  /** Messages are answered one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #transaction: Buffer = NO_TRANSACTION;
  #transactions = 0;
  #abortsOnError = false;
  /** Counts what was cancelled: an answer that comes later is nobody's. */
  #era = 0;

  constructor(
    socket: Socket,
    backend: Backend,
    signIn: (user: string, password: string) => number | undefined,
    calls: Call[],
  ) {
    this.#socket = socket;
    this.#backend = backend;
    this.#signIn = signIn;
    this.#calls = calls;
    socket.setNoDelay(true);
    socket.on("data", (data) => this.#receive(data));
    socket.on("error", () => undefined);
    socket.on("close", () => this.#session?.destroy());
  }

  /** Packets make messages; the last packet of one says so. */
  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= HEADER && this.#received.length >= this.#received.readUInt16BE(2)) {
      const length = this.#received.readUInt16BE(2);
      const [type, status] = [this.#received.readUInt8(0), this.#received.readUInt8(1)];
      this.#message.push(this.#received.subarray(HEADER, length));
      this.#received = this.#received.subarray(length);
      if ((status & 1) === 0) continue;
      const message = Buffer.concat(this.#message);
      this.#message = [];
      if (type === PACKET.attention) this.#cancel();
      else this.#turn = this.#turn.then(() => this.#serve(type, new Reader(message)));
    }
  }

  async #serve(type: number, message: Reader): Promise<void> {
    const era = this.#era;
    try {
      const answer = await this.#answer(type, message);
      if (era === this.#era) this.#send(answer);
    } catch {
      // Cut, as by a server that goes down; what was cancelled has its answer.
      if (era === this.#era) this.#socket.destroy();
    }
  }

  async #answer(type: number, message: Reader): Promise<Buffer> {
    switch (type) {
      case PACKET.prelogin:
        // Version and encryption ("not supported"), each with its place and length.
        return Buffer.from("00000b00060100110001ff10000000000002", "hex");
      case PACKET.login:
        return await this.#login(message);
      case PACKET.batch:
        readTransaction(message);
        return this.#settings(message);
      case PACKET.rpc:
        return await this.#execute(message);
      case PACKET.transaction:
        return await this.#transact(message);
      default:
        throw new Error(`a message of type ${type}`);
    }
  }

  async #login(message: Reader): Promise<Buffer> {
    const all = message.bytes(message.u32() - 4);
    // The offsets of host, user and password, counted from the begin of the message, stand at byte 36.
    const field = (index: number): Buffer => {
      const at = 32 + 4 * index;
      const start = all.readUInt16LE(at) - 4;
      return all.subarray(start, start + 2 * all.readUInt16LE(at + 2));
    };
    const user = field(1).toString("utf16le");
    const password = Buffer.from(field(2).map(unscramble)).toString("utf16le");
    this.#calls.push({ method: `sign in as ${user}` });
    const refused = this.#signIn(user, password);
    if (refused !== undefined) {
      const why = token.error(refused, `Sign-in of '${user}' failed.`);
      return Buffer.concat([why, token.done(token.STATUS.error)]);
    }
    this.#session = await this.#backend.connect();
    return Buffer.concat([token.collation(), token.loginAck(), token.done(token.STATUS.final)]);
  }

  /** The driver's SET statements. */
  #settings(message: Reader): Buffer {
    let text = "";
    while (message.more) text += message.text(1);
    this.#calls.push({ method: "batch", sql: text });
    this.#abortsOnError = text.includes("set xact_abort on");
    return token.done(token.STATUS.final);
  }

  async #execute(message: Reader): Promise<Buffer> {
    const transaction = readTransaction(message);
    if (!transaction.equals(this.#transaction)) throw new Error("the request belongs to another transaction");
    const [marker, procedure] = [message.u16(), message.u16()];
    if (marker !== 0xffff || procedure !== 10) throw new Error("only sp_executesql");
    message.u16();
    const parameters = readParameters(message);
    const sql = parameters.get("statement")?.value ?? parameters.values().next().value?.value ?? "";
    const inputs = new Map([...parameters].filter(([name]) => /^p\d+$/.test(name)));
    this.#calls.push({ method: "execute", sql, inputs: Object.fromEntries(inputs) });
    try {
      const texts = new Map([...inputs].map(([name, { value }]) => [name, value]));
      const { types = [], rows, affected = 0 } = await this.#session!.execute(sql, texts);
      if (this.#transaction === NO_TRANSACTION) await this.#session!.commit();
      const set = rows ? [token.rowSet(types, rows)] : [];
      const status = token.STATUS.more | token.STATUS.count;
      const ended = [token.doneInProc(status, rows?.length ?? affected), token.returnStatus(0)];
      return Buffer.concat([...set, ...ended, token.doneProc(token.STATUS.final)]);
    } catch (error) {
      if (!(error instanceof SqlError)) throw error;
      return await this.#refuse(error);
    }
  }

  /** With XACT_ABORT an error ends the transaction. */
  async #refuse({ number, message }: SqlError): Promise<Buffer> {
    const parts = [token.error(number, message)];
    if (this.#transaction === NO_TRANSACTION) await this.#session!.rollback();
    else if (this.#abortsOnError) {
      await this.#session!.rollback();
      parts.push(token.transaction("rollback", this.#transaction));
      this.#transaction = NO_TRANSACTION;
    }
    return Buffer.concat([...parts, token.doneProc(token.STATUS.error)]);
  }

  async #transact(message: Reader): Promise<Buffer> {
    const transaction = readTransaction(message);
    if (!transaction.equals(this.#transaction)) throw new Error("the request belongs to another transaction");
    const request = message.u16();
    const event = ({ 5: "begin", 7: "commit", 8: "rollback" } as const)[request];
    if (event === undefined) throw new Error(`transaction request ${request}`);
    this.#calls.push({ method: event === "begin" ? `begin ${message.u8()}` : event });
    if (event !== "begin") await this.#session![event]();
    const descriptor = event === "begin" ? Buffer.from([++this.#transactions, 0, 0, 0, 0, 0, 0, 1]) : transaction;
    this.#transaction = event === "begin" ? descriptor : NO_TRANSACTION;
    return Buffer.concat([token.transaction(event, descriptor), token.done(token.STATUS.final)]);
  }

  /** What runs is given up, with its session, since the backend cannot do less. */
  #cancel(): void {
    this.#calls.push({ method: "cancel" });
    this.#era++;
    this.#session?.destroy();
    this.#send(token.done(token.STATUS.attention));
  }

  #send(answer: Buffer): void {
    const room = PACKET_BYTES - HEADER;
    for (let at = 0; at < answer.length; at += room) {
      const part = answer.subarray(at, at + room);
      const header = Buffer.from([PACKET.answer, Number(at + room >= answer.length), 0, 0, 0, 0, 1, 0]);
      header.writeUInt16BE(part.length + HEADER, 2);
      this.#socket.write(Buffer.concat([header, part]));
    }
  }
}

const unscramble = (byte: number): number => ((byte ^ 0xa5) >> 4) | (((byte ^ 0xa5) << 4) & 0xff);

/** The headers of a request: which transaction it belongs to. */
function readTransaction(message: Reader): Buffer {
  const headers = message.bytes(message.u32() - 4);
  return headers.subarray(6, 14);
}

type Parameters = ReadonlyMap<string, { readonly type: string; readonly value: string | null }>;

/** Every parameter is an NVARCHAR. */
function readParameters(message: Reader): Parameters {
  const found = new Map<string, { type: string; value: string | null }>();
  while (message.more) {
    const name = message.text(message.u8()).slice(1);
    message.u8();
    if (message.u8() !== 0xe7) throw new Error(`parameter ${name} is not an NVARCHAR`);
    const maxBytes = message.u16();
    message.bytes(5);
    const type = maxBytes === 0xffff ? "nvarchar(max)" : `nvarchar(${maxBytes / 2})`;
    found.set(name, { type, value: message.nvarchar(maxBytes) });
  }
  return found;
}
