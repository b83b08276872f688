/**
 * Runs test files, each in a process of its own, in the order given: `node --import tsx test/support/run-files.mjs
 * <concurrency> <file for what was skipped> <test files>`. `node --test` would do, but that it sorts its files by name.
 */
import { setMaxListeners } from "node:events";
import { createWriteStream } from "node:fs";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import skipped from "./skipped.mjs";

/** Ends what hangs; no test is that slow. */
const TIMEOUT_MS = 10 * 60_000;

const [concurrency, skippedFile, ...files] = process.argv.slice(2);
const ended = new AbortController();
setMaxListeners(0, ended.signal);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => ended.abort());

const tests = run({ files, concurrency: Number(concurrency), timeout: TIMEOUT_MS, signal: ended.signal });
tests.on("test:fail", () => (process.exitCode = 1));
// Told to end: the files' processes are being ended as well.
tests.on("error", () => process.exit(1));
tests.compose(new spec()).pipe(process.stdout);
tests.compose(skipped).pipe(createWriteStream(skippedFile));
