/** What each replicated command means for hashes. Pure: bytes in, changes out. */
import { exists, getKeyIndexes } from "@ioredis/commands";
import type { Bytes, Change, GoneCause, Own } from "../model.js";
import { OWN, REMOVE, THROUGH } from "../redis/keys.js";
import type { Command } from "./resp.js";

/** Which keys somebody wants to hear of: any that begins with one of these bytes. */
export type Heads = readonly Uint8Array[];

type Kind<C extends Change> = C extends Change ? Omit<C, "start" | "startDb" | "end" | "own"> : never;

type Handler = (interpreter: Interpreter, command: Command) => void;

/** Follows SELECT and MULTI/EXEC through the stream, and turns every command on a wanted key into a change. */
export class Interpreter {
  /** The database selected now. */
  db: number;
  #changes: Change[] = [];
  /** How many of them belong to transactions that are complete. */
  #complete = 0;
  /** Called at `REPLCONF GETACK *` with the offset before it: somebody waits for an acknowledgement up to there. */
  onAckRequest: (offset: number) => void = () => {};
  /** The last offset outside a transaction, and the database selected there: a place to resume from (invariant 8). */
  safeOffset: number;
  safeDb: number;

  /** What is wanted from the next command on. */
  heads: Heads;
  readonly #wantedDb: number;
  #inTransaction = false;
  #own: Own = false;
  /** Why keys go that are deleted now, as far as the stream tells. */
  goneCause: GoneCause = "uncertain";
  #command: Command | undefined;

  /** Whether a transaction of wbsync's is one whose effects need not be carried: by the text of its marker. */
  readonly #isOwn: (marker: string) => boolean;

  constructor(options: {
    heads: Heads;
    db: number;
    offset: number;
    selected: number;
    isOwn?: (marker: string) => boolean;
  }) {
    this.#isOwn = options.isOwn ?? (() => true);
    this.heads = options.heads;
    this.#wantedDb = options.db;
    this.db = options.selected;
    this.safeDb = options.selected;
    this.safeOffset = options.offset;
  }

  /** Takes one command. */
  handle(command: Command): void {
    this.#command = command;
    const name = command.word(0);
    const handler = HANDLERS.get(name) ?? HANDLERS.get(name.toLowerCase());
    if (handler) handler(this, command);
    else if (this.db === this.#wantedDb) dirtyKeys(this, command, name.toLowerCase());
    if (!this.#inTransaction) {
      this.safeOffset = command.end;
      this.safeDb = this.db;
      this.#complete = this.#changes.length;
    }
  }

  /** The changes since the last time, up to `safeOffset`: a transaction is handed out whole, so that no position lies inside one. */
  take(): Change[] {
    const taken = this.#changes;
    this.#changes = this.#complete < taken.length ? taken.splice(this.#complete) : [];
    this.#complete = 0;
    return taken;
  }

  begin(): void {
    this.#inTransaction = true;
  }

  end(): void {
    this.#inTransaction = false;
    this.#own = false;
    this.goneCause = "uncertain";
  }

  /** The rest of this transaction is wbsync's own. */
  markOwn(marker: string): void {
    const isRemoval = this.#inTransaction && marker === REMOVE;
    this.goneCause = isRemoval ? "asked" : "uncertain";
    const isOwn = this.#inTransaction && !isRemoval && this.#isOwn(marker);
    this.#own = isOwn && (marker.startsWith(THROUGH) ? "through" : "settled");
  }

  /** Whether the argument is a wanted key of the selected database. */
  wants(command: Command, index: number): boolean {
    return this.db === this.#wantedDb && this.isHead(command, index);
  }

  isHead(command: Command, index: number): boolean {
    if (index >= command.argc) return false;
    for (const head of this.heads) if (command.startsWith(index, head)) return true;
    return false;
  }

  isWantedDb(db: number): boolean {
    return db === this.#wantedDb;
  }

  emit(change: Kind<Change>): void {
    const command = this.#command as Command;
    // One literal a kind would keep shapes apart; a spread is slow. The fields below are what every change has.
    const made = change as { -readonly [K in keyof Change]: Change[K] };
    made.start = this.safeOffset;
    made.startDb = this.safeDb;
    made.end = command.end;
    made.own = this.#own;
    this.#changes.push(made as Change);
  }
}

function argumentsFrom(command: Command, from: number): Bytes[] {
  const result: Bytes[] = [];
  for (let i = from; i < command.argc; i++) result.push(command.arg(i));
  return result;
}

const nothing: Handler = () => {};

/** HSET key field value [field value …] */
const set: Handler = (to, command) => {
  if (!to.wants(command, 1)) return;
  const fields = new Array<Bytes>(command.argc - 2);
  for (let i = 0; i < fields.length; i++) fields[i] = i % 2 === 0 ? command.word(i + 2) : command.arg(i + 2);
  to.emit({ kind: "set", key: command.arg(1), fields });
};

const unset: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "unset", key: command.arg(1), fields: argumentsFrom(command, 2) });
};

