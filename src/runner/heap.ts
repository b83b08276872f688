/** How the garbage collector treats what waits for the database. */
import { setFlagsFromString } from "node:v8";

/** In per cent of what is in use. Less costs CPU: at 30 a row costs a fifth more of it. */
const GARBAGE_PERCENT = 50;

/**
 * On a machine with much memory V8 lets the heap grow to several times what is in use before it looks for garbage. A runner under load
 * turns over its whole buffer every few seconds; this keeps its memory near to what it needs.
 */
export function limitGarbage(): void {
  setFlagsFromString(`--heap-growing-percent=${GARBAGE_PERCENT}`);
}

/**
 * Where objects used to grow old, V8 makes new ones old from the start. In a buffer they grow old while the database is slow, and die
 * young as soon as it is not: then old space fills up with garbage, and a row costs up to twice the CPU (docs/benchmarks.md).
 */
export function expectYouth(): void {
  setFlagsFromString("--no-allocation-site-pretenuring");
}
