/** Finds what a run of the tests left behind. */
import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Caches that tools keep in the temporary folder. */
const CACHES = /^(tsx-|node-compile-cache)/;

/**
 * The processes that work in the folder or were told of it, and the folder's entries, each as a line for people. The processes
 * are killed. What is just ending (the guards, see guard.sh) is given ten seconds.
 */
export async function leftovers(folder, patienceMs = 10_000) {
  for (let waited = 0; waited < patienceMs && find(folder).length > 0; waited += 100) await sleep(100);
  return find(folder).map(({ pid, text }) => {
    if (pid !== undefined) kill(pid);
    return text;
  });
}

function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself meanwhile.
  }
}

function find(folder) {
  const files = readdirSync(folder).filter((name) => !CACHES.test(name));
  return [...processes(folder), ...files.map((name) => ({ text: `the temporary file or folder ${name}` }))];
}

/** Where there is no /proc, the guards are trusted. */
function processes(folder) {
  return pids()
    .filter((pid) => pid !== process.pid && belongs(pid, folder))
    .map((pid) => ({ pid, text: `the process ${pid}: ${read(pid, "cmdline").replaceAll("\0", " ")}` }));
}

function pids() {
  try {
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** A server may overwrite what it was started with (PostgreSQL does), but it works in its data folder. */
function belongs(pid, folder) {
  return ["cmdline", "environ"].some((file) => read(pid, file).includes(folder)) || cwd(pid).startsWith(folder);
}

function read(pid, file) {
  try {
    return readFileSync(join("/proc", String(pid), file), "utf8");
  } catch {
    return "";
  }
}

function cwd(pid) {
  try {
    return readlinkSync(join("/proc", String(pid), "cwd"));
  } catch {
    return "";
  }
}