/** DEL key [key …]: whose hand it was is found out later (causes.ts). */
const gone: Handler = (to, command) => {
  for (let i = 1; i < command.argc; i++) {
    if (to.wants(command, i)) to.emit({ kind: "gone", key: command.arg(i), cause: to.goneCause });
  }
};

const dirtyFirst: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "dirty", key: command.arg(1) });
};

const rename: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "gone", key: command.arg(1), cause: "delete" });
  if (to.wants(command, 2)) to.emit({ kind: "dirty", key: command.arg(2) });
};

/** COPY source destination [DB n] [REPLACE], the options in any order. */
const copy: Handler = (to, command) => {
  let into = to.db;
  for (let i = 3; i + 1 < command.argc; i++)
    if (command.arg(i).toLowerCase() === "db") into = Number(command.arg(i + 1));
  if (to.isWantedDb(into) && to.isHead(command, 2)) to.emit({ kind: "dirty", key: command.arg(2) });
};

/** MOVE key db */
const move: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "gone", key: command.arg(1), cause: "delete" });
  if (to.isWantedDb(Number(command.arg(2))) && to.isHead(command, 1)) to.emit({ kind: "dirty", key: command.arg(1) });
};

/** PEXPIREAT key milliseconds: how every EXPIRE arrives. */
const expireAt: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "ttl", key: command.arg(1), at: Number(command.arg(2)) });
};

const persist: Handler = (to, command) => {
  if (to.wants(command, 1)) to.emit({ kind: "ttl", key: command.arg(1), at: Infinity });
};

const flush: Handler = (to) => to.emit({ kind: "flushed", key: "" });

/** Any other command: each of its keys may hold something else now (SET over a hash, an old server's EVAL, …). */
function dirtyKeys(to: Interpreter, command: Command, name: string): void {
  if (!exists(name)) return dirtyFirst(to, command);
  for (const index of keyIndexes(name, argumentsFrom(command, 1))) {
    if (to.wants(command, index + 1)) to.emit({ kind: "dirty", key: command.arg(index + 1) });
  }
}

function keyIndexes(name: string, args: Bytes[]): readonly number[] {
  try {
    return getKeyIndexes(name, args);
  } catch {
    return [0];
  }
}

const HANDLERS = new Map<Bytes, Handler>();
const register = (names: string, handler: Handler) => {
  for (const name of names.split(" ")) HANDLERS.set(name, handler).set(name.toUpperCase(), handler);
};

register("hset hmset hsetnx", set);
register("hdel", unset);
register("del unlink", gone);
register("rename renamenx", rename);
register("copy", copy);
register("move", move);
register("pexpireat", expireAt);
register("persist", persist);
register("flushdb", (to, command) => void (to.isWantedDb(to.db) && flush(to, command)));
register("flushall", flush);
register("hincrby hincrbyfloat hsetex hgetdel hgetex restore restore-asking", dirtyFirst);
// Times to live of fields change no value; a field that expires arrives as HDEL.
register("hpexpireat hpexpire hexpire hexpireat hpersist", nothing);
register("ping", nothing);
register("select", (to, command) => void (to.db = Number(command.arg(1))));
register("swapdb", (to, command) => {
  if (to.isWantedDb(Number(command.arg(1))) || to.isWantedDb(Number(command.arg(2))))
    to.emit({ kind: "swapped", key: "" });
});
register("multi", (to) => to.begin());
register("exec", (to) => to.end());
register("publish spublish", (to, command) => {
  if (command.arg(1) === OWN) to.markOwn(command.arg(2));
});
register("replconf", (to, command) => {
  if (command.argc > 1 && command.arg(1).toLowerCase() === "getack") to.onAckRequest(command.start);
});
register("script function", nothing);
// Most commands have one key, the first argument; the others are looked up in a table, which is slower.
register(
  "set append incr incrby decr decrby lpush rpush lpop rpop ltrim sadd srem spop zadd zrem xadd xtrim xdel xack",
  dirtyFirst,
);
