/**
 * Capture by the replication stream: one link to the server, shared by all recipes, because the server knows one acknowledgement a
 * link, and WAIT must mean "in every table".
 *
 *     connect ─▶ INFO ─▶ each recipe: can the backlog go on from its position? ─▶ PSYNC at the lowest ─▶ deliver ─▶ …
 *
 * No RDB is ever asked for. A position of now is always in the backlog, so PSYNC continues from there, the server forks
 * nothing, and what a recipe has missed is found by SCAN. A server that has no backlog yet makes one as soon as a replica
 * knocks; the first knock is hung up before an RDB is begun.
 */
import { performance } from "node:perf_hooks";
import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { messageOf } from "../errors.js";
import type { Change, Counters, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { RedisTarget } from "../redis/client.js";
import { parseReplication, type ReplicationInfo } from "../redis/info.js";
import { OWN } from "../redis/keys.js";
import { Backoff } from "../backoff.js";
import { orAbort } from "../or-abort.js";
import type { Capture, Consumer, Resume } from "./capture.js";
import { CauseJudge } from "./causes.js";
import { Interpreter } from "./commands.js";
import { ReplicaLink, type Synced } from "./link.js";
import { CommandReader } from "./resp.js";

/** A recipe at the link. */
interface Attachment {
  consumer: Consumer;
  /** Where it is; undefined: it has no place yet. */
  position: Position | undefined;
  /** The newest offset of this history that its table reflects. */
  high: number;
  /** Changes up to here were delivered before the present link began. */
  had: number;
  /** Counters of its checkpoint. */
  readonly counters: Counters | undefined;
  /** It has been told where it is. */
  greeted: boolean;
}

/**
 * While there is more to read, Node hands over chunk after chunk and nothing else gets its turn, for tens of ms at full load. Writing
 * needs a turn for every answer of the database; so reading gives way after this many ms. Not sooner: the server drops who reads too
 * slowly.
 */
const TURN_MS = 4;

/** The database in force is not known until the stream selects one. */
const UNKNOWN_DB = -1;

export interface ReplicationOptions {
  readonly target: RedisTarget;
  /** For INFO and CONFIG. */
  readonly control: Redis;
  /** For notifications; used by nobody else. */
  readonly subscriber: Redis;
  /** May notify-keyspace-events be set on the server? */
  readonly mayConfigure: boolean;
  /** Whether the effects of a transaction with this marker need not be carried (see redis/keys.ts, OWN). */
  readonly isOwn: (marker: string) => boolean;
  readonly log: Logger;
}

export class ReplicationCapture implements Capture {
  readonly #options: ReplicationOptions;
  readonly #log: Logger;
  readonly #causes: CauseJudge;
  readonly #attachments = new Set<Attachment>();
  readonly #backoff = new Backoff();
  #link: ReplicaLink | undefined;
  /** The link's interpreter, once recipes have been told where they are. */
  #live: { readonly interpreter: Interpreter; readonly replid: string } | undefined;
  /** Ends the present link, to begin a new one with other recipes or another position. */
  #restart = new AbortController();
  #wake: () => void = () => {};
  /** The replication id of the last link. */
  #history: string | undefined;
  readonly #held = new Set<object>();
  #reached = 0;
  /** Offsets that somebody waits for (WAIT), ascending. */
  #asked: number[] = [];

  constructor(options: ReplicationOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#causes = new CauseJudge({
      control: options.control,
      subscriber: options.subscriber,
      db: options.target.db,
      mayConfigure: options.mayConfigure,
      log: options.log,
    });
  }

  attach(consumer: Consumer, from: Resume | undefined): void {
    const position = from && { replid: from.replid, offset: from.offset, db: from.db };
    const place = { position, high: from?.high ?? 0, had: from?.offset ?? 0, counters: from?.counters };
    const attachment: Attachment = { consumer, ...place, greeted: false };
    this.#attachments.add(attachment);
    this.#causes.want(consumer.head);
    if (from || !this.#live) this.#relink();
    else this.#join(attachment, this.#live);
  }

  replace(consumer: Consumer, successor: Consumer): void {
    const attachment = [...this.#attachments].find((candidate) => candidate.consumer === consumer);
    if (!attachment) return this.attach(successor, undefined);
    attachment.consumer = successor;
    if (attachment.greeted && attachment.position) successor.attached({ position: attachment.position });
  }

  detach(consumer: Consumer): void {
    for (const attachment of this.#attachments) {
      if (attachment.consumer !== consumer) continue;
      this.#attachments.delete(attachment);
      this.#causes.unwant(consumer.head);
    }
    if (this.#attachments.size === 0) this.#relink();
    else this.progressed();
  }

  hold(owner: object): void {
    this.#held.add(owner);
  }

  release(owner: object): void {
    if (this.#held.delete(owner)) this.progressed();
  }

  progressed(): void {
    if (this.#asked.length === 0) return;
    const committed = this.#committed();
    let exact: number | undefined;
    while (this.#asked.length > 0 && (this.#asked[0] as number) <= committed) exact = this.#asked.shift();
    if (exact !== undefined) this.#link?.acknowledge(exact);
  }

  countersAt(offset: number): Counters | undefined {
    return this.#causes.sampleBefore(offset);
  }

  /** Reads the stream, over as many links as it takes, until the signal. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#causes.open();
    try {
      while (!signal.aborted) {
        if (this.#attachments.size === 0) await this.#untilWoken(signal);
        else await this.#session(signal);
      }
    } finally {
      this.#causes.close();
    }
  }

  async #session(signal: AbortSignal): Promise<void> {
    this.#restart = new AbortController();
    const either = AbortSignal.any([signal, this.#restart.signal]);
    let reason = "the server closed the replication link";
    try {
      await this.#follow(either);
    } catch (error) {
      reason = messageOf(error);
    } finally {
      this.#link?.close();
      this.#link = undefined;
      this.#live = undefined;
      this.#asked = [];
    }
    if (either.aborted) return;
    const delayMs = this.#backoff.next();
    this.#log[this.#backoff.level()]({ reason, delayMs }, "the replication link is down, connecting again");
    for (const { consumer } of this.#attachments) consumer.lost(reason);
    await sleep(delayMs, undefined, { signal: either }).catch(() => undefined);
  }

  /** One link, from PSYNC to its end. */
  async #follow(signal: AbortSignal): Promise<void> {
    const link = await ReplicaLink.connect(this.#options.target, signal);
    this.#link = link;
    const here = await this.#whereIsTheServer(signal);
    const start = this.#startingPoint(here);
    const synced = await link.psync(start);
    this.#greet(here, synced);
    const reader = new CommandReader(synced.offset);
    const interpreter = new Interpreter({
      heads: this.#heads(),
      db: this.#options.target.db,
      offset: synced.offset,
      selected: synced.full ? UNKNOWN_DB : start.db,
      isOwn: this.#options.isOwn,
    });
    this.#live = { interpreter, replid: synced.replid };
    this.#causes.startAt(synced.offset);
    interpreter.onAckRequest = (offset) => this.#asked.push(offset);
    link.acknowledged = () => Math.max(0, this.#committed() - 1);
    let turnBegan = performance.now();
    for await (const chunk of link.chunks(synced.full)) {
      reader.push(chunk, (command) => interpreter.handle(command));
      const changes = interpreter.take();
      const judging = this.#causes.judge(changes, interpreter.safeOffset);
      if (judging) await orAbort(judging, signal);
      if (signal.aborted) return;
      const captured = { replid: synced.replid, offset: interpreter.safeOffset, db: interpreter.safeDb };
      for (const attachment of this.#attachments) deliver(attachment, changes, captured);
      this.#backoff.reset();
      if (this.#asked.length > 0) this.#serveWaiters();
      if (performance.now() - turnBegan > TURN_MS) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
  }

  #serveWaiters(): void {
    this.progressed();
    if (this.#asked.length > 0) for (const { consumer } of this.#attachments) consumer.hurry();
  }

  /**
   * INFO, and in the same transaction a harmless PUBLISH. The transaction is the next thing in the stream, and the server
   * selects our database before it: so the database in force at INFO's offset is known, which +CONTINUE does not tell.
   */
  async #whereIsTheServer(signal: AbortSignal): Promise<ReplicationInfo> {
    const { control } = this.#options;
    const info = async () => {
      const replies = await orAbort(control.multi().info("replication").publish(OWN, "position").exec(), signal);
      const [error, text] = replies?.[0] ?? [new Error("MULTI was discarded"), ""];
      if (error) throw error;
      return parseReplication(text as string);
    };
    const first = await info();
    if (first.firstByte !== Infinity) return first;
    await this.#makeBacklog(signal);
    return await info();
  }

  /** Knocks as a new replica, so that the server starts to keep a backlog, and hangs up before it begins an RDB. */
  async #makeBacklog(signal: AbortSignal): Promise<void> {
    const knock = await ReplicaLink.connect(this.#options.target, signal);
    const synced = knock.psync(undefined).catch(() => undefined);
    try {
      for (let attempt = 0; attempt < 100; attempt++) {
        const info = parseReplication(await this.#options.control.info("replication"));
        if (info.firstByte !== Infinity) return;
        await sleep(10, undefined, { signal });
      }
    } finally {
      knock.close();
      await synced;
    }
  }

  /** The lowest position from which some recipe can go on; where there is none, now. */
  #startingPoint(here: ReplicationInfo): Position {
    let start: Position = { replid: here.replid, offset: here.offset, db: this.#options.target.db };
    for (const attachment of this.#attachments) {
      const { position } = attachment;
      if (position && !obstacle(position, newest(attachment), here) && position.offset < start.offset) {
        start = { ...position, replid: here.replid };
      }
    }
    return start;
  }

  /** Tells every recipe that is new, or that the history has left behind, where it is now. */
  #greet(here: ReplicationInfo, synced: Synced): void {
    const now = {
      replid: synced.replid,
      offset: synced.full ? synced.offset : here.offset,
      db: this.#options.target.db,
    };
    if (this.#history !== undefined && this.#history !== here.replid && this.#history !== here.replid2) {
      this.#causes.reset();
      // Offsets count anew: what was reached before says nothing of this history.
      this.#reached = 0;
    }
    this.#history = here.replid;
    for (const attachment of this.#attachments) {
      const { position, consumer, counters } = attachment;
      const insisted = synced.full ? "the server insisted on a full synchronisation" : undefined;
      const gap = position && (insisted ?? obstacle(position, newest(attachment), here));
      const isNews = gap !== undefined || !attachment.greeted;
      if (counters && position && gap === undefined && !attachment.greeted) this.#causes.remember(counters);
      attachment.position = gap !== undefined || !position ? now : { ...position, replid: synced.replid };
      attachment.had = attachment.position.offset;
      if (gap !== undefined) attachment.high = attachment.had;
      attachment.greeted = true;
      if (isNews) consumer.attached({ position: attachment.position, ...(gap !== undefined && { gap }) });
    }
  }

  /** Somebody new, who wants no more than what comes from now on: the link goes on as it is. */
  #join(attachment: Attachment, { interpreter, replid }: { interpreter: Interpreter; replid: string }): void {
    interpreter.heads = this.#heads();
    attachment.position = { replid, offset: interpreter.safeOffset, db: interpreter.safeDb };
    attachment.had = interpreter.safeOffset;
    attachment.greeted = true;
    attachment.consumer.attached({ position: attachment.position });
  }

  #heads(): Uint8Array[] {
    return [...this.#attachments].map(({ consumer }) => Buffer.from(consumer.head, "latin1"));
  }

  /** The lowest of all recipes; where one is not even attached, what it was before. */
  #committed(): number {
    if (this.#held.size > 0) return this.#reached;
    let lowest = Infinity;
    for (const { consumer } of this.#attachments) lowest = Math.min(lowest, consumer.committed());
    this.#reached = lowest === Infinity ? 0 : lowest;
    return this.#reached;
  }

  #relink(): void {
    this.#restart.abort();
    this.#wake();
  }

  async #untilWoken(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }
}

/** Hands over what the recipe has not had yet: after a restart of the link for somebody else, it has had some. */
function deliver(attachment: Attachment, changes: readonly Change[], captured: Position): void {
  const { had, consumer } = attachment;
  if (captured.offset < had) return;
  const first = changes[0];
  const news = first && first.end <= had ? changes.filter((change) => change.end > had) : changes;
  if (captured.offset > (attachment.position?.offset ?? 0)) {
    attachment.position = captured;
    attachment.high = Math.max(attachment.high, captured.offset);
  }
  consumer.deliver(news, attachment.position ?? captured);
}

/** The newest offset that the table of a recipe reflects. */
function newest({ high, consumer }: Attachment): number {
  return Math.max(high, consumer.reflected?.() ?? 0);
}

/** Why the stream cannot go on from a position; undefined: it can. */
function obstacle(position: Position, high: number, here: ReplicationInfo): string | undefined {
  if (position.replid === here.replid) {
    if (position.offset > here.offset)
      return `position ${position.offset} is ahead of the server, which is at ${here.offset}`;
  } else if (position.replid === here.replid2) {
    // What the table reflects must belong to the part of the old history that the new one shares.
    if (Math.max(position.offset, high) >= here.secondOffset) {
      return `the server's history changed at offset ${here.secondOffset}, before what was already written (${Math.max(position.offset, high)})`;
    }
  } else
    return "the server has another replication history (it was restarted without its data, or another server took over)";
  if (position.offset + 1 < here.firstByte) {
    return `the server's backlog begins at offset ${here.firstByte}, position ${position.offset} is too old (repl-backlog-size)`;
  }
  return undefined;
}
