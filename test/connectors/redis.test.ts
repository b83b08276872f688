/**
 * The Redis connector against the connector contract: a private server, a private cluster of three, and, where
 * WBSYNC_TEST_REDIS_URL or WBSYNC_TEST_REDIS_CLUSTER ("host:port,host:port") names one, somebody else's.
 */
import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { Cluster, Redis } from "ioredis";
import { redis } from "../../src/connectors/redis.js";
import type { Connector } from "../../src/connectors/connector.js";
import { connectorContract } from "../contract/connector-contract.js";
import type { Connection, Harness, TableSpec } from "../contract/harness.js";
import { startRedis, type RedisServer } from "../support/redis.js";
import { startRedisCluster } from "../support/redis-cluster.js";

const CAPABILITIES = {
  ...{ transactional: true, refusesRows: false, schema: false, credentials: true, emptyRows: false },
};
const STEPWISE = { ...CAPABILITIES, transactional: false };
const PASSWORD = "se cret";

const givenUrl = process.env.WBSYNC_TEST_REDIS_URL;
const givenCluster = process.env.WBSYNC_TEST_REDIS_CLUSTER;

connectorContract("Redis", {
  capabilities: CAPABILITIES,
  mayHarm: true,
  async start() {
    // What is acknowledged has to survive kill -9.
    const server = await startRedis({ password: PASSWORD, args: ["--appendonly", "yes", "--appendfsync", "always"] });
    const { host, port } = server;
    const harness = serverHarness(server.client(), server, (connection) =>
      redis({ host, port, user: "default", password: PASSWORD, ...connection }),
    );
    return { ...harness, stop: () => server.stop() };
  },
});

connectorContract("a Redis Cluster", {
  capabilities: STEPWISE,
  mayHarm: false,
  async start() {
    const cluster = await startRedisCluster({ password: PASSWORD });
    const harness = clusterHarness(cluster.client(), ({ port, ...connection }) =>
      redis({ cluster: port ? [`127.0.0.1:${port as number}`] : cluster.addresses, password: PASSWORD, ...connection }),
    );
    return { ...harness, stop: () => cluster.stop() };
  },
});

if (givenUrl !== undefined) {
  const client = new Redis(givenUrl);
  after(() => client.disconnect());
  connectorContract("the given Redis", {
    capabilities: { ...CAPABILITIES, credentials: false },
    mayHarm: false,
    start: async () => ({
      ...serverHarness(client, undefined, (connection) => redis({ url: givenUrl, ...connection })),
      stop: async () => undefined,
    }),
  });
}

if (givenCluster !== undefined) {
  const addresses = givenCluster.split(",");
  const client = new Cluster(addresses.map((address) => `redis://${address}`));
  after(() => client.disconnect());
  connectorContract("the given Redis Cluster", {
    capabilities: { ...STEPWISE, credentials: false },
    mayHarm: false,
    start: async () => ({
      ...clusterHarness(client, ({ port: _, ...connection }) => redis({ cluster: addresses, ...connection })),
      stop: async () => undefined,
    }),
  });
}

type Connect = (connection: Connection) => { hashes(prefix: string, options: object): Connector };

function serverHarness(client: Redis, server: RedisServer | undefined, connect: Connect): Harness {
  return {
    ...common(client, () => [client], connect),
    capabilities: CAPABILITIES,
    ...(server && {
      server: {
        kill: () => server.kill(),
        shutdown: () => server.shutdown(),
        start: () => server.start(),
        async cutConnections() {
          await client.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
        },
      },
    }),
  };
}

function clusterHarness(client: Cluster, connect: Connect): Harness {
  return { ...common(client, () => client.nodes("master"), connect), capabilities: STEPWISE };
}

function common(client: Redis | Cluster, nodes: () => readonly Redis[], connect: Connect) {
  const keysOf = async (name: string) => {
    // SCAN may return a key twice.
    const found = new Set<string>();
    for (const node of nodes()) {
      for await (const keys of node.scanStream({ count: 1000 })) for (const key of keys as string[]) found.add(key);
    }
    return [...found].filter((key) => key.startsWith(`${name}:`));
  };
  return {
    prefix: `wbt_${randomBytes(4).toString("hex")}_`,
    ...{ user: "default", password: PASSWORD },
    connector: (name: string, options: { primaryKey: string | readonly string[] }, connection: Connection = {}) =>
      connect(connection).hashes(name, { primaryKey: options.primaryKey }),
    createTable: async () => undefined,
    async rows(name: string, { columns, primaryKey }: TableSpec) {
      const rows = [];
      for (const key of await keysOf(name)) {
        const id = key.slice(name.length + 1);
        const parts = primaryKey.length === 1 ? [id] : id.split(":");
        const hash = await client.hgetallBuffer(key);
        const cell = (column: string, type: string) => {
          const bytes = hash[column];
          return bytes === undefined ? null : type === "binary" ? bytes : bytes.toString();
        };
        const values = columns.map(([column, type]) => [
          column,
          parts[primaryKey.indexOf(column)] ?? cell(column, type),
        ]);
        rows.push(Object.fromEntries(values) as Record<string, string | Buffer | null>);
      }
      return rows.sort((a, b) => primaryKey.map((name) => order(a[name], b[name])).find((sign) => sign !== 0) ?? 0);
    },
    async insert(name: string, row: Readonly<Record<string, string | Buffer | null>>) {
      // Every table that rows are put into has its key in the first column.
      const [[, id], ...fields] = Object.entries(row) as [[string, string], ...[string, string | Buffer | null][]];
      await client.hset(`${name}:${id}`, ...fields.flatMap(([field, value]) => (value === null ? [] : [field, value])));
    },
    async drop(name: string) {
      for (const key of await keysOf(name)) await client.del(key);
    },
    async hold() {
      for (const node of nodes()) await node.call("CLIENT", "PAUSE", 60_000, "WRITE");
      return async () => {
        for (const node of nodes()) await node.call("CLIENT", "UNPAUSE");
      };
    },
  };
}

/** Numbers by their size, texts by their letters. */
function order(a: unknown, b: unknown): number {
  const [left, right] = [String(a), String(b)];
  if (left === right) return 0;
  if (/^-?\d+$/.test(left) && /^-?\d+$/.test(right)) return BigInt(left) < BigInt(right) ? -1 : 1;
  return left < right ? -1 : 1;
}
