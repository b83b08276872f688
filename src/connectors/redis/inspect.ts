/** Looks at a server before anything is written to it. */
import { UserError } from "../../errors.js";
import { parseInfo } from "../../redis/info.js";
import type { SinkContext } from "../connector.js";
import { replyCode } from "./errors.js";
import type { HashesReference } from "./hashes.js";
import type { Link } from "./link.js";
import type { RedisServer } from "./options.js";

/** Throws where the server is of another kind than the recipe says, or is the one that is being read. */
export async function inspectServer(
  link: Link,
  server: RedisServer,
  reference: HashesReference,
  { source }: SinkContext,
): Promise<void> {
  const info = await serverInfo(link);
  const isCluster = info["redis_mode"] === "cluster";
  if (server.nodes === undefined && isCluster) {
    throw new UserError("DATABASE_MISCONFIGURED", `Redis at ${server.address} is a node of a cluster`, {
      hint: `Write redis({ cluster: ["${server.host}:${server.port}"] }).`,
    });
  }
  const isSource = source?.runIds.includes(info["run_id"] ?? "") && source.db === server.db;
  if (isSource && `${reference.prefix}:`.startsWith(`${source?.keysPrefix}:`)) {
    throw new UserError(
      "DATABASE_MISCONFIGURED",
      `The hashes "${reference.prefix}:…" are on the server and under the prefix that the recipe reads: every write would be its next change`,
      { hint: "Choose another prefix, another database number, or another server for the copies." },
    );
  }
}

/** INFO is worth looking at, but not every user may. */
async function serverInfo(link: Link): Promise<Record<string, string>> {
  try {
    return parseInfo(String(await link.call("INFO", ["server"])));
  } catch (error) {
    if (replyCode(error) === "NOPERM") return {};
    throw error;
  }
}
