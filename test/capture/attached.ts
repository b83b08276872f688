/** A recipe at the stream of a private server, that remembers everything it is told. */
import type { Redis } from "ioredis";
import type { Attached, Consumer, Resume } from "../../src/capture/capture.js";
import { ReplicationCapture } from "../../src/capture/replication.js";
import type { Change, Position } from "../../src/model.js";
import { createLogger } from "../../src/observe/logger.js";
import { parseInfo } from "../../src/redis/info.js";
import type { RedisTarget } from "../../src/redis/target.js";
import type { RedisServer } from "../support/redis.js";
import { waitFor } from "../support/wait.js";

export const SILENT = createLogger({ format: "json", level: "silent" });

export class Collector implements Consumer {
  readonly head: string;
  readonly attachments: Attached[] = [];
  readonly changes: Change[] = [];
  readonly losses: string[] = [];
  captured: Position | undefined;
  hurries = 0;
  /** Nothing beyond is in the table yet; undefined: everything is at once. */
  holdAt: number | undefined;

  constructor(head = "k:") {
    this.head = head;
  }

  attached(at: Attached): void {
    this.attachments.push(at);
    this.captured = at.position;
  }

  deliver(changes: readonly Change[], captured: Position): void {
    this.changes.push(...changes);
    this.captured = captured;
  }

  hurry(): void {
    this.hurries++;
  }

  committed(): number {
    return Math.min(this.holdAt ?? Infinity, this.captured?.offset ?? 0);
  }

  lost(reason: string): void {
    this.losses.push(reason);
  }

  /** Keys of the changes, in order. */
  get keys(): string[] {
    return this.changes.map(({ key }) => key);
  }

  /** By key, why it went last. */
  get causes(): Map<string, string> {
    return new Map(this.changes.flatMap((change) => (change.kind === "gone" ? [[change.key, change.cause]] : [])));
  }
}

export interface CaptureOptions {
  readonly target?: Partial<RedisTarget>;
  readonly mayConfigure?: boolean;
  /** Instead of unrestricted clients. */
  readonly control?: Redis;
}

/** A capture that runs; end it with `end`. */
export function startCapture(server: RedisServer, options: CaptureOptions = {}) {
  const target = { ...server.target, ...options.target };
  const control = options.control ?? server.client({ db: target.db, maxRetriesPerRequest: null });
  const subscriber = server.client({ db: target.db, maxRetriesPerRequest: null });
  const capture = new ReplicationCapture({
    target,
    control,
    subscriber,
    mayConfigure: options.mayConfigure ?? true,
    isOwn: () => true,
    log: SILENT,
  });
  const stop = new AbortController();
  const running = capture.run(stop.signal);
  return {
    capture,
    control,
    subscriber,
    attach(collector: Collector, from?: Resume): Collector {
      capture.attach(collector, from);
      return collector;
    },
    async end(): Promise<void> {
      stop.abort();
      await running;
    },
  };
}

/** Where the server is. */
export async function serverOffset(redis: Redis): Promise<number> {
  return Number(parseInfo(await redis.info("replication"))["master_repl_offset"]);
}

/** Waits until everything written so far was delivered. */
export async function caughtUp(collector: Collector, redis: Redis): Promise<void> {
  const target = await serverOffset(redis);
  await waitFor(() => collector.captured && collector.captured.offset >= target, { what: `offset ${target}` });
}

export async function isAttached(collector: Collector): Promise<void> {
  await waitFor(() => collector.attachments.length > 0, { what: "the place at the stream" });
}
