/**
 * One recipe in this runner, from its registration to its end: loads the code, keeps a pipeline running, hands over to a newer
 * version, and says how it fares.
 *
 *     registration ─▶ load ─▶ open ─▶ start ─▶ run ─┬─ newer version is open: end at a batch, hand the buffer over
 *          ▲            │       │                   ├─ halted: wait for a person, or try again
 *          └────────────┴───────┴─ failing, wait ◀──┼─ overtaken: stand by until the other is gone
 *                                                   └─ ended
 */
import { codeOf, explain, HaltedError, SupersededError, WbsyncError } from "../errors.js";
import type { Logger } from "../observe/logger.js";
import type { Pipeline } from "../pipeline/pipeline.js";
import type { Registration, State, Status } from "../registry/types.js";
import { type HolderOptions, isHeld, untilReleased } from "./holder.js";
import { LetterCare } from "./letter-care.js";
import { Patience } from "./patience.js";
import { Reports } from "./reports.js";
import { Succession } from "./succession.js";
import type { TaskEnvironment } from "./task-environment.js";
import { Versions } from "./versions.js";

const DRAIN_TIMEOUT_MS = 25_000;

export class RecipeTask {
  readonly name: string;
  readonly #environment: TaskEnvironment;
  readonly #log: Logger;
  readonly #versions: Versions;
  readonly #succession: Succession;
  readonly #letters: LetterCare;
  readonly #reports: Reports;
  readonly #patience = new Patience();
  readonly #stopped = new AbortController();
  #pipeline: Pipeline | undefined;
  #isRunning = false;
  #isEnding = false;
  /** Why it has stopped itself, and up to where everything was written then. */
  #halted: { readonly reason: string; readonly at: number } | undefined;
  #finish: () => void = () => {};
  #finished = Promise.resolve();

