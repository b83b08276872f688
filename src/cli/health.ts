/** Whether somebody executes the recipes, and how they fare. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { UserError } from "../errors.js";
import { CHANGED } from "../redis/keys.js";
import type { Registry } from "../registry/registry.js";
import type { Status } from "../registry/types.js";

/** A runner that has not reported for so long is gone. */
const GONE_MS = 10_000;
/** A runner reports every second. */
const BEAT_MS = 1_500;
const POLL_MS = 100;
/** What a runner's subscription to its registry is called in CLIENT LIST: see registry/watch.ts. */
const RUNNER_CLIENT = "wbsync-registry-watch";

/** A recipe's last status, and whether the runner that wrote it is alive. */
export interface Health {
  readonly status: Status;
  readonly alive: boolean;
}

/** The health of every recipe that a runner has ever reported. */
export async function readHealth(registry: Registry, redis: Redis): Promise<Map<string, Health>> {
  const statuses = await registry.statuses();
  const now = await timeOf(redis);
  const silent = [...statuses.values()].some((status) => mayBeGone(status, now));
  // The runner's clock may be wrong: what looks silent is given the time to beat once more.
  if (silent) await sleep(BEAT_MS);
  const later = silent ? await registry.statuses() : statuses;
  return new Map(
    [...statuses].map(([name, before]) => {
      const status = later.get(name) ?? before;
      const hasBeaten = status.beat !== before.beat || status.runner !== before.runner;
      return [name, { status, alive: status.state !== "stopped" && (hasBeaten || !mayBeGone(before, now)) }];
    }),
  );
}

async function timeOf(redis: Redis): Promise<number> {
  return Number((await redis.time())[0]) * 1000;
}

function mayBeGone(status: Status, now: number): boolean {
  return status.state !== "stopped" && Math.abs(now - status.at) > GONE_MS;
}

/** Whether any runner follows this registry, also one that has nothing to do yet. Undefined where the server does not tell. */
export async function hasRunner(redis: Redis): Promise<boolean | undefined> {
  try {
    const [, subscribers] = (await redis.pubsub("NUMSUB", CHANGED)) as [string, number];
    return Number(subscribers) > 0 && (await isFollowed(redis));
  } catch {
    return undefined;
  }
}

/** A channel is one for all databases of a server; which database a subscriber is in shows in the list of clients. */
async function isFollowed(redis: Redis): Promise<boolean> {
  // Who may not see the list is left with what the channel tells, and so is who finds nobody in it by name.
  const clients = String(await redis.client("LIST", "TYPE", "PUBSUB").catch(() => "")).split("\n");
  const runners = clients.filter((client) => client.includes(` name=${RUNNER_CLIENT} `));
  return runners.length === 0 || runners.some((client) => client.includes(` db=${redis.options.db ?? 0} `));
}

export interface WaitOptions {
  readonly name: string;
  /** What is waited for, to complete the sentence "Recipe … did not …". */
  readonly what: string;
  readonly timeoutMs: number;
}

/** Asks for a recipe's status until `until` returns something else than undefined, and returns that. */
export async function waitForStatus<T>(
  registry: Registry,
  options: WaitOptions,
  until: (status: Status | undefined) => T | undefined,
): Promise<T> {
  const deadline = Date.now() + options.timeoutMs;
  for (;;) {
    const status = (await registry.statuses()).get(options.name);
    const answer = until(status);
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw timeout(options, status);
    await sleep(POLL_MS);
  }
}

function timeout({ name, what, timeoutMs }: WaitOptions, status: Status | undefined): UserError {
  const state = status === undefined ? "no runner has reported it" : `it is ${status.state}`;
  const reason = status?.reason === undefined ? "" : ` (${status.reason})`;
  const message = `Recipe "${name}" did not ${what} within ${timeoutMs / 1000} s: ${state}${reason}.`;
  return new UserError("TIMEOUT", message, { hint: "Is a runner alive? See wbsync list, and the runner's log." });
}
