/** A private Apache Cassandra of one node on free ports, from the jars of Maven Central, with its data in a folder of its own. */
import { rm, writeFile } from "node:fs/promises";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { auth, Client, types } from "cassandra-driver";
import { classPath, mavenJars, missingForJava } from "./maven.mjs";
import { freePort, spawnServer, tempDir, type ServerProcess } from "./process.js";

/** The server that is proven against. */
export const CASSANDRA = "org.apache.cassandra:cassandra-all:5.0.6";
/** The Java versions that it runs on. */
const JAVA = [11, 17];

/** The modules' insides that Cassandra uses: without these it does not start on Java 17. */
const OPENS = [
  ...["java.lang", "java.lang.module", "java.lang.reflect", "java.io", "java.util", "sun.nio.ch"],
  ...["jdk.internal.loader", "jdk.internal.ref", "jdk.internal.reflect", "jdk.internal.math", "jdk.internal.module"],
  ...["jdk.internal.util.jar", "java.nio"],
].map((name) => `java.base/${name}`);
const EXPORTS = [
  ...["java.base/jdk.internal.misc", "java.base/java.lang.ref", "java.management.rmi/com.sun.jmx.remote.internal.rmi"],
  ...["java.rmi/sun.rmi.registry", "java.rmi/sun.rmi.server", "java.sql/java.sql", "jdk.unsupported/sun.misc"],
];

