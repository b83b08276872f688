/**
 * `#` in every interleaving: clients go on writing between an operation and the script that carries it out in Redis, while capture is
 * late and batches are under way. In the end row and hash are equal, whoever came first.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Buffer as ChangeBuffer } from "../../src/buffer/buffer.js";
import type { Change } from "../../src/model.js";
import type { Logger } from "../../src/observe/logger.js";
import { WriteGuards } from "../../src/pipeline/guards.js";
import { Intake, type IntakeOptions } from "../../src/pipeline/intake.js";
import type { Request } from "../../src/pipeline/operations.js";
import { FIELDS, KEY, OneKey, type Step } from "../buffer/one-key.js";
import { Chance } from "./model/chance.js";

type What = Pick<Change, "kind"> & Partial<Record<"fields" | "cause" | "own", unknown>>;

class World {
  readonly #chance: Chance;
  readonly one: OneKey;
  readonly #intake: Intake;
  /** Scripts that are on their way to Redis. */
  #scripts: Request[] = [];
  #steps = 0;
  #captured = 0;
  readonly log: string[] = [];

  constructor(chance: Chance) {
    this.#chance = chance;
    const begins = chance.happens(0.5);
    this.one = new OneKey(begins ? { a: "0", b: "0" } : undefined, begins ? { a: "0", b: "0" } : undefined);
    this.#intake = new Intake({
      recipe: {},
      head: KEY,
      partitions: { of: () => ({ buffer: this.one.buffer, isPast: () => false }) },
      operations: {
        settle: (_: string, request: Request) => this.#scripts.push(request),
        acknowledge: () => undefined,
      },
      guards: new WriteGuards(),
      log: {} as Logger,
    } as unknown as IntakeOptions);
  }

  /** A client, or a script, does something; undefined: it comes to nothing, and nothing is replicated. */
  #do(words: string, act: (hash: Map<string, string>) => What | undefined): void {
    let what: What | undefined;
    const step: Step = {
      act: (world) => {
        const hash = world.hash ?? new Map<string, string>();
        what = act(hash);
        world.hash = hash.size > 0 ? hash : undefined;
      },
      tell: (_: ChangeBuffer, at) => {
        if (what) this.#intake.take([{ own: false, ...what, key: KEY, startDb: 0, ...at } as unknown as Change], 0);
      },
    };
    this.log.push(words);
    this.#steps++;
    this.one.happen(step);
  }

  #set(pairs: Record<string, string>): void {
    this.#do(`HSET ${JSON.stringify(pairs)}`, (hash) => {
      for (const [name, value] of Object.entries(pairs)) hash.set(name, value);
      return { kind: "set", fields: Object.entries(pairs).flat() };
    });
  }

  #client(marks: string): void {
    const value = String(this.#steps);
    const name = this.#chance.pick(FIELDS);
    const dice = this.#chance.next();
    if (dice < 0.4) {
      const mark = { "#": `${this.#chance.pick([...marks])}${this.#chance.pick(["", value])}` };
      this.#set(this.#chance.happens(0.5) ? { ...mark, [name]: value } : mark);
    } else if (dice < 0.6) this.#set({ [name]: value });
    else if (dice < 0.7) this.#set({ a: value, b: value });
    else if (dice < 0.9) this.#unset(this.#chance.pick([...FIELDS, "#"]));
    else if (dice < 0.95) this.#do("HINCRBY", (hash) => (hash.set("a", value), { kind: "dirty" }));
    else this.#do("DEL", (hash) => (hash.size > 0 ? (hash.clear(), { kind: "gone", cause: "delete" }) : undefined));
  }

  #unset(name: string): void {
    this.#do(`HDEL ${name}`, (hash) => (hash.delete(name) ? { kind: "unset", fields: [name] } : undefined));
  }

  /** settle-write.lua */
  #script(): void {
    const request = this.#scripts.shift();
    if (!request) return;
    this.#do(`script for ${request.value}`, (hash) => {
      if (hash.get("#") !== request.value) return undefined;
      if (request.mark === "=" || request.mark === "+") {
        hash.delete("#");
        return { kind: "unset", fields: ["#"], own: (request.mark === "+" || hash.size > 0) && "settled" };
      }
      hash.clear();
      if (request.mark === "-") return { kind: "gone", cause: "uncertain", own: "settled" };
      return { kind: "gone", cause: "asked" };
    });
  }

  async play(marks: string): Promise<void> {
    for (let i = 0; i < 14; i++) {
      const dice = this.#chance.next();
      if (dice < 0.4) this.#client(marks);
      else if (dice < 0.55) this.#script();
      else if (dice < 0.8) this.#capture();
      else await this.#batch();
    }
    while (this.#scripts.length > 0 || this.#captured < this.#steps) {
      this.#script();
      this.one.capture();
      this.#captured = this.#steps;
    }
    await this.one.carry();
  }

  #capture(): void {
    this.#captured = Math.min(this.#steps, this.#captured + 1 + this.#chance.below(3));
    this.one.capture(this.#captured);
    this.log.push(`captured ${this.#captured}`);
  }

  /** Things go on while it is under way. */
  async #batch(): Promise<void> {
    const items = await this.one.take();
    this.log.push(`take ${JSON.stringify(items.map(({ kind, row }) => [kind, ...row.values]))}`);
    for (let i = this.#chance.below(3); i > 0; i--) {
      if (this.#chance.happens(0.5)) this.#script();
      else this.#capture();
    }
    const isCommitted = this.#chance.happens(0.7);
    this.log.push(isCommitted ? "committed" : "put back");
    if (isCommitted) this.one.commit(items);
    else this.one.putBack();
  }

  /** Hash and row, as they ended. */
  get end(): { hash: string; row: string } {
    const { hash, row } = this.one;
    const cells = hash && FIELDS.map((name) => hash.get(name) ?? null);
    return { hash: JSON.stringify(cells), row: JSON.stringify(row && FIELDS.map((name) => row[name])) };
  }
}

async function playAll(marks: string, isRight: (world: World) => boolean): Promise<void> {
  const wrong: string[] = [];
  const schedules = 10_000;
  for (let seed = 1; seed <= schedules; seed++) {
    const world = new World(new Chance(seed));
    await world.play(marks);
    if (!isRight(world)) wrong.push(`${seed}: ${JSON.stringify(world.end)}\n  ${world.log.join("\n  ")}`);
  }
  assert.equal(wrong.length, 0, `${wrong.length} of ${schedules} schedules\n${wrong.slice(0, 2).join("\n")}`);
}

test("with = and ~, row and hash are equal in the end", async () => {
  await playAll("=~", ({ end }) => end.hash === end.row);
});

test("with -, a row may stay whose hash has gone, and a hash has its row", async () => {
  await playAll("=~-", ({ end, one }) => one.hash === undefined || end.hash === end.row);
});
