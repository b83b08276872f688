/** The order in which a task does things, with a pipeline that does nothing but what it is told. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HaltedError } from "../../src/errors.js";
import type { Logger } from "../../src/observe/logger.js";
import type { Pipeline, PipelineStatus } from "../../src/pipeline/pipeline.js";
import type { Recipe } from "../../src/recipe/recipe.js";
import type { Registration } from "../../src/registry/types.js";
import { RecipeTask } from "../../src/runner/recipe-task.js";
import type { TaskEnvironment } from "../../src/runner/task-environment.js";
import { waitFor } from "../support/wait.js";

const IDLE: PipelineStatus = {
  ...{ capturing: true, trouble: undefined, scan: undefined, isWriting: false, buffered: 0, rows: 0, deletes: 0 },
  ...{ deadLetters: 0, capturedOffset: 0, committedOffset: 0 },
};

const registered = (version: string, revision: number): Registration => ({
  ...{ name: "R", version, sha256: version, deployedAt: "", mode: "write-behind", keysPrefix: "p", connector: "c" },
  ...{ table: "t", revision, desired: "active", reconnects: 0, resumes: 0, history: [] },
});

class FakePipeline implements Pipeline {
  readonly recipe: Recipe;
  start: Pipeline["start"] = () => Promise.resolve();
  /** Partitions that have not begun hear nothing. */
  hasBegun = true;
  retried: boolean | undefined;
  #end: () => void = () => undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor(
    recipe: Recipe,
    readonly told: string[],
    readonly onChange: () => void,
  ) {
    this.recipe = recipe;
  }

  #tell(what: string): void {
    this.told.push(`${what} ${this.recipe.version}`);
  }

  open = () => Promise.resolve();
  classify = () => "retry" as const;
  run = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      this.#tell(this.isPaused ? "run paused" : "run");
      [this.#end, this.#fail] = [resolve, reject];
      if (this.isStopped) resolve();
    });
  isStopped = false;
  stopAtBoundary = () => {
    this.isStopped = this.hasBegun;
    this.#end();
  };
  halt = (error: Error) => this.#fail(error);
  drain = () => {
    this.#tell("drain");
    return Promise.resolve(this.stopAtBoundary());
  };
  isPaused = false;
  setPaused = (isPaused: boolean) => void (this.isPaused = isPaused);
  reconnect = () => undefined;
  resume = () => this.#tell("resume");
  reviewLetters = () => Promise.resolve();
  retry = () => Promise.resolve(this.retried ?? true);
  committedOffset = 0;
  status = () => ({ ...IDLE, committedOffset: this.committedOffset });
  close = () => Promise.resolve(this.#tell("close"));
}

/** A task whose pipelines are made ready by `prepare` before they are used; what happened, in order. */
function fixture(prepare: (pipeline: FakePipeline) => void = () => undefined) {
  const told: string[] = [];
  const pipelines: FakePipeline[] = [];
  const log = { child: () => log, info() {}, warn() {}, error() {}, debug() {} } as unknown as Logger;
  const retries = { keys: ["p:1"], isDone: false };
  const environment: TaskEnvironment = {
    runner: "r",
    log,
    load: ({ name, version }) => Promise.resolve({ name, version } as unknown as Recipe),
    makePipeline: (recipe, _, onChange) => {
      const pipeline = new FakePipeline(recipe, told, onChange);
      prepare(pipeline);
      pipelines.push(pipeline);
      return pipeline;
    },
    report: () => Promise.resolve(),
    lastReport: () => Promise.resolve(undefined),
    retries: () => Promise.resolve({ keys: retries.keys, done: () => Promise.resolve(void (retries.isDone = true)) }),
    hold: () => told.push("hold"),
    release: () => told.push("release"),
  };
  const task = new RecipeTask(registered("1.0.0", 1), environment);
  const abort = new AbortController();
  const ended = task.run(abort.signal);
  const end = async () => (abort.abort(), await ended);
  return { task, told, pipelines, retries, end };
}