  constructor(registration: Registration, environment: TaskEnvironment) {
    this.name = registration.name;
    this.#environment = environment;
    this.#log = environment.log.child({ recipe: registration.name });
    this.#versions = new Versions(registration);
    this.#letters = new LetterCare(this.#log, () => environment.retries(this.name));
    this.#reports = new Reports({
      log: this.#log,
      version: () => this.applied.version,
      store: async () => await environment.report(this.name, this.status()),
    });
    this.#succession = new Succession({
      open: (wanted, signal) => this.#prepare(wanted, signal),
      onReady: () => {
        if (!this.#isEnding) this.#pipeline?.stopAtBoundary();
        this.#patience.nudge();
      },
      onRefused: (wanted, error) => this.#refuse(wanted, error),
      signal: this.#stopped.signal,
    });
  }

  /** What people want, as this task knows it. */
  get registration(): Registration {
    return this.#versions.wanted;
  }

  /** What it carries out: an older version, where the one that people want could not take over. */
  get applied(): Registration {
    return this.#versions.applied;
  }

  get state(): State {
    return this.#reports.state;
  }

  /** Whether changes are being captured, or kept back on purpose by somebody. */
  get isReady(): boolean {
    return this.state === "standby" || (this.#pipeline?.status().capturing ?? false);
  }

  status(): Status {
    const at = this.#pipeline?.status();
    const { applied, refused } = this.#versions;
    return {
      runner: this.#environment.runner,
      at: Date.now(),
      version: applied.version,
      revision: applied.revision,
      reconnects: applied.reconnects,
      ...this.#reports.parts,
      ...(refused && { refused }),
      capturing: at?.capturing ?? false,
      buffered: at?.buffered ?? 0,
      rows: at?.rows ?? 0,
      deletes: at?.deletes ?? 0,
      uncertainDeletes: at?.uncertainDeletes ?? 0,
      deadLetters: at?.deadLetters ?? 0,
      committedOffset: at && Number.isFinite(at.committedOffset) ? at.committedOffset : 0,
      capturedOffset: at?.capturedOffset ?? 0,
      ...(at?.scan && { snapshot: at.scan }),
    };
  }

  /** People want something else now. */
  update(registration: Registration): void {
    if (!this.#versions.want(registration)) return;
    if (!this.#versions.isOutdated) this.#dropSuccessor();
    if (this.#pipeline) this.#followWishes();
    this.#patience.nudge();
  }

  /** Dead letters may be gone, or are to be tried again. */
  async mindLetters(): Promise<void> {
    if (this.#pipeline && this.state === "running") await this.#letters.mind(this.#pipeline);
  }

  /** Ends it: "drain" writes what is buffered first. */
  async stop(how: "drain" | "at the next batch"): Promise<void> {
    this.#isEnding = true;
    this.#succession.giveUp();
    const pipeline = this.#pipeline;
    if (pipeline && how === "drain" && this.#isRunning) {
      const tooLate = setTimeout(() => this.#giveUp(), DRAIN_TIMEOUT_MS);
      await pipeline.drain(this.#stopped.signal).catch(() => undefined);
      await this.#finished;
      clearTimeout(tooLate);
    } else pipeline?.stopAtBoundary();
    this.#stopped.abort();
    await this.#finished;
  }

  #giveUp(): void {
    const { buffered } = this.status();
    this.#log.warn(
      `${buffered} changed keys could not be written within ${DRAIN_TIMEOUT_MS / 1000} s. The position is stored: the next run carries them.`,
    );
    this.#stopped.abort();
  }

  /** Lives until it is stopped or the signal is aborted. Never throws. */
  async run(signal: AbortSignal): Promise<void> {
    this.#finished = new Promise((resolve) => (this.#finish = resolve));
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    this.#reports.begin();
    // As long as nobody knows whether it is ours to execute, its writes count as in no table.
    this.#environment.hold(this);
    try {
      while (!either.aborted && !(await this.#live(either)));
    } finally {
      this.#succession.giveUp();
      this.#environment.release(this);
      await this.#reports.end();
      this.#finish();
    }
  }

  /** From loading to the end, or to a failure that is waited out. True: it has ended in good order. */
  async #live(signal: AbortSignal): Promise<boolean> {
    try {
      this.#reports.counts = false;
      if (await isHeld(this.#holder(), signal)) await this.#standBy(signal);
      signal.throwIfAborted();
      this.#reports.counts = true;
      this.#environment.hold(this);
      this.#pipeline = await this.#open(signal);
      this.#followWishes();
      await this.#pipeline.start(signal);
      this.#versions.worked = this.applied;
      this.#environment.release(this);
      return await this.#runAll(signal);
    } catch (error) {
      if (signal.aborted || (this.#isEnding && cannotDrain(error))) return true;
      // What it has buffered is in no table, and will not be when the pipeline is closed.
      this.#environment.hold(this);
      await this.#waitOut(error, signal);
      return false;
    } finally {
      await this.#closePipelines();
    }
  }

  async #closePipelines(): Promise<void> {
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    this.#halted = undefined;
    await Promise.all([pipeline?.close(), this.#succession.close()]);
  }

  /** Opens the version that people want; where it cannot start, the one that has worked here before. */
  async #open(signal: AbortSignal): Promise<Pipeline> {
    const { wanted, fallback } = this.#versions;
    // What is told from now on is of this version, and not of one that failed before it.
    if (!fallback && wanted.revision !== this.applied.revision) {
      this.#versions.applied = wanted;
      this.#reports.become("starting");
    }
    try {
      const pipeline = await this.#prepare(wanted, signal);
      this.#versions.refused = undefined;
      this.#versions.applied = wanted;
      return pipeline;
    } catch (error) {
      if (!fallback || signal.aborted) throw error;
      this.#refuse(wanted, error);
      const pipeline = await this.#prepare(fallback, signal);
      this.#versions.applied = fallback;
      return pipeline;
    }
  }

  async #prepare(registration: Registration, signal: AbortSignal): Promise<Pipeline> {
    const recipe = await this.#environment.load(registration);
    const pipeline = this.#environment.makePipeline(recipe, this.#log, () => this.#follow());
    await pipeline.open(signal);
    return pipeline;
  }

  /** Runs pipeline after pipeline, each the successor of the one before. */
  async #runAll(signal: AbortSignal): Promise<boolean> {
    for (;;) {
      const pipeline = this.#pipeline as Pipeline;
      this.#follow();
      // It was opened while this one was starting.
      if (this.#succession.isReady) pipeline.stopAtBoundary();
      await this.#runOne(pipeline, signal);
      const successor = this.#isEnding ? undefined : this.#succession.take();
      if (!successor) return true;
      this.#log.info(`version ${successor.registration.version} takes over from ${this.applied.version}`);
      this.#pipeline = successor.pipeline;
      this.#environment.hold(this);
      await successor.pipeline.start(signal, pipeline).finally(() => pipeline.close());
      this.#environment.release(this);
      this.#versions.succeed(successor.registration);
      this.#halted = undefined;
      // What was to come meanwhile is this one, or no longer wanted.
      void this.#succession.close();
      this.#followWishes();
    }
  }

  /** Runs one pipeline to its end, over every halt. */
  async #runOne(pipeline: Pipeline, signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        this.#isRunning = true;
        return await pipeline.run(signal).finally(() => (this.#isRunning = false));
      } catch (error) {
        if (!(error instanceof HaltedError) || this.#isEnding) throw error;
        await this.#waitWhileHalted(pipeline, error, signal);
        if (this.#succession.isReady) return;
        pipeline.reconnect();
        this.#follow();
      }
    }
  }

  /** Until a newer version is open, or it may go on: because somebody says so, or after a while. */
  async #waitWhileHalted(pipeline: Pipeline, error: HaltedError, signal: AbortSignal): Promise<void> {
    const { resumes } = this.registration;
    const isOver = () => this.#succession.isReady || this.registration.resumes !== resumes;
    this.#halted = { reason: explain(error), at: pipeline.status().committedOffset };
    this.#follow();
    if (error.next === "ask") await this.#patience.until(isOver, signal);
    else if (!isOver()) await this.#patience.wait(signal, 1000);
    // An attempt of its own is told only when it has gone past that place.
    if (isOver()) this.#halted = undefined;
    signal.throwIfAborted();
  }

  #refuse(registration: Registration, error: unknown): void {
    const goesOn = (this.#versions.worked ?? this.applied).version;
    if (this.#versions.refuse(registration, error))
      this.#log.error(`version ${registration.version} cannot take over, ${goesOn} goes on: ${explain(error)}`);
    this.#reports.soon();
  }

  /** People have gone back to the version that works. */
  #dropSuccessor(): void {
    this.#succession.giveUp();
    this.#versions.refused = undefined;
  }

  /** What people want of any version is for the one that works; where they want another version, that is opened beside it. */
  #followWishes(): void {
    const { wanted, appliedAsWanted, isOutdated } = this.#versions;
    this.#apply(isOutdated ? appliedAsWanted : wanted);
    if (isOutdated) void this.#succession.prepare(wanted);
  }

  /** Carries out what is not code: pause, resume, reconnect. */
  #apply(registration: Registration): void {
    const reconnect = registration.reconnects !== this.applied.reconnects;
    const resume = registration.resumes !== this.applied.resumes;
    this.#versions.applied = registration;
    this.#pipeline?.setPaused(registration.desired === "paused");
    if (reconnect) this.#pipeline?.reconnect();
    if (resume) this.#pipeline?.resume();
    this.#follow();
  }

  /** Names the state after what the pipeline says. */
  #follow(): void {
    const at = this.#pipeline?.status();
    if (!at || this.#stopped.signal.aborted) return;
    if (this.applied.desired === "paused" && !at.isWriting) return this.#reports.become("paused");
    if (this.#halted && at.committedOffset > this.#halted.at) this.#halted = undefined;
    if (this.#halted) return this.#reports.become("halted", this.#halted.reason);
    if (at.trouble !== undefined) return this.#reports.become("failing", at.trouble);
    if (!at.capturing) return this.#reports.become("starting");
    if (at.scan) this.#reports.showProgress(at.scan, at.rows);
    this.#patience.reset();
    this.#reports.become(at.scan ? "snapshot" : "running");
  }

  async #waitOut(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof SupersededError) {
      await this.#closePipelines();
      return await this.#standBy(signal);
    }
    this.#reports.become(error instanceof HaltedError ? "halted" : "failing", explain(error), codeOf(error));
    if (!(error instanceof WbsyncError) && this.#pipeline?.classify(error) === undefined)
      this.#log.debug({ err: error });
    await this.#patience.wait(signal);
  }

  /** Waits until the runner that executes it is gone. */
  async #standBy(signal: AbortSignal): Promise<void> {
    this.#reports.counts = false;
    this.#environment.release(this);
    this.#reports.become("standby", "another runner executes this recipe");
    await untilReleased(this.#holder(), signal);
  }

  #holder(): HolderOptions {
    const environment = this.#environment;
    return { runner: environment.runner, lastReport: () => environment.lastReport(this.name) };
  }
}

/** What another runner has taken over, or nobody has allowed to go on, is left to the next run. */
function cannotDrain(error: unknown): boolean {
  return error instanceof SupersededError || error instanceof HaltedError;
}
