/** A connection to a cluster: the slice of the driver that is used, loaded only when a recipe uses it. */
import { orAbort } from "../../or-abort.js";
import { loadDriver, within } from "../sql/driver.js";
import type { Tls } from "../sql/server-options.js";
import { connectError, requestError } from "./errors.js";
import { resolveCluster, type CassandraOptions, type Cluster } from "./options.js";

/** The slice of cassandra-driver. */
interface Driver {
  readonly Client: new (options: Readonly<Record<string, unknown>>) => DriverClient;
  readonly auth: { readonly PlainTextAuthProvider: new (user: string, password: string) => unknown };
  readonly policies: { readonly retry: { readonly FallthroughRetryPolicy: new () => unknown } };
  readonly types: { readonly consistencies: Readonly<Record<string, number>> };
}

interface DriverClient {
  connect(): Promise<void>;
  execute(cql: string, params: readonly unknown[], options: object): Promise<DriverResult>;
  batch(queries: readonly { query: string; params: readonly unknown[] }[], options: object): Promise<DriverResult>;
  getReplicas(keyspace: string, routingKey: Buffer): readonly { readonly address: string }[] | null;
  shutdown(): Promise<void>;
  on(event: string, listener: () => void): void;
}

interface DriverResult {
  readonly rows?: readonly Cells[];
  readonly pageState?: string | null;
  wasApplied(): boolean;
}

/** A row of an answer, by column. */
export type Cells = Readonly<Record<string, unknown>>;

/** One CQL statement. Values travel as parameters, never inside the text. */
export interface Statement {
  readonly cql: string;
  readonly params: readonly unknown[];
}

/** How long an orderly end may take. */
const CLOSE_MS = 2000;

/** An open connection. */
export class Session {
  readonly cluster: Cluster;
  readonly #client: DriverClient;
  readonly #driver: Driver;
  readonly #rowOptions: object;
  /** The driver has one list for each part of the ring. */
  readonly #replicas = new WeakMap<object, string>();
  #closing: Promise<void> | undefined;

  private constructor(cluster: Cluster, driver: Driver, client: DriverClient) {
    this.cluster = cluster;
    this.#driver = driver;
    this.#client = client;
    const consistency = driver.types.consistencies[camelCase(cluster.consistency)];
    // A write carries its own timestamp: to repeat it is harmless.
    this.#rowOptions = { prepare: true, isIdempotent: true, consistency, logged: false };
  }

  /** Resolves the options and connects; the signal ends the wait. */
  static async open(options: CassandraOptions, signal: AbortSignal): Promise<Session> {
    const cluster = await orAbort(resolveCluster(options), signal);
    const driver = await loadDriver(
      "cassandra-driver",
      async () => (await import("cassandra-driver")).default as unknown as Driver,
    );
    signal.throwIfAborted();
    const client = new driver.Client(clientOptions(driver, cluster));
    const session = new Session(cluster, driver, client);
    try {
      const limits = {
        ms: cluster.connectTimeoutMs,
        what: "Cassandra did not answer",
        cut: () => session.cut(),
        signal,
      };
      await within(client.connect(), limits);
      return session;
    } catch (error) {
      session.cut();
      signal.throwIfAborted();
      throw connectError(cluster, error);
    }
  }

