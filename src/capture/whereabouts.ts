/** Where the server is in its own stream. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { orAbort } from "../or-abort.js";
import type { RedisTarget } from "../redis/client.js";
import { parseReplication, type ReplicationInfo } from "../redis/info.js";
import { OWN } from "../redis/keys.js";
import { ReplicaLink } from "./link.js";

/** What INFO says of replication, with a backlog that reaches to this moment. */
export async function whereIsTheServer(
  target: RedisTarget,
  control: Redis,
  signal: AbortSignal,
): Promise<ReplicationInfo> {
  const first = await locate(control, signal);
  if (first.firstByte !== Infinity) return first;
  await makeBacklog(target, control, signal);
  return await locate(control, signal);
}

/**
 * INFO, and in the same transaction a harmless PUBLISH. The transaction is the next thing in the stream, and the server
 * selects our database before it: so the database in force at INFO's offset is known, which +CONTINUE does not tell.
 */
async function locate(control: Redis, signal: AbortSignal): Promise<ReplicationInfo> {
  const replies = await orAbort(control.multi().info("replication").publish(OWN, "position").exec(), signal);
  const [error, text] = replies?.[0] ?? [new Error("MULTI was discarded"), ""];
  if (error) throw error;
  return parseReplication(text as string);
}

/** Knocks as a new replica, so that the server starts to keep a backlog, and hangs up before it begins an RDB. */
async function makeBacklog(target: RedisTarget, control: Redis, signal: AbortSignal): Promise<void> {
  const knock = await ReplicaLink.connect(target, signal);
  const synced = knock.psync(undefined).catch(() => undefined);
  try {
    for (let attempt = 0; attempt < 100; attempt++) {
      const info = parseReplication(await control.info("replication"));
      if (info.firstByte !== Infinity) return;
      await sleep(10, undefined, { signal });
    }
  } finally {
    knock.close();
    await synced;
  }
}
