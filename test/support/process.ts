/** What every private server of the tests needs: a free port, a folder of its own, and an end that is certain. */
import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const children = new Set<ChildProcess>();
const folders = new Set<string>();

// Whatever way a test process ends, its servers and folders end with it.
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A TCP port of 127.0.0.1 that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** A new folder, removed at the latest when this process ends. */
export async function tempDir(prefix: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), prefix));
  folders.add(folder);
  return folder;
}

/** Removes a folder that `tempDir` made. */
export function removeDir(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  folders.delete(folder);
}

/** A server process that this test process started. */
export interface ServerProcess {
  readonly pid: number;
  /** The last of what it printed. */
  output(): string;
  /** Sends the signal and waits until the process has gone; SIGKILL where it takes more than 20 s. */
  stop(signal?: NodeJS.Signals): Promise<void>;
  readonly running: boolean;
}

/** Starts a server and waits until `ready` resolves to true; throws with the server's output when it ends before that. */
export async function spawnServer(
  command: string,
  args: readonly string[],
  ready: () => Promise<boolean>,
  options: SpawnOptions = {},
): Promise<ServerProcess> {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  let output = "";
  const keep = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-8000));
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  const exited = new Promise<void>((resolve) => {
    child.on("exit", () => resolve());
    child.on("error", () => resolve());
  }).then(() => void children.delete(child));
  const running = () => failure === undefined && child.exitCode === null && child.signalCode === null;

  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (!running()) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 20_000);
    await exited;
    clearTimeout(timer);
  };

  const deadline = Date.now() + 60_000;
  while (!(await ready().catch(() => false))) {
    if (!running()) throw new Error(`${command} ended before it was ready: ${failure?.message ?? ""}\n${output}`);
    if (Date.now() > deadline) {
      await stop("SIGKILL");
      throw new Error(`${command} was not ready after 60 s:\n${output}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return {
    pid: child.pid ?? 0,
    output: () => output,
    stop,
    get running() {
      return running();
    },
  };
}
