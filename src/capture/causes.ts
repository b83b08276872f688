/**
 * Why a key went. In the replication stream a client's DEL, an expiry and an eviction look the same. Two witnesses tell them apart:
 *
 * 1. Keyspace notifications (`expired`, `evicted`). They travel on another socket and may arrive after their DEL, so the judge
 *    sends a PING behind them: when its PONG is here, every notification published before is here too.
 * 2. The server's counters `expired_keys` and `evicted_keys`, sampled with the offset they belong to. Where a sample before a DEL and
 *    one after it are equal, the server removed nothing by itself in between: the DEL was a client's. This reaches back over a
 *    restart, because checkpoints carry a sample.
 *
 * What neither can tell is "uncertain".
 *
 *     stream    ──HSET──DEL a──────DEL b──▶      notifications   ──expired b──PONG▶
 *     samples   S1(7,0)────────S2(7,0)──────────S3(8,0)          DEL a: S1 = S2, a client's. DEL b: expired.
 */
import type { Redis } from "ioredis";
import type { Bytes, Change, Counters, GoneCause } from "../model.js";
import type { Logger } from "../observe/logger.js";
import { messageOf } from "../errors.js";
import { parseInfo } from "../redis/info.js";

type Gone = Extract<Change, { kind: "gone" }>;

const SAMPLE_INTERVAL_MS = 1000;
const MAX_SAMPLES = 4096;
/** Keys whose time to live is remembered from the stream. */
const MAX_TTLS = 100_000;
/** A notification whose DEL has not come by then belongs to a stretch that nobody reads. */
const MAX_NOTE_AGE_MS = 60_000;
const BARRIER_TIMEOUT_MS = 2000;

interface Note {
  readonly cause: GoneCause;
  readonly at: number;
}

export interface CauseOptions {
  readonly control: Redis;
  readonly subscriber: Redis;
  readonly db: number;
  /** May notify-keyspace-events be set on the server? */
  readonly mayConfigure: boolean;
  readonly log: Logger;
  readonly isWanted: (key: Bytes) => boolean;
}

/** Names the cause of every `gone` change that arrives as "uncertain". */
export class CauseJudge {
  readonly #control: Redis;
  readonly #subscriber: Redis;
  readonly #db: number;
  readonly #mayConfigure: boolean;
  readonly #log: Logger;
  readonly #isWanted: (key: Bytes) => boolean;
  readonly #notes = new Map<Bytes, Note[]>();
  readonly #ttls = new Map<Bytes, number>();
  #samples: Counters[] = [];
  /** Notifications are complete for changes that end after this offset; Infinity while there are none. */
  #coveredFrom = Infinity;
  #timer: NodeJS.Timeout | undefined;
  #warned = false;

  constructor(options: CauseOptions) {
    this.#mayConfigure = options.mayConfigure;
    this.#control = options.control;
    this.#subscriber = options.subscriber;
    this.#db = options.db;
    this.#log = options.log;
    this.#isWanted = options.isWanted;
  }

