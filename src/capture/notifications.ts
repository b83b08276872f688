/**
 * Keyspace notifications (`expired`, `evicted`): they name the keys that the server removed by itself. They travel on a socket of
 * their own and may arrive before or after the DEL that belongs to them. What is certain:
 *
 * - when the answer to a PING is here, every notification published before that PING is here too (`barrier`)
 * - a sample of the server's offset asked for after a notification came lies behind its DEL
 * - what comes after a PING that was sent once a sample was here has its DEL behind that sample
 */
import type { Redis } from "ioredis";
import { messageOf } from "../errors.js";
import type { Bytes } from "../model.js";
import type { Logger } from "../observe/logger.js";

/** The server says that it removed a key by itself. Its DEL begins at or after `from` and ends at or before `to`. */
export interface Note {
  readonly cause: "expire" | "evict";
  readonly from: number;
  to: number;
}

export interface NotificationOptions {
  readonly control: Redis;
  readonly subscriber: Redis;
  readonly db: number;
  /** May notify-keyspace-events be set on the server? */
  readonly mayConfigure: boolean;
  readonly log: Logger;
}

const BARRIER_TIMEOUT_MS = 2000;
/** A stream that is so far behind leaves notifications unread: then the counters have to do. */
const MAX_NOTES = 1_000_000;
const FLAGS = ["E", "x", "e"];

export class Notifications {
  readonly #options: NotificationOptions;
  readonly #notes = new Map<Bytes, Note[]>();
  #noteCount = 0;
  /** What wanted keys begin with, and from which offset on none of their notifications is missing. */
  readonly #heads = new Map<Bytes, { count: number; from: number }>();
  #isListening = false;
  /** Grows whenever notifications may have been missed. */
  #generation = 0;
  /** Notifications that come from now on have their DEL behind this. */
  #floor = 0;
  #warned = false;
  readonly #stop = new AbortController();