test("a version that is open while the one before it is still starting takes over", async () => {
  let begin = () => {};
  const { task, told, end } = fixture((pipeline) => {
    if (pipeline.recipe.version !== "1.0.0") return;
    pipeline.hasBegun = false;
    pipeline.start = () =>
      new Promise<void>((resolve) => (begin = resolve)).then(() => void (pipeline.hasBegun = true));
  });
  await waitFor(() => task.status().version === "1.0.0");
  await new Promise(setImmediate);
  task.update(registered("2.0.0", 2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  begin();
  await waitFor(() => task.status().version === "2.0.0");
  await waitFor(() => told.includes("run 2.0.0"));
  await end();
});

test("a pause that comes while a version takes over holds for it from its first row", async () => {
  let start = () => {};
  const { task, told, end } = fixture((pipeline) => {
    if (pipeline.recipe.version === "2.0.0") pipeline.start = () => new Promise<void>((resolve) => (start = resolve));
  });
  await waitFor(() => told.includes("run 1.0.0"));
  task.update(registered("2.0.0", 2));
  await waitFor(() => told.includes("hold"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  task.update({ ...registered("2.0.0", 3), desired: "paused" });
  start();
  await waitFor(() => task.state === "paused" && task.status().revision === 3);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(told.includes("run paused 2.0.0"), told.join(", "));
  assert.ok(!told.includes("run 2.0.0"), told.join(", "));
  await end();
});

test("from the end of a pipeline to the begin of the next nobody is told that a write is in every table", async () => {
  let starts = 0;
  const { task, told, end } = fixture((pipeline) => {
    pipeline.start = () =>
      pipeline.recipe.version === "2.0.0" && ++starts === 1
        ? Promise.reject(new Error("the database is gone"))
        : Promise.resolve();
  });
  await waitFor(() => told.includes("run 1.0.0"));
  told.length = 0;
  task.update(registered("2.0.0", 2));
  await waitFor(() => told.includes("run 2.0.0"));
  assertHeldWhileClosed(told);
  await end();
});

test("what a recipe had buffered when it failed counts as in no table until it runs again", async (t) => {
  const { task, told, pipelines, end } = fixture();
  t.after(end);
  await waitFor(() => told.includes("run 1.0.0"));
  told.length = 0;
  pipelines[0]!.halt(new Error("the database is gone"));
  await waitFor(() => task.state === "failing");
  await waitFor(() => told.includes("run 1.0.0"), { what: "another attempt" });
  assert.ok(told.includes("close 1.0.0"), told.join(", "));
  assertHeldWhileClosed(told);
});

/** No pipeline was closed but while nobody was told that a write is in every table; and in the end they are told again. */
function assertHeldWhileClosed(told: readonly string[]): void {
  let isHeld = false;
  for (const what of told) {
    if (what === "hold") isHeld = true;
    if (what === "release") isHeld = false;
    if (what.startsWith("close")) assert.ok(isHeld, told.join(", "));
  }
  assert.equal(isHeld, false, "and then they are");
}

test("a recipe that a person has to look at waits for just that", async () => {
  const { task, told, pipelines, end } = fixture();
  await waitFor(() => told.includes("run 1.0.0"));
  told.length = 0;
  pipelines[0]!.halt(new HaltedError("ask", "too many deletes"));
  await waitFor(() => task.state === "halted");
  task.update({ ...registered("1.0.0", 2), reconnects: 1 });
  task.update({ ...registered("1.0.0", 3), reconnects: 1, desired: "paused" });
  assert.equal(task.state, "paused");
  task.update({ ...registered("1.0.0", 4), reconnects: 1 });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(task.state, "halted");
  assert.deepEqual(told, []);
  task.update({ ...registered("1.0.0", 5), reconnects: 1, resumes: 1 });
  await waitFor(() => task.state === "running");
  assert.deepEqual(told, ["resume 1.0.0", "run 1.0.0"]);
  await end();
});

test("one that tries again by itself is halted until it gets past the place", async () => {
  const { task, told, pipelines, end } = fixture();
  await waitFor(() => told.includes("run 1.0.0"));
  const [pipeline] = pipelines as [FakePipeline];
  pipeline.committedOffset = 7;
  for (const reason of ["person:1", "person:2"]) {
    told.length = 0;
    pipeline.halt(new HaltedError("try", reason));
    await waitFor(() => told.includes("run 1.0.0"), { what: "another attempt" });
    pipeline.onChange();
    assert.equal(task.state, "halted");
    assert.match(task.status().reason!, new RegExp(reason));
  }
  pipeline.committedOffset = 8;
  pipeline.onChange();
  assert.equal(task.state, "running");
  pipeline.halt(new HaltedError("try", "person:3"));
  await waitFor(() => task.state === "halted");
  task.update({ ...registered("1.0.0", 2), resumes: 1 });
  await waitFor(() => task.state === "running", { what: "who resumes it to see it run" });
  await end();
});

test("told to end, it does not begin with a version that was just opened", async () => {
  let open = () => {};
  const { task, told } = fixture((pipeline) => {
    if (pipeline.recipe.version === "2.0.0") pipeline.open = () => new Promise<void>((resolve) => (open = resolve));
  });
  await waitFor(() => told.includes("run 1.0.0"));
  task.update(registered("2.0.0", 2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const stopped = task.stop("drain");
  open();
  await stopped;
  assert.ok(told.includes("close 2.0.0"), told.join(", "));
  assert.ok(!told.includes("run 2.0.0"), told.join(", "));
});

test("retries are done with only when a pipeline has taken them", async () => {
  const { task, told, pipelines, retries, end } = fixture();
  await waitFor(() => told.includes("run 1.0.0"));
  pipelines[0]!.retried = false;
  await task.mindLetters();
  assert.equal(retries.isDone, false);
  pipelines[0]!.retried = true;
  await waitFor(async () => (await task.mindLetters(), retries.isDone));
  await end();
});

test("a recipe that has stopped itself ends at once", async () => {
  const { task, told, pipelines } = fixture();
  await waitFor(() => told.includes("run 1.0.0"));
  pipelines[0]!.halt(new HaltedError("ask", "too many deletes"));
  await waitFor(() => task.state === "halted");
  await task.stop("drain");
  assert.ok(told.includes("close 1.0.0"));
  assert.ok(!told.includes("drain 1.0.0"), "there is nobody who would drain it");
});