  /** Listens, and samples the counters every second, until `close`. */
  async open(): Promise<void> {
    this.#subscriber.on("messageBuffer", (channel: Buffer, key: Buffer) => this.#note(channel.toString("latin1"), key));
    this.#subscriber.on("close", () => (this.#coveredFrom = Infinity));
    this.#subscriber.on("ready", () => void this.#cover());
    await this.#cover();
    this.#timer = setInterval(() => void this.#tick(), SAMPLE_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Counters that a checkpoint carried: they let the judge look back to before this process was there. */
  remember(sample: Counters): void {
    this.#insert(sample);
  }

  /** The newest sample taken at or before an offset: what a checkpoint at that offset carries. */
  sampleBefore(offset: number): Counters | undefined {
    return this.#samples.findLast((sample) => sample.offset <= offset);
  }

  /** Offsets of another history are not comparable: forget all samples, and begin anew. */
  reset(): void {
    this.#samples = [];
    this.#notes.clear();
    this.#ttls.clear();
    void this.#cover();
  }

  /** Settles the causes of these changes, in place; synchronous where there is nothing to settle. */
  judge(changes: readonly Change[]): Promise<void> | undefined {
    const open = changes.filter(isOpen);
    if (open.length > 0) return this.#settle(changes, open);
    for (const change of changes) this.#followTtl(change);
    return undefined;
  }

  async #settle(changes: readonly Change[], open: readonly Gone[]): Promise<void> {
    const covered = open.filter((change) => change.end > this.#coveredFrom);
    if (covered.length > 0 && (await this.#barrier())) this.#matchNotes(covered);
    const last = open.findLast((change) => change.cause === "uncertain");
    if (last && !this.#samples.some((sample) => sample.offset >= last.end)) await this.#sample().catch(() => undefined);
    for (const change of changes) {
      if (isOpen(change)) setCause(change, this.#byCounters(change));
      this.#followTtl(change);
    }
  }

  /** Exactly as many notifications as DELs of a key, or none, is an answer; anything else is not. */
  #matchNotes(changes: readonly Gone[]): void {
    const byKey = new Map<Bytes, Gone[]>();
    for (const change of changes) {
      const list = byKey.get(change.key);
      if (list) list.push(change);
      else byKey.set(change.key, [change]);
    }
    for (const [key, gone] of byKey) {
      const notes = this.#notes.get(key);
      this.#notes.delete(key);
      if (!notes) for (const change of gone) setCause(change, "delete");
      else if (notes.length >= gone.length) {
        gone.forEach((change, i) => setCause(change, (notes[i] as Note).cause));
        if (notes.length > gone.length) this.#notes.set(key, notes.slice(gone.length));
      }
    }
  }

  #byCounters(change: Gone): GoneCause {
    const before = this.sampleBefore(change.start);
    const after = this.#samples.find((sample) => sample.offset >= change.end);
    if (!before || !after || before.runId !== after.runId) return "uncertain";
    if (before.evicted !== after.evicted) return "uncertain";
    if (before.expired === after.expired) return "delete";
    // Something expired in this stretch; not this key, if it is known to live longer.
    return (this.#ttls.get(change.key) ?? 0) > Date.now() ? "delete" : "uncertain";
  }

  /** Remembers for how long a key lives: known from its creation (no limit) or from PEXPIREAT. */
  #followTtl(change: Change): void {
    if (change.kind === "dirty") this.#ttls.delete(change.key);
    const at = change.kind === "ttl" ? change.at : change.kind === "gone" ? Infinity : undefined;
    if (at === undefined) return;
    this.#ttls.delete(change.key);
    this.#ttls.set(change.key, at);
    if (this.#ttls.size > MAX_TTLS) this.#ttls.delete(this.#ttls.keys().next().value as Bytes);
  }

  /** True once every notification published before now has arrived. */
  async #barrier(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), BARRIER_TIMEOUT_MS)));
    try {
      return await Promise.race([this.#subscriber.ping().then(() => this.#coveredFrom !== Infinity), tooLate]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  #note(channel: string, rawKey: Buffer): void {
    const key = rawKey.toString("latin1");
    if (!this.#isWanted(key)) return;
    const note: Note = { cause: channel.endsWith(":evicted") ? "evict" : "expire", at: Date.now() };
    const notes = this.#notes.get(key);
    if (notes) notes.push(note);
    else this.#notes.set(key, [note]);
  }

  /** Subscribes (again), and notes from which offset on nothing is missed. */
  async #cover(): Promise<void> {
    this.#coveredFrom = Infinity;
    try {
      await this.#subscriber.subscribe(`__keyevent@${this.#db}__:expired`, `__keyevent@${this.#db}__:evicted`);
      const enabled = await this.#enableNotifications();
      const sample = await this.#sample();
      if (enabled && sample) this.#coveredFrom = sample.offset;
    } catch (error) {
      this.#log.debug({ err: messageOf(error) }, "notifications are not available now");
    }
  }

  async #enableNotifications(): Promise<boolean> {
    try {
      const [, flags = ""] = (await this.#control.config("GET", "notify-keyspace-events")) as string[];
      const has = (flag: string) => flags.includes(flag) || (flags.includes("A") && flag !== "E");
      const missing = ["E", "x", "e"].filter((flag) => !has(flag));
      if (missing.length > 0 && !this.#mayConfigure) throw new Error("changing the server's settings is switched off");
      if (missing.length > 0) await this.#control.config("SET", "notify-keyspace-events", flags + missing.join(""));
      return true;
    } catch (error) {
      if (!this.#warned) {
        this.#log.warn(
          `expiry and eviction can be told from deletes only by the server's counters: notify-keyspace-events cannot be read or set (${messageOf(error)}). Set it to "Exe" in redis.conf, or allow +config|get +config|set.`,
        );
      }
      this.#warned = true;
      return false;
    }
  }

  async #tick(): Promise<void> {
    const oldest = Date.now() - MAX_NOTE_AGE_MS;
    for (const [key, notes] of this.#notes) if ((notes[notes.length - 1] as Note).at < oldest) this.#notes.delete(key);
    try {
      await this.#sample();
    } catch {
      // The connection is down; the next tick tries again.
    }
  }

  async #sample(): Promise<Counters | undefined> {
    const info = parseInfo(await this.#control.info());
    const sample: Counters = {
      runId: info["run_id"] ?? "",
      offset: Number(info["master_repl_offset"]),
      expired: Number(info["expired_keys"]),
      evicted: Number(info["evicted_keys"]),
    };
    if (!Number.isFinite(sample.offset + sample.expired + sample.evicted)) return undefined;
    this.#insert(sample);
    return sample;
  }

  #insert(sample: Counters): void {
    const samples = this.#samples;
    let at = samples.length;
    while (at > 0 && (samples[at - 1] as Counters).offset > sample.offset) at--;
    // Of equal offsets the first sample stays as the one "before", the last as the one "after".
    samples.splice(at, 0, sample);
    if (samples.length > MAX_SAMPLES) this.#samples = samples.filter((_, i) => i % 2 === 0 || i > MAX_SAMPLES / 2);
  }
}

function isOpen(change: Change): change is Gone {
  return change.kind === "gone" && change.cause === "uncertain";
}

function setCause(change: Gone, cause: GoneCause): void {
  (change as { cause: GoneCause }).cause = cause;
}
