/**
 * Why a key went. In the replication stream a client's DEL, an expiry and an eviction look the same. Three witnesses tell them
 * apart:
 *
 * 1. Keyspace notifications (notifications.ts). Where none is missing, a DEL without one was a client's.
 * 2. The server's counters `expired_keys` and `evicted_keys`, sampled with the offset they belong to. Where a sample before a DEL and
 *    one after it are equal, the server removed nothing by itself in between: the DEL was a client's. This reaches back over a
 *    restart, because checkpoints carry a sample.
 * 3. Times to live that the stream tells (lifetimes.ts): a key that lives longer has not expired.
 *
 * What none can tell is "uncertain".
 *
 *     stream    ──HSET──DEL a──────DEL b──▶      notifications   ──expired b──PONG▶
 *     samples   S1(7,0)────────S2(7,0)──────────S3(8,0)          DEL a: S1 = S2, a client's. DEL b: expired.
 */
import type { Redis } from "ioredis";
import type { Bytes, Change, Counters, GoneCause } from "../model.js";
import { parseInfo } from "../redis/info.js";
import { Lifetimes } from "./lifetimes.js";
import { type Note, type NotificationOptions, Notifications } from "./notifications.js";
import { Samples } from "./samples.js";

type Gone = Extract<Change, { kind: "gone" }>;

/** A key that went, and whether its time may have been up. */
interface Case {
  readonly change: Gone;
  readonly mayHaveExpired: boolean;
}

const SAMPLE_INTERVAL_MS = 1000;

/** Names the cause of every `gone` change that arrives as "uncertain". */
export class CauseJudge {
  readonly #control: Redis;
  readonly #notifications: Notifications;
  readonly #samples = new Samples();
  readonly #lifetimes = new Lifetimes();
  /** Everything up to here has been judged. */
  #judged = 0;
  /** Grows with every loss of history: what was asked for before it is of no use after it. */
  #history = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: NotificationOptions) {
    this.#control = options.control;
    this.#notifications = new Notifications(options);
  }

  /** Listens, and samples the counters every second, until `close`. */
  async open(): Promise<void> {
    await this.#notifications.open();
    await this.#sample().catch(() => undefined);
    this.#timer = setInterval(() => void this.#tick(), SAMPLE_INTERVAL_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#notifications.close();
  }

  /** Keys that begin with these bytes will be asked about. */
  want(head: Bytes): void {
    this.#notifications.want(head);
    if (this.#timer) void this.#sample().catch(() => undefined);
  }

  unwant(head: Bytes): void {
    this.#notifications.unwant(head);
  }

  /** Counters that a checkpoint carried: they let the judge look back to before this process was there. */
  remember(sample: Counters): void {
    this.#samples.add(sample);
  }

  /** The newest sample taken at or before an offset: what a checkpoint at that offset carries. */
  sampleBefore(offset: number): Counters | undefined {
    return this.#samples.before(offset);
  }

  /** The stream is read from here; what it said elsewhere of times to live need not hold. */
  startAt(offset: number): void {
    if (offset !== this.#judged) this.#lifetimes.clear();
    this.#judged = offset;
  }

  /** Offsets of another history are not comparable: forgets everything, and begins anew. */
  reset(): void {
    this.#history++;
    this.#samples.clear();
    this.#lifetimes.clear();
    this.#notifications.clear();
    void this.#sample().catch(() => undefined);
  }

  /** Settles the causes of these changes, in place; synchronous where there is nothing to settle. `upTo`: where they end. */
  judge(changes: readonly Change[], upTo: number): Promise<void> | undefined {
    const open: Case[] = [];
    for (const change of changes) {
      if (isOpen(change)) open.push({ change, mayHaveExpired: this.#lifetimes.mayHaveExpired(change.key) });
      this.#lifetimes.follow(change);
    }
    if (open.length > 0) return this.#settle(open, upTo);
    this.#judged = upTo;
    return undefined;
  }

  async #settle(open: readonly Case[], upTo: number): Promise<void> {
    const isComplete = await this.#notifications.barrier();
    this.#askNotifications(open, isComplete);
    const last = open.findLast(({ change }) => isOpen(change));
    if (last && !this.#samples.after(last.change.end)) await this.#sample().catch(() => undefined);
    for (const one of open) if (isOpen(one.change)) setCause(one.change, this.#byCounters(one));
    this.#judged = upTo;
  }

  #askNotifications(open: readonly Case[], isComplete: boolean): void {
    const byKey = new Map<Bytes, Case[]>();
    for (const one of open) {
      const list = byKey.get(one.change.key);
      if (list) list.push(one);
      else byKey.set(one.change.key, [one]);
    }
    for (const [key, cases] of byKey) this.#matchNotes(key, cases, isComplete);
  }

  /** At least as many notifications as DELs that they may belong to, or none, is an answer; anything else is not. */
  #matchNotes(key: Bytes, cases: readonly Case[], isComplete: boolean): void {
    const notes = this.#notifications.take(key);
    const suspects = cases.filter((one) => notes.some((note) => belongs(note, one)));
    if (notes.length >= suspects.length) {
      for (const one of suspects) {
        const i = notes.findIndex((note) => belongs(note, one));
        if (i >= 0) setCause(one.change, (notes.splice(i, 1)[0] as Note).cause);
      }
      this.#notifications.giveBack(key, notes);
    }
    if (!isComplete) return;
    for (const { change } of cases.filter((one) => !suspects.includes(one))) {
      if (this.#notifications.covers(key, change.start)) setCause(change, "delete");
    }
  }

  #byCounters({ change, mayHaveExpired }: Case): GoneCause {
    const before = this.#samples.before(change.start);
    const after = this.#samples.after(change.end);
    if (!before || !after || before.runId !== after.runId) return "uncertain";
    if (before.evicted !== after.evicted) return "uncertain";
    // Something expired in this stretch; not this key, if it is known to live longer.
    return before.expired === after.expired || !mayHaveExpired ? "delete" : "uncertain";
  }

  async #tick(): Promise<void> {
    try {
      await this.#notifications.listen();
      const sample = await this.#sample();
      if (sample) await this.#notifications.moveFloor(sample.offset);
      this.#notifications.passed(this.#judged);
    } catch {
      // The connection is down; the next tick tries again.
    }
  }

  async #sample(): Promise<Counters | undefined> {
    const askedAtMs = Date.now();
    const history = this.#history;
    const sampled = this.#notifications.beginSample();
    const info = parseInfo(await this.#control.info());
    const sample: Counters = {
      runId: info["run_id"] ?? "",
      offset: Number(info["master_repl_offset"]),
      expired: Number(info["expired_keys"]),
      evicted: Number(info["evicted_keys"]),
    };
    if (history !== this.#history) return undefined;
    if (!Number.isFinite(sample.offset + sample.expired + sample.evicted)) return undefined;
    this.#lifetimes.setClock(Number(info["server_time_usec"]) / 1000, askedAtMs);
    this.#samples.add(sample);
    sampled(sample.offset);
    return sample;
  }
}

/** Whether a notification may speak of this DEL. */
function belongs(note: Note, { change, mayHaveExpired }: Case): boolean {
  const isInRange = change.end > note.from && change.start < note.to;
  return isInRange && (note.cause === "evict" || mayHaveExpired);
}

function isOpen(change: Change): change is Gone {
  return change.kind === "gone" && change.cause === "uncertain";
}

function setCause(change: Gone, cause: GoneCause): void {
  (change as { cause: GoneCause }).cause = cause;
}
