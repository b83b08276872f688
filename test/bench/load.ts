/**
 * The load generator: a process of its own that writes hashes over one connection as fast as Redis takes them. Every command is
 * made before the clock starts, and replies are counted by their bytes, so that it takes little of the CPU that is measured.
 */
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { hset, inNoOrder } from "./person.js";
import { clockMs } from "./stats.js";
import { serve } from "./worker.js";

export interface LoadJob {
  readonly port: number;
  /** HSETs. */
  readonly writes: number;
  /** The first id, and how many there are; they come in no order, again and again. */
  readonly firstId: number;
  readonly ids: number;
  /** Waits until the last write is committed: WAIT waits for the last write of its own connection. */
  readonly waits: boolean;
}

export interface LoadResult {
  readonly startedAt: number;
  /** The last HSET was answered. */
  readonly loadedAt: number;
  /** WAIT was answered. */
  readonly durableAt: number;
}

/** Commands handed to the socket at once. */
const CHUNK = 1000;
/** ":3\r\n" for a new hash, ":0\r\n" for one that is there. */
const REPLY_BYTES = 4;
const WAIT_MS = 300_000;

serve(async ({ port, writes, firstId, ids, waits }: LoadJob): Promise<LoadResult> => {
  const chunks: Buffer[] = [];
  for (let from = 0; from < writes; from += CHUNK) {
    let text = "";
    for (let i = from; i < Math.min(from + CHUNK, writes); i++) text += hset(firstId + inNoOrder(i, ids), firstId + i);
    chunks.push(Buffer.from(text, "latin1"));
  }
  const socket = connect(port, "127.0.0.1").setNoDelay(true);
  await once(socket, "connect");
  try {
    const startedAt = clockMs();
    const loaded = bytesFrom(socket, writes * REPLY_BYTES);
    for (const chunk of chunks) if (!socket.write(chunk)) await once(socket, "drain");
    await loaded;
    const loadedAt = clockMs();
    if (waits) await waitForCommit(socket);
    return { startedAt, loadedAt, durableAt: clockMs() };
  } finally {
    socket.destroy();
  }
});

async function waitForCommit(socket: Socket): Promise<void> {
  const answered = bytesFrom(socket, REPLY_BYTES);
  socket.write(`*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$6\r\n${WAIT_MS}\r\n`);
  const reply = await answered;
  if (reply !== ":1\r\n")
    throw new Error(`WAIT was answered ${JSON.stringify(reply)}: the writes are not in the table`);
}

/** Resolves to the last chunk when so many bytes have come. */
function bytesFrom(socket: Socket, count: number): Promise<string> {
  return new Promise((resolve, reject) => {
    let got = 0;
    const take = (chunk: Buffer) => {
      if (chunk.includes("-")) reject(new Error(`Redis answered ${chunk.toString("latin1").slice(0, 200)}`));
      got += chunk.length;
      if (got < count) return;
      socket.off("data", take);
      resolve(chunk.toString("latin1"));
    };
    socket.on("data", take);
    socket.once("close", () => reject(new Error("Redis closed the connection")));
  });
}
