/** A recipe at the link: where it is in the stream, and whether the stream can go on from there. */
import type { Change, Counters, Position } from "../model.js";
import type { ReplicationInfo } from "../redis/info.js";
import type { Consumer, Resume } from "./capture.js";

export class Attachment {
  consumer: Consumer;
  /** Where it is; undefined: it has no place yet. */
  position: Position | undefined;
  /** Counters of its checkpoint. */
  readonly counters: Counters | undefined;
  /** It has been told where it is. */
  isGreeted = false;
  /** The newest offset of this history that its table reflects. */
  #high: number;
  /** Changes up to here were delivered before the present link began. */
  #had: number;

  constructor(consumer: Consumer, from: Resume | undefined) {
    this.consumer = consumer;
    this.position = from && { replid: from.replid, offset: from.offset, db: from.db };
    this.#high = from?.high ?? 0;
    this.#had = from?.offset ?? 0;
    this.counters = from?.counters;
  }

  /** Why the stream of this server cannot go on from where the recipe is; undefined: it can, or the recipe has no place yet. */
  obstacle(here: ReplicationInfo): string | undefined {
    const high = Math.max(this.#high, this.consumer.reflected?.() ?? 0);
    return this.position && obstacle(this.position, high, here);
  }

  /** Another link begins, and it is here. `gap`: what it has missed, if anything. */
  settle(position: Position, gap?: string): void {
    const isNews = gap !== undefined || !this.isGreeted;
    this.position = position;
    this.#had = position.offset;
    if (gap !== undefined) this.#high = position.offset;
    this.isGreeted = true;
    if (isNews) this.consumer.attached({ position, ...(gap !== undefined && { gap }) });
  }

  /** Hands over what the recipe has not had yet: after a restart of the link for somebody else, it has had some. */
  deliver(changes: readonly Change[], captured: Position): void {
    const had = this.#had;
    if (captured.offset < had) return;
    const first = changes[0];
    const news = first && first.end <= had ? changes.filter((change) => change.end > had) : changes;
    if (captured.offset > (this.position?.offset ?? 0)) {
      this.position = captured;
      this.#high = Math.max(this.#high, captured.offset);
    }
    this.consumer.deliver(news, this.position ?? captured);
  }
}

/** `high`: the newest offset that the recipe's table reflects. */
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
