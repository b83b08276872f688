import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Gate } from "../../src/pipeline/gate.js";

/** A gate that opens at a moment which can be moved. */
function makeGate(inMs: number) {
  const time = { opensAt: performance.now() + inMs };
  return { time, gate: new Gate(() => time.opensAt - performance.now()) };
}

const HOUR = 3_600_000;
const never = new AbortController().signal;

/** Whether a promise is settled after everything that follows by itself has followed. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  void promise.finally(() => (settled = true)).catch(() => undefined);
  await sleep(1);
  return settled;
}

test("a gate whose time has come is passed at once", async () => {
  await makeGate(0).gate.pass(never);
  await makeGate(-5).gate.pass(never);
});

test("a gate opens by the clock", async () => {
  const { gate, time } = makeGate(15);
  await gate.pass(never);
  assert.ok(performance.now() >= time.opensAt);
});

test("a change that comes during a long wait shortens it", async () => {
  const { gate, time } = makeGate(HOUR);
  const passed = gate.pass(never);
  assert.equal(await isSettled(passed), false);
  time.opensAt = performance.now() + 15;
  gate.wake();
  await passed;
  assert.ok(performance.now() >= time.opensAt, "it is taken after its duration, not before");
});

test("a change that comes during an endless wait ends it", async () => {
  const { gate, time } = makeGate(Infinity);
  const passed = gate.pass(never);
  gate.wake();
  assert.equal(await isSettled(passed), false, "nothing has changed");
  time.opensAt = 0;
  gate.wake();
  await passed;
});

test("a wait that becomes longer while it lasts is waited to its new end", async () => {
  const { gate, time } = makeGate(10);
  const passed = gate.pass(never);
  time.opensAt = Infinity;
  gate.wake();
  await sleep(30);
  assert.equal(await isSettled(passed), false);
  time.opensAt = 0;
  gate.wake();
  await passed;
});

test("no wake-up is lost, whenever it comes", async () => {
  let isOpen = false;
  const gate = new Gate(() => (isOpen ? 0 : Infinity));
  const loop = (async () => {
    for (let i = 0; i < 2000; i++) {
      await gate.pass(never);
      isOpen = false;
    }
  })();
  const waker = (async () => {
    let passed = false;
    void loop.then(() => (passed = true));
    for (let i = 0; !passed; i++) {
      isOpen = true;
      gate.wake();
      // At another depth of the queue of microtasks each time.
      for (let depth = 0; depth < i % 7; depth++) await Promise.resolve();
      if (i % 5 === 0) await new Promise(setImmediate);
    }
  })();
  await Promise.all([loop, waker]);
});

test("an aborted wait ends with the signal's reason, and the gate can be used again", async () => {
  const { gate, time } = makeGate(HOUR);
  const abort = new AbortController();
  const passed = gate.pass(abort.signal);
  abort.abort(new Error("enough"));
  await assert.rejects(passed, /enough/);
  await assert.rejects(gate.pass(abort.signal), /enough/);
  time.opensAt = 0;
  await gate.pass(never);
});
