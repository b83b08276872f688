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
import type { Counters, Position } from "../model.js";
import type { Logger } from "../observe/logger.js";
import type { RedisTarget } from "../redis/client.js";
import type { ReplicationInfo } from "../redis/info.js";
import { Backoff } from "../backoff.js";
import { orAbort } from "../or-abort.js";
import { Acknowledgements } from "./acknowledgements.js";
import { Attachment } from "./attachment.js";
import type { Capture, Consumer, Resume } from "./capture.js";
import { CauseJudge } from "./causes.js";
import { Interpreter } from "./commands.js";
import { ReplicaLink, type Synced } from "./link.js";
import { CommandReader } from "./resp.js";
import { whereIsTheServer } from "./whereabouts.js";

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
  readonly #acknowledgements = new Acknowledgements({
    committed: () => [...this.#attachments].map(({ consumer }) => consumer.committed()),
    tell: (offset) => this.#link?.acknowledge(offset),
  });
  readonly #backoff = new Backoff();
  #link: ReplicaLink | undefined;
  /** The link's interpreter, once recipes have been told where they are. */
  #live: { readonly interpreter: Interpreter; readonly replid: string } | undefined;
  /** Ends the present link, to begin a new one with other recipes or another position. */
  #restart = new AbortController();
  #wake: () => void = () => {};
  /** The replication id of the last link. */
  #history: string | undefined;

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
    const attachment = new Attachment(consumer, from);
    this.#attachments.add(attachment);
    this.#causes.want(consumer.head);
    if (from || !this.#live) this.#relink();
    else this.#join(attachment, this.#live);
  }

  replace(consumer: Consumer, successor: Consumer): void {
    const attachment = [...this.#attachments].find((candidate) => candidate.consumer === consumer);
    if (!attachment) return this.attach(successor, undefined);
    attachment.consumer = successor;
    if (attachment.isGreeted && attachment.position) successor.attached({ position: attachment.position });
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
    this.#acknowledgements.hold(owner);
  }

  release(owner: object): void {
    this.#acknowledgements.release(owner);
  }

  progressed(): void {
    this.#acknowledgements.answer();
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
      this.#acknowledgements.forget();
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
    const here = await whereIsTheServer(this.#options.target, this.#options.control, signal);
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
    interpreter.onAckRequest = (offset) => this.#acknowledgements.ask(offset);
    link.acknowledged = () => Math.max(0, this.#acknowledgements.committed() - 1);
    let turnBegan = performance.now();
    for await (const chunk of link.chunks(synced.full)) {
      reader.push(chunk, (command) => interpreter.handle(command));
      const changes = interpreter.take();
      const judging = this.#causes.judge(changes, interpreter.safeOffset);
      if (judging) await orAbort(judging, signal);
      if (signal.aborted) return;
      const captured = { replid: synced.replid, offset: interpreter.safeOffset, db: interpreter.safeDb };
      for (const attachment of this.#attachments) attachment.deliver(changes, captured);
      this.#backoff.reset();
      if (this.#acknowledgements.isAwaited) this.#serveWaiters();
      if (performance.now() - turnBegan > TURN_MS) {
        await nextTurn();
        turnBegan = performance.now();
      }
    }
  }

  #serveWaiters(): void {
    this.progressed();
    if (this.#acknowledgements.isAwaited) for (const { consumer } of this.#attachments) consumer.hurry();
  }

  /** The lowest position from which some recipe can go on; where there is none, now. */
  #startingPoint(here: ReplicationInfo): Position {
    let start: Position = { replid: here.replid, offset: here.offset, db: this.#options.target.db };
    for (const attachment of this.#attachments) {
      const { position } = attachment;
      if (position && position.offset < start.offset && !attachment.obstacle(here))
        start = { ...position, replid: here.replid };
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
      this.#acknowledgements.reset();
    }
    this.#history = here.replid;
    for (const attachment of this.#attachments) {
      const { position, counters } = attachment;
      const insisted = synced.full ? "the server insisted on a full synchronisation" : undefined;
      const gap = position && (insisted ?? attachment.obstacle(here));
      const goesOn = position && gap === undefined ? { ...position, replid: synced.replid } : undefined;
      if (counters && goesOn && !attachment.isGreeted) this.#causes.remember(counters);
      attachment.settle(goesOn ?? now, gap);
    }
  }

  /** Somebody new, who wants no more than what comes from now on: the link goes on as it is. */
  #join(attachment: Attachment, { interpreter, replid }: { interpreter: Interpreter; replid: string }): void {
    interpreter.heads = this.#heads();
    attachment.settle({ replid, offset: interpreter.safeOffset, db: interpreter.safeDb });
  }

  #heads(): Uint8Array[] {
    return [...this.#attachments].map(({ consumer }) => Buffer.from(consumer.head, "latin1"));
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
