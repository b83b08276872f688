/** A connection to MongoDB, through its driver: opened once, and gone when it is lost. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientSession, Db, MongoClient, MongoClientOptions } from "mongodb";
import { UserError } from "../../errors.js";
import { within } from "../sql/driver.js";
import { loadMongodb, type Driver } from "./driver.js";
import { explainConnect, isAborted } from "./errors.js";
import type { MongodbServer } from "./options.js";

/** What the server says of itself. */
export interface Hello {
  readonly maxBsonObjectSize: number;
  /** Member of a replica set, or the router of a sharded cluster: there are transactions. */
  readonly hasTransactions: boolean;
}

/** Connects, and asks the server what it can do. */
export async function connectLink(server: MongodbServer, signal: AbortSignal): Promise<Link> {
  const driver = await loadMongodb();
  signal.throwIfAborted();
  const link = new Link(driver, makeClient(driver, server), server);
  try {
    await link.start(signal);
    return link;
  } catch (error) {
    link.cut();
    signal.throwIfAborted();
    throw explainConnect(error, server);
  }
}

function makeClient({ MongoClient: Client }: Driver, server: MongodbServer): MongoClient {
  const says = (name: string) => new RegExp(`[?&]${name}=`, "i").test(server.url);
  const options: MongoClientOptions = {
    appName: "wbsync",
    maxPoolSize: 2,
    serverSelectionTimeoutMS: server.connectTimeoutMs,
    connectTimeoutMS: server.connectTimeoutMs,
    socketTimeoutMS: server.statementTimeoutMs,
    ...(server.user !== undefined && { auth: { username: server.user, password: server.password ?? "" } }),
    ...(server.authSource !== undefined && { authSource: server.authSource }),
    ...tlsOptions(server),
    // Invariant 1: what is acknowledged has to survive the loss of a member, and of its power.
    ...(!says("w") && !says("journal") && { writeConcern: { w: "majority", journal: true } }),
    ...(!says("readConcernLevel") && { readConcern: { level: "majority" } }),
    readPreference: "primary",
  };
  try {
    return new Client(server.url, options);
  } catch (error) {
    // The driver's words may repeat the URL, and with it a password.
    const { name } = error as Error;
    throw new UserError("RECIPE_INVALID", `mongodb: the driver does not understand the URL or the options (${name})`, {
      hint: "Write mongodb://user:password@host:27017/database; special characters in a password are written as %xx.",
    });
  }
}

function tlsOptions({ tls }: MongodbServer): MongoClientOptions {
  if (tls === undefined) return {};
  if (typeof tls === "boolean") return { tls };
  return { ...(tls as MongoClientOptions), tls: true };
}

export class Link {
  readonly driver: Driver;
  readonly #client: MongoClient;
  readonly #server: MongodbServer;
  readonly #cut = new AbortController();
  #hello: Hello = { maxBsonObjectSize: 16 * 1024 * 1024, hasTransactions: false };

  constructor(driver: Driver, client: MongoClient, server: MongodbServer) {
    this.driver = driver;
    this.#client = client;
    this.#server = server;
    // Monitoring goes on in the background, and its errors reach nobody who could act on them.
    client.on("error", () => undefined);
  }

  get db(): Db {
    return this.#client.db(this.#server.database);
  }

  get hello(): Hello {
    return this.#hello;
  }

  get isHealthy(): boolean {
    return !this.#cut.signal.aborted;
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#wait(this.#client.connect(), this.#server.connectTimeoutMs, "No connection", signal);
    const hello = await this.run(signal, () => this.db.admin().command({ hello: 1 }));
    this.#hello = {
      maxBsonObjectSize: Number(hello.maxBsonObjectSize ?? this.#hello.maxBsonObjectSize),
      hasTransactions: hello.setName !== undefined || hello.msg === "isdbgrid",
    };
  }

  /** Work on this connection: an abort or too long a silence ends the connection, and with it the wait. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    try {
      return await this.#wait(work(), this.#server.statementTimeoutMs, "No answer", signal);
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    }
  }

  /** A transaction; where another one was faster, once more, until it is known who was first. */
  async transact(work: (session: ClientSession) => Promise<void>): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transactOnce(work);
      } catch (error) {
        if (attempt === ATTEMPTS || !isAborted(error) || !this.isHealthy) throw error;
        await sleep(attempt * 5);
      }
    }
  }

  async #transactOnce(work: (session: ClientSession) => Promise<void>): Promise<void> {
    const session = this.#client.startSession();
    try {
      session.startTransaction({ readPreference: "primary" });
      await work(session);
      await session.commitTransaction();
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(() => undefined);
      throw error;
    } finally {
      await session.endSession();
    }
  }

  async #wait<T>(work: Promise<T>, ms: number, what: string, signal: AbortSignal): Promise<T> {
    const cut = () => this.cut();
    signal.addEventListener("abort", cut, { once: true });
    try {
      return await within(work, { ms, what, cut, signal: this.#cut.signal });
    } finally {
      signal.removeEventListener("abort", cut);
    }
  }

  /** Ends the connection; nobody waits for it. */
  cut(): void {
    this.#cut.abort();
    this.#client.close(true).catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#cut.abort();
    await Promise.race([this.#client.close().catch(() => undefined), sleep(CLOSE_MS, undefined, { ref: false })]);
  }
}

const ATTEMPTS = 20;
const CLOSE_MS = 1000;