  constructor(options: NotificationOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { subscriber } = this.#options;
    const onMessage = (channel: Buffer, key: Buffer) => this.#note(channel.toString("latin1"), key.toString("latin1"));
    const onClose = () => this.#missed();
    const onReady = () => void this.listen();
    subscriber.on("messageBuffer", onMessage).on("close", onClose).on("ready", onReady);
    this.#stop.signal.addEventListener("abort", () => {
      subscriber.off("messageBuffer", onMessage).off("close", onClose).off("ready", onReady);
    });
    await this.listen();
  }

  close(): void {
    this.#stop.abort();
  }

  /** Keys that begin with this are wanted; until the next sample nothing is certain about them. */
  want(head: Bytes): void {
    const known = this.#heads.get(head);
    if (known) known.count++;
    else this.#heads.set(head, { count: 1, from: Infinity });
  }

  unwant(head: Bytes): void {
    const known = this.#heads.get(head);
    if (known && --known.count === 0) this.#heads.delete(head);
  }

  /** Makes sure that the server sends notifications. */
  async listen(): Promise<void> {
    const { subscriber, db, log } = this.#options;
    if (this.#isListening || subscriber.status !== "ready") return;
    const generation = this.#generation;
    try {
      await subscriber.subscribe(`__keyevent@${db}__:expired`, `__keyevent@${db}__:evicted`);
      await this.#enable();
      if (generation === this.#generation) this.#isListening = true;
    } catch (error) {
      log.debug({ err: messageOf(error) }, "notifications are not available now");
    }
  }

  /** A sample of the server's offset is about to be asked for; the function returned takes it. */
  beginSample(): (offset: number) => void {
    const generation = this.#generation;
    const uncovered = this.#isListening ? [...this.#heads.values()].filter(({ from }) => from === Infinity) : [];
    const unbounded = [...this.#notes.values()].flat().filter(({ to }) => to === Infinity);
    return (offset) => {
      for (const note of unbounded) note.to = offset;
      if (generation === this.#generation) for (const head of uncovered) head.from = offset;
    };
  }

  /** After a sample: what comes once this has returned belongs behind it. */
  async moveFloor(offset: number): Promise<void> {
    if (this.#isListening && (await this.#ping())) this.#floor = offset;
  }

  /** Whether a missing notification means that the server did not remove the key. */
  covers(key: Bytes, start: number): boolean {
    let from = Infinity;
    for (const [head, known] of this.#heads) if (key.startsWith(head)) from = Math.min(from, known.from);
    return start >= from;
  }

  /** True once every notification published before now has arrived; false: some may be missing. */
  async barrier(): Promise<boolean> {
    if (!this.#isListening) return false;
    const generation = this.#generation;
    const [hasPong, missing] = await Promise.all([this.#ping(), this.#missingFlags().catch(() => FLAGS)]);
    // Somebody else may have set notify-keyspace-events to something else.
    if (missing.length > 0) this.#missed();
    return hasPong && generation === this.#generation;
  }

  /** What was said of a key; it is said once. */
  take(key: Bytes): Note[] {
    const notes = this.#notes.get(key) ?? [];
    this.#notes.delete(key);
    this.#noteCount -= notes.length;
    return notes;
  }

  /** What is not used now may be needed later. */
  giveBack(key: Bytes, notes: readonly Note[]): void {
    if (notes.length === 0) return;
    this.#notes.set(key, [...notes, ...(this.#notes.get(key) ?? [])]);
    this.#noteCount += notes.length;
  }

  /** Everything up to here has been judged: what is left over belongs to nothing that will be read. */
  passed(offset: number): void {
    for (const [key, notes] of this.#notes) {
      if (notes.every(({ to }) => to > offset)) continue;
      this.giveBack(
        key,
        this.take(key).filter(({ to }) => to > offset),
      );
    }
  }

  /** Offsets count anew. */
  clear(): void {
    this.#notes.clear();
    this.#noteCount = 0;
    this.#floor = 0;
    this.#uncover();
  }

  #note(channel: string, key: Bytes): void {
    let isWanted = false;
    for (const head of this.#heads.keys()) if (key.startsWith(head)) isWanted = true;
    if (!isWanted) return;
    const note: Note = { cause: channel.endsWith(":evicted") ? "evict" : "expire", from: this.#floor, to: Infinity };
    const notes = this.#notes.get(key);
    if (notes) notes.push(note);
    else this.#notes.set(key, [note]);
    if (++this.#noteCount <= MAX_NOTES) return;
    this.#notes.clear();
    this.#noteCount = 0;
    this.#uncover();
  }

  /** Some notifications may not have come: a missing one means nothing until the next sample. */
  #missed(): void {
    this.#isListening = false;
    this.#uncover();
  }

  #uncover(): void {
    this.#generation++;
    for (const head of this.#heads.values()) head.from = Infinity;
  }

  async #ping(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const generation = this.#generation;
    const tooLate = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), BARRIER_TIMEOUT_MS)));
    try {
      const pong = this.#options.subscriber.ping().then(() => generation === this.#generation);
      return await Promise.race([pong, tooLate]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  async #enable(): Promise<void> {
    const { control, mayConfigure, log } = this.#options;
    try {
      const missing = await this.#missingFlags();
      if (missing.length === 0) return;
      if (!mayConfigure) throw new Error("changing the server's settings is switched off");
      const [, flags = ""] = (await control.config("GET", "notify-keyspace-events")) as string[];
      await control.config("SET", "notify-keyspace-events", flags + missing.join(""));
    } catch (error) {
      if (!this.#warned) {
        log.warn(
          `expiry and eviction can be told from deletes only by the server's counters: notify-keyspace-events cannot be read or set (${messageOf(error)}). Set it to "Exe" in redis.conf, or allow +config|get +config|set.`,
        );
      }
      this.#warned = true;
      throw error;
    }
  }

  async #missingFlags(): Promise<string[]> {
    const [, flags = ""] = (await this.#options.control.config("GET", "notify-keyspace-events")) as string[];
    return FLAGS.filter((flag) => !flags.includes(flag) && (flag === "E" || !flags.includes("A")));
  }
}
