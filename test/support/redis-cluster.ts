/** A private Redis Cluster: three masters, each with a third of the slots. */
import { Cluster, type ClusterOptions } from "ioredis";
import { freePort } from "./process.js";
import { type RedisServer, startRedis } from "./redis.js";
import { waitFor } from "./wait.js";

export interface RedisCluster {
  readonly nodes: readonly RedisServer[];
  /** "host:port" of every node. */
  readonly addresses: readonly string[];
  /** A connected client; `stop` disconnects it. */
  client(options?: ClusterOptions): Cluster;
  /** Until every node says that the cluster takes commands. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts three nodes and joins them. */
export async function startRedisCluster(options: { readonly password?: string } = {}): Promise<RedisCluster> {
  const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "3000", "--appendonly", "yes"];
  // Left to itself a node listens for the others 10,000 above its port, where some client's connection may be.
  const buses = await Promise.all([1, 2, 3].map(() => freePort()));
  const nodes = await Promise.all(
    buses.map((bus) => startRedis({ ...options, args: [...args, "--cluster-port", String(bus)] })),
  );
  const clients = nodes.map((node) => node.client());
  const share = Math.ceil(SLOTS / nodes.length);
  for (const [i, client] of clients.entries()) {
    await client.call("CLUSTER", "SET-CONFIG-EPOCH", i + 1);
    await client.call("CLUSTER", "ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, SLOTS) - 1);
    if (i > 0) await client.call("CLUSTER", "MEET", nodes[0]!.host, nodes[0]!.port, buses[0]!);
  }
  const opened: Cluster[] = [];
  const cluster: RedisCluster = {
    nodes,
    addresses: nodes.map(({ host, port }) => `${host}:${port}`),
    client(clusterOptions = {}) {
      const startup = nodes.map(({ host, port }) => ({ host, port }));
      const client = new Cluster(startup, { redisOptions: options, ...clusterOptions });
      client.on("error", () => undefined);
      opened.push(client);
      return client;
    },
    async ready() {
      for (const client of clients) {
        await waitFor(async () => {
          const info = String(await client.call("CLUSTER", "INFO"));
          return /cluster_state:ok/.test(info) && /cluster_known_nodes:3/.test(info);
        });
      }
    },
    async stop() {
      for (const client of opened) client.disconnect();
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };
  await cluster.ready();
  return cluster;
}
