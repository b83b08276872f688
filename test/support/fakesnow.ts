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
const ENVIRONMENT = "fakesnow-0.12.1";
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
    await environment(python);
    return undefined;
  } catch (error) {
    const { stderr = "", message } = error as { stderr?: string; message: string };
    return `pip could not install fakesnow: ${(stderr.trim() || message).split("\n").slice(-3).join(" ")}`;
  }
}

/** Starts one on a free port. */
export async function startFakesnow(settings: FakesnowSettings = {}): Promise<Fakesnow> {
  const python = join(cache(), ENVIRONMENT, "bin", "python");
  const folder = tempDir("wbsync-fakesnow");
  const port = await freePort();
  const accessUrl = `http://127.0.0.1:${port}`;
  const start = () =>
    spawnServer({
      command: python,
      args: [join(FOLDER, "server.py"), String(port), folder, JSON.stringify(settings)],
      logFile: join(folder, "server.log"),
      ready: async () => (await fetch(`${accessUrl}/session`, { method: "POST" })).status === 401,
      cwd: folder,
      // It makes a folder for stages, and leaves it behind.
      env: { ...process.env, TMPDIR: folder },
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

async function findPython(): Promise<string | undefined> {
  for (const command of ["python3", "python3.13", "python3.12", "python3.11"]) {
    const script = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 11) else 1)";
    const works = await run(command, ["-c", script]).then(
      () => true,
      () => false,
    );
    if (works) return command;
  }
  return undefined;
}

/** Made under another name first: an interrupted download must not count. A venv knows its path, so pip runs after the move. */
async function environment(python: string): Promise<void> {
  const folder = join(cache(), ENVIRONMENT);
  const complete = join(folder, "complete");
  if (existsSync(complete)) return;
  mkdirSync(cache(), { recursive: true });
  rmSync(folder, { recursive: true, force: true });
  await run(python, ["-m", "venv", folder]);
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "-r",
    join(FOLDER, "requirements.txt"),
  ];
  await run(join(folder, "bin", "python"), pip, { maxBuffer: 1 << 24 });
  renameSync(mkdtempSync(join(folder, "done-")), complete);
}