  /** Runs the work; an abort ends the connection, and the wait at once. */
  async untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_, reject) => {
      onAbort = () => {
        reject(signal.reason as Error);
        this.cut();
      };
      signal.addEventListener("abort", onAbort, { once: true });
    });
    const working = work();
    try {
      return await Promise.race([working, aborted]);
    } finally {
      signal.removeEventListener("abort", onAbort!);
      // The loser of the race may still fail, and nobody listens any more.
      working.catch(() => undefined);
      aborted.catch(() => undefined);
    }
  }

  /** Rows of a query. */
  async query(cql: string, params: readonly unknown[] = []): Promise<readonly Cells[]> {
    const options = { prepare: true, isIdempotent: true, fetchSize: 10_000 };
    return (await this.#ask(() => this.#client.execute(cql, params, options))).rows ?? [];
  }

  /** Some rows of a query, from a place that a page before has told; and where the next page begins, if there is one. */
  async page(
    cql: string,
    count: number,
    from: string | undefined,
  ): Promise<{ readonly rows: readonly Cells[]; readonly next: string | undefined }> {
    const consistency = this.#consistency(this.cluster.consistency);
    const options = { prepare: true, isIdempotent: true, consistency, fetchSize: count, pageState: from };
    const { rows = [], pageState } = await this.#ask(() => this.#client.execute(cql, [], options));
    return { rows, next: pageState ?? undefined };
  }

  /** Rows of a query that sees every conditional write, also one that nobody has finished. */
  async querySerial(cql: string, params: readonly unknown[]): Promise<readonly Cells[]> {
    const consistency = this.#consistency(this.cluster.serialConsistency);
    const options = { prepare: true, isIdempotent: true, consistency, fetchSize: 10_000 };
    return (await this.#ask(() => this.#client.execute(cql, params, options))).rows ?? [];
  }

  /** Changes the schema, and waits until the nodes agree on it. */
  async define(cql: string): Promise<void> {
    await this.#ask(() => this.#client.execute(cql, [], { prepare: false }));
  }

  /** Writes rows: one statement, or several as an unlogged batch, by way of a node that holds this routing key. */
  async write(statements: readonly Statement[], routingKey: Buffer): Promise<void> {
    const [first] = statements;
    const options = { ...this.#rowOptions, routingKey };
    if (first && statements.length === 1) {
      await this.#ask(() => this.#client.execute(first.cql, first.params, options));
      return;
    }
    const queries = statements.map(({ cql, params }) => ({ query: cql, params }));
    await this.#ask(() => this.#client.batch(queries, options));
  }

  /** Names the nodes that hold a partition, all of them; undefined where the driver does not know. */
  replicasOf(keyspace: string, routingKey: Buffer): string | undefined {
    const replicas = this.#client.getReplicas(keyspace, routingKey);
    if (!replicas || replicas.length === 0) return undefined;
    const known = this.#replicas.get(replicas);
    if (known !== undefined) return known;
    const name = replicas
      .map(({ address }) => address)
      .sort()
      .join();
    this.#replicas.set(replicas, name);
    return name;
  }

  /**
   * Conditional statements on rows of one partition: all are applied (true), or none (false). Never sent twice: what became of
   * one that was not answered, the next serial query tells.
   */
  async apply(statements: readonly Statement[]): Promise<boolean> {
    const options = {
      prepare: true,
      isIdempotent: false,
      retry: new this.#driver.policies.retry.FallthroughRetryPolicy(),
      consistency: this.#consistency("LOCAL_QUORUM"),
      serialConsistency: this.#consistency(this.cluster.serialConsistency),
    };
    const queries = statements.map(({ cql, params }) => ({ query: cql, params }));
    const [first] = statements;
    const result = await this.#ask(() =>
      first && statements.length === 1
        ? this.#client.execute(first.cql, first.params, options)
        : this.#client.batch(queries, options),
    );
    return result.wasApplied();
  }

  /** Ends the connection in an orderly way, not waiting for long. Never throws. */
  async close(): Promise<void> {
    this.cut();
    const limits = { ms: CLOSE_MS, what: "not closed", cut: () => undefined, signal: new AbortController().signal };
    await within(this.#closing ?? Promise.resolve(), limits).catch(() => undefined);
  }

  /** Ends the connection now. */
  cut(): void {
    this.#closing ??= this.#client.shutdown().catch(() => undefined);
  }

  async #ask(request: () => Promise<DriverResult>): Promise<DriverResult> {
    try {
      return await request();
    } catch (error) {
      throw requestError(this.cluster, error);
    }
  }

  #consistency(name: string): number | undefined {
    return this.#driver.types.consistencies[camelCase(name)];
  }
}

function clientOptions(driver: Driver, cluster: Cluster): Readonly<Record<string, unknown>> {
  const { user, password, keyspace } = cluster;
  return {
    contactPoints: [...cluster.contactPoints],
    localDataCenter: cluster.localDataCenter,
    protocolOptions: { port: cluster.port },
    ...(keyspace !== undefined && { keyspace }),
    ...(user !== undefined && { authProvider: new driver.auth.PlainTextAuthProvider(user, password ?? "") }),
    ...tlsOptions(cluster.tls),
    socketOptions: { connectTimeout: cluster.connectTimeoutMs, readTimeout: cluster.statementTimeoutMs },
    monitorReporting: { enabled: false },
  };
}

/** The driver does not look at the server's certificate unless it is told to. */
function tlsOptions(tls: Tls): object {
  if (tls === false) return {};
  return { sslOptions: { rejectUnauthorized: true, ...(tls === true ? {} : tls) } };
}

/** "LOCAL_QUORUM" is `localQuorum` in the driver. */
const camelCase = (name: string): string =>
  name.toLowerCase().replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
