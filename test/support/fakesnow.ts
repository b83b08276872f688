/**
 * A private fakesnow: an emulator that speaks Snowflake's protocol to the real driver (fakesnow/server.py says what was added to
 * it). Its data is on the disk, so that it can be killed.
 */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePort, spawnServer, tempDir } from "./process.js";

const run = promisify(execFile);

/** Names the versions in requirements.txt: another name, another folder. */
const PACKAGES = "fakesnow-0.12.1";
const FOLDER = fileURLToPath(new URL("./fakesnow/", import.meta.url));

/** Who may sign in, and when an idle transaction that others wait for is rolled back. Where no user is named, everybody may. */
export interface FakesnowSettings {
  readonly user?: string;
  readonly password?: string;
  /** Of a key pair, in PEM. */
  readonly publicKey?: string;
  /** 300, as in Snowflake, where nothing is said. */
  readonly idleSeconds?: number;
}

export interface Fakesnow {
  readonly port: number;
  readonly accessUrl: string;
  kill(): Promise<void>;
  /** In order. */
  shutdown(): Promise<void>;
  /** Ends the sessions that wait for an answer; says how many. */
  cut(): Promise<number>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is missing to run it, with what to do about it; undefined: nothing. Downloads it the first time. */
export async function missingForFakesnow(): Promise<string | undefined> {
  const python = await findPython();
  if (python === undefined) {
    return "Python 3.11 or newer with venv is not installed: sudo apt-get install -y python3 python3-venv";
  }
  try {
    await packages(python);
    return undefined;
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    return `pip could not install fakesnow: ${(stderr.trim() || message).split("\n").slice(-3).join(" ")}`;
  }
}

/** Starts one on a free port. */
export async function startFakesnow(settings: FakesnowSettings = {}): Promise<Fakesnow> {
  const python = await findPython();
  if (python === undefined) throw new Error(await missingForFakesnow());
  const path = await packages(python);
  const folder = tempDir("wbsync-fakesnow");
  const port = await freePort();
  const accessUrl = `http://127.0.0.1:${port}`;
  const start = () =>
    spawnServer({
      command: python.command,
      args: [join(FOLDER, "server.py"), String(port), folder, JSON.stringify(settings)],
      logFile: join(folder, "server.log"),
      ready: async () => (await fetch(`${accessUrl}/session`, { method: "POST" })).status === 401,
      cwd: folder,
      // It makes a folder for stages, and leaves it behind.
      env: { ...process.env, TMPDIR: folder, PYTHONPATH: path },
    });
  let server = await start();
  return {
    ...{ port, accessUrl },
    kill: () => server.kill(),
    shutdown: () => server.stop(),
    async cut() {
      const answer = (await (await fetch(`${accessUrl}/cut`, { method: "POST" })).json()) as { cut: number };
      return answer.cut;
    },
    async start() {
      if (!server.running) server = await start();
    },
    async stop() {
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const cache = (): string => join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "wbsync");

interface Python {
  readonly command: string;
  /** "3.11" */
  readonly version: string;
}

async function findPython(): Promise<Python | undefined> {
  for (const command of ["python3", "python3.13", "python3.12", "python3.11"]) {
    const script = "import sys, venv, ensurepip; print('%d.%d' % sys.version_info[:2], sys.version_info >= (3, 11))";
    const { stdout } = await run(command, ["-c", script]).catch(() => ({ stdout: "" }));
    const [version = "", fits] = stdout.trim().split(" ");
    if (fits === "True") return { command, version };
  }
  return undefined;
}

/** The folder of fakesnow and all that it needs, for this version of Python. */
async function packages(python: Python): Promise<string> {
  const folder = join(cache(), `${PACKAGES}-py${python.version}`);
  if (existsSync(folder)) return folder;
  mkdirSync(cache(), { recursive: true });
  // Into a folder of its own first: several processes may want the same, and an interrupted download must not count.
  const work = mkdtempSync(join(cache(), "work-"));
  try {
    await run(python.command, ["-m", "venv", join(work, "venv")]);
    const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", join(work, "packages")];
    await run(join(work, "venv", "bin", "python"), [...pip, "-r", join(FOLDER, "requirements.txt")], {
      maxBuffer: 1 << 24,
    });
    rename(join(work, "packages"), folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

function rename(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    // Another process was faster; its packages are the same.
    if (!existsSync(to)) throw error;
  }
}
