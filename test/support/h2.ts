/**
 * A private H2, which understands much of Oracle's and of SQL Server's SQL in its modes: what can be had where neither can. Its
 * data is on the disk, so that it can be killed. Statements reach it through JDBC by Bridge.java.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { classPath, mavenJars, missingForJava } from "./maven.mjs";
import { freePort, spawnServer, tempDir } from "./process.js";

const ARTIFACT = "com.h2database:h2:2.3.232";
const BRIDGE = fileURLToPath(new URL("./h2/Bridge.java", import.meta.url));

/** What is bound: null, a text, bytes, a double as JavaScript's number, or a list of texts. */
export type H2Value = null | string | number | Buffer | readonly (string | null)[];

/** An error of H2, by its own number: https://h2database.com/javadoc/org/h2/api/ErrorCode.html */
export interface H2Error {
  /** Which of the rows it was. */
  readonly row: number;
  readonly code: number;
  readonly state: string;
  readonly message: string;
}

export interface H2Answer {
  /** H2's names for the types of the columns. */
  readonly types?: readonly string[];
  readonly rows?: readonly (readonly (string | Buffer | null)[])[];
  readonly affected?: number;
  readonly errors?: readonly H2Error[];
}

/** One JDBC connection, without autocommit. */
export interface H2Connection {
  /** Executes the statement once a row. With `goOn` errors are collected, without it the first one is thrown. */
  execute(sql: string, rows?: readonly (readonly H2Value[])[], goOn?: boolean): Promise<H2Answer>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Ends the connections that wait for an answer; says how many. */
  cut(): Promise<number>;
  /** Ends it; whoever waits gets `H2Gone`. */
  destroy(): void;
}

/** The connection has gone. */
export class H2Gone extends Error {}

/** A statement that H2 refused. */
export class H2Refusal extends Error {
  readonly error: H2Error;

  constructor(error: H2Error) {
    super(error.message);
    this.error = error;
  }
}

export interface H2Server {
  readonly port: number;
  /** To this server, or to another port, where there may be none. */
  connect(port?: number): Promise<H2Connection>;
  kill(): Promise<void>;
  /** In order, as far as H2 has one. */
  shutdown(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is missing to run it, with what to do about it; undefined: nothing. Downloads the jar the first time. */
export async function missingForH2(): Promise<string | undefined> {
  const java = missingForJava([17, 21, 25]);
  if (java !== undefined) return java;
  // The bridge is run from its source.
  const { stdout } = spawnSync("java", ["--list-modules"], { encoding: "utf8" });
  if (!stdout.includes("jdk.compiler")) return "Java has no compiler: sudo apt-get install -y openjdk-17-jdk-headless";
  try {
    await mavenJars(ARTIFACT);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Starts one in the mode "Oracle" or "MSSQLServer". */
export async function startH2(mode: "Oracle" | "MSSQLServer"): Promise<H2Server> {
  const folder = tempDir("wbsync-h2");
  const jars = classPath(await mavenJars(ARTIFACT));
  const port = await freePort();
  // WRITE_DELAY=0: what is committed is written at once. Locks are waited for as long as the caller likes.
  const settings = `MODE=${mode};DATABASE_TO_UPPER=${mode === "Oracle"};CASE_INSENSITIVE_IDENTIFIERS=${mode === "MSSQLServer"}`;
  const url = `jdbc:h2:file:${join(folder, "data")};${settings};WRITE_DELAY=0;LOCK_TIMEOUT=600000;DB_CLOSE_ON_EXIT=FALSE;TIME ZONE=UTC`;
  const start = () =>
    spawnServer({
      command: "java",
      args: ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", jars, BRIDGE, String(port), url],
      logFile: join(folder, "server.log"),
      async ready() {
        (await openH2(port)).destroy();
        return true;
      },
      cwd: folder,
    });
  let server = await start();
  return {
    port,
    connect: (other = port) => openH2(other),
    kill: () => server.kill(),
    shutdown: () => server.stop(),
    async start() {
      if (!server.running) server = await start();
    },
    async stop() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A connection to the one that listens there. */
export async function openH2(port: number): Promise<H2Connection> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return new Line(socket);
}

type Answered = { readonly resolve: (line: string) => void; readonly reject: (error: Error) => void };

class Line implements H2Connection {
  readonly #socket: Socket;
  readonly #waiting: Answered[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    const lines = createInterface({ input: socket });
    lines.on("line", (line) => this.#waiting.shift()?.resolve(line));
    lines.on("error", () => undefined);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new H2Gone("the connection was lost"));
    });
  }

  async execute(sql: string, rows: readonly (readonly H2Value[])[] = [[]], goOn = false): Promise<H2Answer> {
    const answer = await this.#ask({ sql, rows: rows.map((row) => row.map(sent)), ...(goOn && { goOn }) });
    return answer.rows ? { ...answer, rows: answer.rows.map((row) => row.map(received)) } : (answer as H2Answer);
  }

  async commit(): Promise<void> {
    await this.#ask({ commit: true });
  }

  async rollback(): Promise<void> {
    await this.#ask({ rollback: true });
  }

  async cut(): Promise<number> {
    return (await this.#ask({ cut: true })).cut ?? 0;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #ask(request: object): Promise<RawAnswer> {
    const line = await new Promise<string>((resolve, reject) => {
      if (this.#socket.destroyed || !this.#socket.writable) return reject(new H2Gone("the connection was lost"));
      this.#waiting.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify(request)}\n`);
    });
    const answer = JSON.parse(line) as RawAnswer;
    if (answer.error) throw new H2Refusal(answer.error);
    return answer;
  }
}

type RawCell = string | null | { readonly base64: string };

interface RawAnswer {
  readonly rows?: readonly (readonly RawCell[])[];
  readonly error?: H2Error;
  readonly cut?: number;
}

function sent(value: H2Value): unknown {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return { double: String(value) };
  return Buffer.isBuffer(value) ? { base64: value.toString("base64") } : { array: value };
}

const received = (cell: RawCell): string | Buffer | null =>
  cell !== null && typeof cell === "object" ? Buffer.from(cell.base64, "base64") : cell;