export interface CassandraServer {
  readonly host: string;
  readonly port: number;
  readonly dataCenter: string;
  readonly keyspace: string;
  /** A superuser. */
  readonly user: string;
  readonly password: string;
  /** `cassandra://user:password@127.0.0.1:port/keyspace?localDataCenter=…` */
  readonly url: string;
  readonly pid: number;
  /** Runs one prepared statement. */
  query(cql: string, params?: readonly unknown[]): Promise<types.Row[]>;
  /** A connected client of the driver; `stop` ends it. */
  client(): Promise<Client>;
  /** Ends the server in order, and keeps the data for `start`. */
  shutdown(): Promise<void>;
  /** Ends the server with SIGKILL and keeps the data for `start`. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

/** Why the server cannot run here, with the command that mends it; undefined: it can. */
export async function missingForCassandra(): Promise<string | undefined> {
  const missing = missingForJava(JAVA);
  if (missing !== undefined) return missing;
  try {
    await mavenJars(CASSANDRA);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export interface CassandraServerOptions {
  /** Megabytes of heap; 768 where nothing is said. */
  readonly heapMb?: number;
  /** Further lines of cassandra.yaml. */
  readonly settings?: readonly string[];
  /** As servers are usually run: fast, and what was acknowledged in the last moment before kill -9 is lost (other replicas have it). */
  readonly fast?: boolean;
}

/** Starts a private server. */
export async function startCassandra(options: CassandraServerOptions = {}): Promise<CassandraServer> {
  const folder = tempDir("wbsync-cassandra");
  const [host, port, storagePort] = ["127.0.0.1", await freePort(), await freePort()];
  const [user, password, keyspace, dataCenter] = ["cassandra", "cassandra", "test", "datacenter1"];
  const args = await javaArguments(folder, options);
  await writeFile(join(folder, "cassandra.yaml"), configuration(folder, { host, port, storagePort }, options));
  await writeFile(join(folder, "logback.xml"), LOGBACK);

  const connect = async (within?: string): Promise<Client> => {
    const client = new Client({
      contactPoints: [`${host}:${port}`],
      localDataCenter: dataCenter,
      ...(within !== undefined && { keyspace: within }),
      authProvider: new auth.PlainTextAuthProvider(user, password),
    });
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.shutdown().catch(() => undefined);
      throw error;
    }
  };
  const queryIn = async (within: string | undefined, cql: string, params: readonly unknown[] = []) => {
    const client = await connect(within);
    try {
      return (await client.execute(cql, [...params], { prepare: params.length > 0, fetchSize: 100_000 })).rows ?? [];
    } finally {
      await client.shutdown();
    }
  };
  const start = (): Promise<ServerProcess> =>
    spawnServer({
      command: "java",
      args,
      logFile: join(folder, "server.log"),
      // The port opens last; only then is the driver worth its while.
      ready: async () =>
        (await isOpen(host, port)) && (await queryIn(undefined, "SELECT key FROM system.local")).length === 1,
      cwd: folder,
    });

  let server = await start();
  const replication = "{'class': 'SimpleStrategy', 'replication_factor': 1}";
  await queryIn(undefined, `CREATE KEYSPACE IF NOT EXISTS ${keyspace} WITH replication = ${replication}`);
  const clients: Client[] = [];
  const disconnect = () => Promise.all(clients.splice(0).map((client) => client.shutdown().catch(() => undefined)));
  return {
    ...{ host, port, dataCenter, keyspace, user, password },
    url: `cassandra://${user}:${password}@${host}:${port}/${keyspace}?localDataCenter=${dataCenter}`,
    query: (cql, params) => queryIn(keyspace, cql, params),
    async client() {
      const client = await connect(keyspace);
      clients.push(client);
      return client;
    },
    get pid() {
      return server.pid;
    },
    shutdown: () => server.stop(),
    kill: () => server.stop("SIGKILL"),
    pause: () => server.pause(),
    resume: () => server.resume(),
    async start() {
      if (!server.running) server = await start();
    },
    async stop() {
      await disconnect();
      await server.stop("SIGKILL");
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function javaArguments(
  folder: string,
  { heapMb = 768, fast = false }: CassandraServerOptions,
): Promise<string[]> {
  const properties: Readonly<Record<string, string>> = {
    "cassandra.config": pathToFileURL(join(folder, "cassandra.yaml")).href,
    "cassandra.storagedir": folder,
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.ring_delay_ms": "100",
    "cassandra.superuser_setup_delay_ms": "0",
    "cassandra.auth_bcrypt_gensalt_log2_rounds": "4",
    "cassandra-foreground": "yes",
    "logback.configurationFile": join(folder, "logback.xml"),
    "java.io.tmpdir": folder,
    "jdk.attach.allowAttachSelf": "true",
    "io.netty.tryReflectionSetAccessible": "true",
  };
  return [
    ...[`-Xms${Math.min(heapMb, 256)}m`, `-Xmx${heapMb}m`, "-Xss512k", "-XX:+UseSerialGC"],
    // The quick compiler makes for a quick start.
    ...(fast ? [] : ["-XX:TieredStopAtLevel=1"]),
    ...OPENS.map((name) => `--add-opens=${name}=ALL-UNNAMED`),
    ...EXPORTS.map((name) => `--add-exports=${name}=ALL-UNNAMED`),
    ...Object.entries(properties).map(([name, value]) => `-D${name}=${value}`),
    ...["-cp", classPath(await mavenJars(CASSANDRA)), "org.apache.cassandra.service.CassandraDaemon"],
  ];
}

function configuration(
  folder: string,
  { host, port, storagePort }: { host: string; port: number; storagePort: number },
  { fast = false, settings = [] }: CassandraServerOptions,
): string {
  return [
    "cluster_name: wbsync",
    "num_tokens: 1",
    "partitioner: org.apache.cassandra.dht.Murmur3Partitioner",
    "endpoint_snitch: SimpleSnitch",
    `listen_address: ${host}`,
    `rpc_address: ${host}`,
    `storage_port: ${storagePort}`,
    `native_transport_port: ${port}`,
    "seed_provider:",
    "  - class_name: org.apache.cassandra.locator.SimpleSeedProvider",
    `    parameters: [{ seeds: "${host}:${storagePort}" }]`,
    "auto_bootstrap: false",
    `data_file_directories: ["${join(folder, "data")}"]`,
    ...["commitlog", "saved_caches", "hints", "cdc_raw"].map((name) => `${name}_directory: "${join(folder, name)}"`),
    ...(fast ? ["commitlog_sync: periodic", "commitlog_sync_period: 10s"] : ["commitlog_sync: batch"]),
    "commitlog_segment_size: 32MiB",
    "commitlog_total_space: 256MiB",
    "memtable_heap_space: 128MiB",
    "memtable_offheap_space: 128MiB",
    "auto_snapshot: false",
    "authenticator: PasswordAuthenticator",
    "authorizer: CassandraAuthorizer",
    "role_manager: CassandraRoleManager",
    "disk_failure_policy: stop",
    "commit_failure_policy: stop",
    "concurrent_compactors: 1",
    ...settings,
    "",
  ].join("\n");
}

const LOGBACK = `<configuration>
  <appender name="OUT" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{HH:mm:ss.SSS} %logger{0} %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="OUT"/></root>
</configuration>
`;

async function isOpen(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connectTcp(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
